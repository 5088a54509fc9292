"""How calls are tried again, told by driving the conversation itself: no network, no sleep."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from waitpoint import RateLimited, ServerUnavailable, StillWaiting
from waitpoint import _calls as calls
from waitpoint._conversations import Conversation, Outcome, Patience, Reply, Request, Silence, ask, wait_until_settled

SILENCE = Silence(url="http://x", reason="nothing listens there")
WAITING = b'{"id":"waitpoint_1","status":"WAITING","tags":[],"createdAt":"2026-11-22T09:00:00Z"}'
COMPLETED = WAITING.replace(b"WAITING", b"COMPLETED")


def reply(status: int = 200, body: bytes = WAITING, headers: Mapping[str, str] | None = None) -> Reply:
    return Reply(url="http://x/api/v1/waitpoints/tokens/waitpoint_1", status=status, headers=headers or {}, body=body)


def requests_until_the_end(conversation: Conversation[Any], outcome: Outcome) -> list[Request]:
    """Everything that is sent while the answer is always the same; the error is left to raise itself."""
    requests = [next(conversation)]
    with suppress(ServerUnavailable):
        while True:
            requests.append(conversation.send(outcome))
    return requests


def second_request(outcome: Outcome) -> Request:
    """What is sent after this came back."""
    conversation = ask(calls.retrieve_token("waitpoint_1"))
    next(conversation)
    return conversation.send(outcome)


@pytest.mark.parametrize(
    "outcome",
    [
        SILENCE,
        reply(500, b"oops"),
        reply(502, b"<html>bad gateway</html>"),
        reply(503, b'{"error":"busy"}'),
        reply(404, b"<!DOCTYPE html><p>Not found"),
        reply(404, b'{"detail":"no such route"}'),
        reply(301, b"", {"location": "https://x/"}),
        reply(200, b"<html>Welcome to your hotel</html>", {"content-type": "text/html"}),
        reply(200, b'{"hello":"world"}'),
    ],
    ids=["silence", "500", "502 html", "503", "404 html", "404 other", "redirect", "200 html", "200 other"],
)
def test_what_may_pass_is_tried_five_times_under_one_key(outcome: Outcome) -> None:
    """One UUID per call, kept across its retries, so the server acts once."""
    requests = requests_until_the_end(ask(calls.create_token()), outcome)

    assert 5 == len(requests)
    assert 1 == len({request.headers["x-trigger-request-idempotency-key"] for request in requests})


def test_pauses_grow_and_jitter() -> None:
    """The first try comes at once."""
    pauses = [request.after for request in requests_until_the_end(ask(calls.create_token()), SILENCE)]

    assert pauses[0] == 0
    for pause, most in zip(pauses[1:], (0.25, 0.5, 1.0, 2.0), strict=True):
        assert most / 2 <= pause <= most


def test_two_calls_have_two_keys() -> None:
    """Or the second would get the first one's answer."""
    keys = {next(ask(calls.create_token())).headers["x-trigger-request-idempotency-key"] for _ in range(2)}

    assert 2 == len(keys)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (SILENCE, "cannot be reached: nothing listens there"),
        (reply(200, b"<html>"), "answered HTML, is the URL right"),
        (reply(404, b"{}"), "is the URL right"),
        (reply(301, b"", {"location": "https://y/"}), "redirects to https://y/"),
        (reply(507, b'{"error":"The disk is full"}'), "failed with status 507. The disk is full"),
        (reply(200, b"[]"), "something else than Waitpoint"),
    ],
)
def test_the_last_failure_says_what_to_look_at(outcome: Outcome, said: str) -> None:
    """Not a status, but a sentence."""
    conversation = ask(calls.retrieve_token("waitpoint_1"), Patience(tries=1))
    next(conversation)

    with pytest.raises(ServerUnavailable, match=said.replace("?", r"\?")):
        conversation.send(outcome)


def test_a_server_that_names_a_pause_gets_it() -> None:
    """`Retry-After` in seconds."""
    assert 7 <= second_request(reply(429, b"{}", {"retry-after": "7"})).after <= 7.25
    assert 3 <= second_request(reply(503, b"{}", {"retry-after": "3"})).after <= 3.25


def test_a_pause_may_be_a_date_by_the_servers_clock() -> None:
    """A client whose clock is a day off waits no day."""
    its_now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    headers = {
        "date": format_datetime(its_now, usegmt=True),
        "retry-after": format_datetime(its_now + timedelta(seconds=9), usegmt=True),
    }

    assert 9 <= second_request(reply(429, b"{}", headers)).after <= 9.25


def test_a_rate_limit_names_the_moment_in_milliseconds() -> None:
    """`x-ratelimit-reset`, where there is no `Retry-After`."""
    its_now = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    reset = str(int((its_now.timestamp() + 4) * 1000))
    headers = {"date": format_datetime(its_now, usegmt=True), "x-ratelimit-reset": reset}

    assert 4 <= second_request(reply(429, b"{}", headers)).after <= 4.25


def test_a_server_that_asks_for_an_hour_gets_an_exception_instead() -> None:
    """A program should not stand still for an hour without being told."""
    conversation = ask(calls.retrieve_token("waitpoint_1"))
    next(conversation)

    with pytest.raises(RateLimited, match="Slow down") as limited:
        conversation.send(reply(429, b'{"error":"Slow down"}', {"retry-after": "3600"}))

    assert limited.value.retry_after == 3600


def test_nonsense_in_retry_after_is_passed_over() -> None:
    """The usual pause, then."""
    assert second_request(reply(429, b"{}", {"retry-after": "soon"})).after <= 0.25


def test_a_wait_polls_until_the_token_is_settled() -> None:
    """First it looks, so an answer that came earlier costs one call."""
    conversation = wait_until_settled("waitpoint_1", within=None)
    assert next(conversation).call.path.endswith("/waitpoint_1")
    polled = conversation.send(reply(body=WAITING))
    assert polled.call.path.endswith("/wait")
    assert polled.call.query == {"timeout": "30s"}

    with pytest.raises(StopIteration) as end:
        conversation.send(reply(body=COMPLETED))

    assert end.value.value.is_completed


def test_a_wait_outlives_an_outage() -> None:
    """Once the server has answered, it may be away as long as it likes."""
    conversation = wait_until_settled("waitpoint_1", within=None)
    next(conversation)
    conversation.send(reply(body=WAITING))
    for _ in range(50):
        assert conversation.send(SILENCE).after <= 5

    with pytest.raises(StopIteration):
        conversation.send(reply(body=COMPLETED))


def test_a_wait_that_never_reached_the_server_gives_up() -> None:
    """Waiting for ever at a wrong address would help nobody."""
    assert 5 == len(requests_until_the_end(wait_until_settled("waitpoint_1", within=None), SILENCE))


def test_a_wait_ends_when_its_own_time_is_up() -> None:
    """The token goes on waiting; the exception says so."""
    conversation = wait_until_settled("waitpoint_1", within=0.0)
    next(conversation)

    with pytest.raises(StillWaiting, match="goes on waiting"):
        conversation.send(reply(body=WAITING))


def test_a_poll_that_comes_back_at_once_is_not_repeated_at_once() -> None:
    """A server that is going down answers early; a tight loop would keep it busy."""
    conversation = wait_until_settled("waitpoint_1", within=None)
    next(conversation)
    assert conversation.send(reply(body=WAITING)).after == 0

    assert conversation.send(reply(body=WAITING)).after >= 0.5
