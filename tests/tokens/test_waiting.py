"""Waiting for a token over HTTP: the long poll, and the call that the official SDK makes before it suspends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.cast import ADAS_KEY, headers_of
from tests.makers import TOKENS, House, Program, ben_with
from tests.servers import RunningServer


def test_a_settled_token_is_answered_at_once(ada: Program) -> None:
    """With the body of retrieve."""
    token = ada.make_token()
    ada.complete(token, {"approved": True})

    began = time.monotonic()
    answer = ada.get(f"{token.path}/wait", params={"timeout": "30s"})

    assert ada.show(token) == answer.json()
    assert time.monotonic() - began < 5


def test_a_poll_hears_the_answer_when_it_comes(house: House, ada: Program) -> None:
    """By whatever door it comes, and however many wait."""
    ends: list[Callable[[Any], Any]] = [
        lambda token: ada.complete(token, 1),
        lambda token: ada.post(token.callback, content=b"1"),
        lambda token: ada.cancel(token, "r"),
        lambda _: house.time_passes(minutes=11),
    ]
    for end in ends:
        token = ada.make_token()
        with ThreadPoolExecutor(3) as threads:
            polls = [threads.submit(ada.get, f"{token.path}/wait?timeout=20s") for _ in range(3)]
            time.sleep(0.2)  # so that they wait; if one came later it would hear the same
            end(token)
            answers = [poll.result(timeout=10) for poll in polls]

        shown = ada.show(token)
        assert shown["status"] != "WAITING"
        assert [shown] * 3 == [answer.json() for answer in answers]


def test_an_answer_before_and_during_the_wait_is_never_missed(ada: Program) -> None:
    """At any offset: before the poll, while it registers, after it."""
    tokens = [ada.make_token() for _ in range(40)]
    with ThreadPoolExecutor(8) as threads:

        def race(pair: tuple[int, Any]) -> Any:
            number, token = pair
            timer = threading.Timer(number / 4000, ada.complete, (token, number))
            timer.start()
            answer = ada.get(f"{token.path}/wait?timeout=10s")
            timer.join()
            return answer.json()

        shown = list(threads.map(race, enumerate(tokens)))

    assert [("COMPLETED", str(number)) for number in range(40)] == [(body["status"], body["output"]) for body in shown]


def test_when_the_time_is_up_the_token_is_shown_as_it_is(ada: Program) -> None:
    """WAITING, after about the time that was asked for."""
    token = ada.make_token()

    began = time.monotonic()
    answer = ada.get(f"{token.path}/wait?timeout=1s")

    assert (200, "WAITING") == (answer.status_code, answer.json()["status"])
    assert 0.9 < time.monotonic() - began < 5


def test_the_time_of_a_poll_is_a_duration(ada: Program) -> None:
    """What cannot be read is refused by name."""
    token = ada.make_token()
    for text in ("soon", "0s", "-1s", "5", "1e9s"):
        answer = ada.get(f"{token.path}/wait", params={"timeout": text})

        assert (400, "/timeout" in answer.text or "timeout" in answer.json()["detail"]) == (answer.status_code, True)


def test_a_public_access_token_may_wait_when_it_may_read(house: House, ada: Program) -> None:
    """A form's token completes and does not read; one with `read:` waits for its own token and no other."""
    token, other = ada.make_token(), ada.make_token()
    ada.complete(token, 1)
    reader = house.program(house.mint(f"read:waitpoints:{token.id}"))

    assert 200 == reader.get(f"{token.path}/wait?timeout=1s").status_code
    assert 403 == reader.get(f"{other.path}/wait?timeout=1s").status_code
    assert 403 == ben_with(house, token).get(f"{token.path}/wait?timeout=1s").status_code


def test_a_poll_hears_of_the_deadline_itself(shared_server: RunningServer) -> None:
    """With a sweeper at work: neither early nor much too late."""
    with httpx.Client(base_url=shared_server.url, headers=headers_of(ADAS_KEY), timeout=20, trust_env=False) as client:
        token = client.post(TOKENS, json={"timeout": "1s"}).json()

        began = time.monotonic()
        shown = client.get(f"{TOKENS}/{token['id']}/wait?timeout=15s").json()
        took = time.monotonic() - began

    assert ("TIMED_OUT", shown["timeoutAt"]) == (shown["status"], shown["completedAt"])
    assert 0.5 < took < 8


def test_registering_a_wait_changes_nothing(house: House, ada: Program, cleo: Program) -> None:
    """The official SDK calls it before it suspends a run of its own; the token must exist."""
    token = ada.make_token()
    path = f"/engine/v1/runs/run_1/waitpoints/tokens/{token.id}/wait"
    before = ada.show(token)

    answers = [ada.post(path), ada.post(path, json={}), ada.post(path, content=b"anything")]

    assert [{"success": True}] * 3 == [answer.json() for answer in answers]
    assert before == ada.show(token)
    assert 404 == cleo.post(path).status_code
