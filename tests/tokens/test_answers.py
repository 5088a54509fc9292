"""How a token ends: completed by key, form or callback, cancelled, or by its deadline; once, and for ever."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.events import of_subject
from tests.makers import TOKENS, House, Program, ben_with

SUCCESS = {"success": True}


@pytest.mark.parametrize(
    "data",
    [{"approved": True}, [1, 2], "yes", "", 0, -1.5, True, False, None, {}, {"": {"nested": ["ü", "😀"]}}, "x" * 100_000],
)  # fmt: skip
def test_any_json_value_is_an_answer(ada: Program, data: Any) -> None:
    """The output is that value as JSON text."""
    token = ada.make_token()

    answer = ada.complete(token, data)

    assert (200, SUCCESS) == (answer.status_code, answer.json())
    shown = ada.show(token)
    assert ("COMPLETED", data) == (shown["status"], json.loads(shown["output"]))
    assert ("application/json", False) == (shown["outputType"], shown["outputIsError"])


def test_without_data_there_is_no_output(ada: Program) -> None:
    """`{}` completes with nothing to say; `null` is something said."""
    token, null = ada.make_token(), ada.make_token()

    ada.complete(token)
    ada.complete(null, None)

    assert "output" not in ada.show(token)
    assert "null" == ada.show(null)["output"]


def test_the_moment_of_completion_is_told(house: House, ada: Program) -> None:
    """By the server's clock, to the millisecond."""
    with house.clock.standing():
        token = ada.make_token()
        house.clock.move(milliseconds=1234)
        ada.complete(token, 1)
        shown = ada.show(token)

    assert shown["createdAt"] < shown["completedAt"] < shown["timeoutAt"]
    assert house.read(lambda _: shown["completedAt"]).endswith("Z")


def test_nothing_changes_after_the_end(house: House, ada: Program) -> None:
    """However it ended: whoever comes by whatever door changes no field and adds no event."""
    ways: list[Callable[[Any], Any]] = [
        lambda token: ada.complete(token, "first"),
        lambda token: ada.post(token.callback, content=b'"first"'),
        lambda token: ben_with(house, token).complete(token, "first"),
        lambda token: ada.cancel(token, "first"),
        lambda _token: house.clock.move(minutes=11),
    ]
    for end in ways:
        token = ada.make_token()
        end(token)
        house.sweep()
        before, events = ada.show(token), house.read(of_subject, token.id)

        for again in ways:
            again(token)
            house.sweep()

        assert before == ada.show(token)
        assert events == house.read(of_subject, token.id)
        assert 2 == len(events)


def test_the_loser_is_told_the_truth(house: House, ada: Program) -> None:
    """200, because official clients retry a conflict; with what stands, because people want to know."""
    token = ada.make_token()
    ada.complete(token, 1)
    completed_at = ada.show(token)["completedAt"]
    truth = {**SUCCESS, "alreadyCompleted": True, "status": "COMPLETED", "completedAt": completed_at}

    losers = [
        ada.complete(token, 2),
        ada.cancel(token),
        ada.post(token.callback, content=b"2"),
        ben_with(house, token).complete(token, 2),
    ]

    assert [(200, truth)] * 4 == [(loser.status_code, loser.json()) for loser in losers]


@pytest.mark.parametrize("value", ["true", "1"])
def test_whoever_asks_is_told_of_a_conflict(house: House, ada: Program, value: str) -> None:
    """409 only with `x-waitpoint-if-waiting`: who was first, when and what."""
    token = ada.make_token()
    headers = {"x-waitpoint-if-waiting": value}

    first = ada.complete(token, {"by": "Ada"}, headers=headers)
    second = ada.complete(token, {"by": "Ben"}, headers=headers)
    callback = ada.post(token.callback, content=b"{}", headers=headers)
    cancelled = ada.cancel(token, headers=headers)

    assert (200, SUCCESS) == (first.status_code, first.json())
    for answer in (second, callback, cancelled):
        body = answer.json()
        assert (409, "token-already-completed", 409) == (answer.status_code, body["code"], body["status"])
        assert ("COMPLETED", '{"by":"Ada"}') == (body["tokenStatus"], body["output"].replace(" ", ""))
        assert ada.show(token)["completedAt"] == body["completedAt"]


def test_who_was_first_is_told_as_far_as_it_is_ones_business(house: House, ada: Program) -> None:
    """How our keys are called is for those who have one."""
    token = ada.make_token()
    headers = {"x-waitpoint-if-waiting": "true"}
    ada.complete(token, 1)

    assert ada.complete(token, 2, headers=headers).json()["completedBy"].startswith("API key ")
    assert "a program" == ada.post(token.callback, content=b"2", headers=headers).json()["completedBy"]
    assert "a program" == ben_with(house, token).complete(token, 2, headers=headers).json()["completedBy"]


def test_a_repeated_request_gets_the_first_answer_again(ada: Program) -> None:
    """The answer may have been lost on its way; the winner is not told that somebody else was first."""
    token = ada.make_token()
    mine = {"x-trigger-request-idempotency-key": "4b8c0d5e-0001-4000-8000-000000000001"}
    other = {"x-trigger-request-idempotency-key": "4b8c0d5e-0002-4000-8000-000000000002"}

    first = ada.complete(token, 1, headers=mine)
    again = ada.complete(token, 1, headers=mine)
    asked = ada.complete(token, 1, headers={**mine, "x-waitpoint-if-waiting": "true"})
    late = ada.complete(token, 2, headers=other)

    assert [SUCCESS] * 3 == [answer.json() for answer in (first, again, asked)]
    assert late.json()["alreadyCompleted"] is True


def test_a_cancelled_token_reads_timed_out_with_a_reason(ada: Program) -> None:
    """On the wire there are three statuses; our own fields tell the rest."""
    token, silent = ada.make_token(), ada.make_token()

    answer = ada.cancel(token, "sold out")
    ada.cancel(silent)

    shown = ada.show(token)
    assert (200, SUCCESS) == (answer.status_code, answer.json())
    assert ("TIMED_OUT", True, "application/json") == (shown["status"], shown["outputIsError"], shown["outputType"])
    assert {"code": "WAITPOINT_CANCELLED", "message": "Waitpoint was cancelled: sold out"} == json.loads(
        shown["output"]
    )
    assert ("sold out", shown["completedAt"]) == (shown["cancelReason"], shown["cancelledAt"])
    assert "cancelReason" not in ada.show(silent)
    assert "WAITPOINT_CANCELLED" == json.loads(ada.show(silent)["output"])["code"]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"reason": null}', b'{"reason": ""}'])
def test_a_cancellation_needs_no_reason(ada: Program, body: bytes) -> None:
    token = ada.make_token()

    assert SUCCESS == ada.post(f"{token.path}/cancel", content=body).json()
    assert "cancelReason" not in ada.show(token)


def test_who_did_it_and_by_which_door_is_in_the_log(house: House, ada: Program) -> None:
    """The timeline of a token: created, and how it ended."""
    doors: dict[tuple[str, str, str], Callable[[Any], Any]] = {
        ("token.completed", "api_key", "rest"): lambda token: ada.complete(token, 1),
        ("token.completed", "public_access_token", "rest"): lambda token: ben_with(house, token).complete(token, 1),
        ("token.completed", "callback", "callback"): lambda token: ada.post(token.callback, content=b"1"),
        ("token.cancelled", "api_key", "rest"): lambda token: ada.cancel(token, "r"),
        ("token.timed_out", "system", "deadline"): lambda _: house.time_passes(minutes=11),
    }

    for expected, end in doors.items():
        token = ada.make_token(tags=["t"])
        end(token)
        created, ended = house.read(of_subject, token.id)

        assert ("token.created", "api_key", "rest") == said(created)
        assert expected == said(ended)
        assert created.seq < ended.seq
        assert house.dev.id == created.environment_id == ended.environment_id


def said(event: Any) -> tuple[str, str, str]:
    return event.kind, event.actor["kind"], event.actor["door"]


def test_at_the_deadline_the_deadline_has_won(house: House, ada: Program) -> None:
    """A millisecond before it an answer still counts; at it, and after it, no more."""
    with house.clock.standing():
        early, exact, late = (ada.make_token(timeout="5s") for _ in range(3))
        house.clock.move(milliseconds=4_999)
        assert SUCCESS == ada.complete(early, 1).json()
        house.clock.move(milliseconds=1)
        told = ada.complete(exact, 1).json()
        house.clock.move(milliseconds=1)
        assert ada.post(late.callback, content=b"1").json()["status"] == "TIMED_OUT"

    assert ("TIMED_OUT", ada.show(exact)["timeoutAt"]) == (told["status"], told["completedAt"])
    assert "COMPLETED" == ada.show(early)["status"]


def test_an_overdue_token_reads_exactly_as_the_sweeper_will_write_it(house: House) -> None:
    """In retrieve, lists, filters and to late completers; before the sweeper comes by and after, byte for byte."""
    program = house.newcomer()
    token = program.make_token(timeout="3s", tags=["due"])
    waiting = program.make_token(timeout="1h", tags=["due"])
    deadline = program.show(token)["timeoutAt"]
    house.clock.move(seconds=4)

    def seen() -> list[Any]:
        return [
            program.get(token.path).content,
            program.find().content,
            program.find(status="TIMED_OUT").content,
            program.find(status="TIMED_OUT", tags="due").content,
            program.find_ids(status="WAITING"),
            program.find_ids(status="WAITING", tags="due"),
            program.find_ids(status="COMPLETED"),
            program.complete(token, 1).content,
            program.cancel(token, "x").content,
        ]

    before = seen()
    assert 1 <= house.sweep()
    after = seen()

    assert before == after
    shown = json.loads(before[0])
    assert ("TIMED_OUT", deadline, deadline) == (shown["status"], shown["completedAt"], shown["timeoutAt"])
    assert {"code": "TRIGGER_WAITPOINT_TIMEOUT", "message": f"Waitpoint timed out at {deadline}"} == json.loads(
        shown["output"]
    )
    assert (True, "application/json") == (shown["outputIsError"], shown["outputType"])
    assert [[waiting.id], [waiting.id], []] == before[4:7]
    assert [token.id] == [item["id"] for item in json.loads(before[2])["data"]]
    assert not {"cancelledAt", "cancelReason"} & set(shown)


def test_the_sweeper_takes_the_earliest_first_and_each_once(house: House) -> None:
    """Many at once: every one is timed out, in the order of the deadlines, and a second sweep finds nothing."""
    program = house.newcomer()
    house.sweep()
    tokens = [program.make_token(timeout=f"{10 - number}s") for number in range(8)]
    house.clock.move(seconds=11)

    assert 8 == house.sweep()
    assert 0 == house.sweep()

    endings = [house.read(of_subject, token.id)[-1] for token in reversed(tokens)]
    assert ["token.timed_out"] * 8 == [event.kind for event in endings]
    assert sorted(event.seq for event in endings) == [event.seq for event in endings]


def test_retrieve_leaves_absent_values_out(ada: Program) -> None:
    """Never null: the official SDK turns a null date into 1970, and throws on other nulls."""
    plain = ada.make_token(timeout=None)
    full = ada.make_token(timeout="1h", tags=["a"], idempotencyKey="k-" + plain.id, idempotencyKeyTTL="2h")
    ada.complete(full, {"a": 1})

    waiting, completed = ada.show(plain), ada.show(full)

    assert ["id", "type", "url", "status", "tags", "createdAt", "outputType", "outputIsError"] == list(waiting)
    assert ("MANUAL", "WAITING", [], plain.url) == (
        waiting["type"],
        waiting["status"],
        waiting["tags"],
        waiting["url"],
    )
    assert {
        "id", "type", "url", "status", "tags", "createdAt", "timeoutAt", "completedAfter", "completedAt",
        "idempotencyKey", "idempotencyKeyExpiresAt", "output", "outputType", "outputIsError",
    } == set(completed)  # fmt: skip
    assert None not in [*waiting.values(), *completed.values()]
    assert (f"k-{plain.id}", '{"a":1}') == (completed["idempotencyKey"], completed["output"].replace(" ", ""))


def test_a_callback_url_outlives_nothing_it_should_not(house: House, ada: Program, cleo: Program) -> None:
    """It opens its own token without any key, and no other; with a wrong key beside it, too."""
    token, hers = ada.make_token(), cleo.make_token()
    swapped = token.callback.replace(token.id, hers.id)

    assert 401 == ada.post(swapped, content=b"1").status_code
    assert 200 == ada.post(token.callback, content=b"1", headers={"authorization": "Bearer nonsense"}).status_code
    assert "WAITING" == cleo.show(hers)["status"]


def test_paths_end_with_or_without_a_slash(ada: Program) -> None:
    """As the framework has it, for every door alike."""
    token = ada.make_token()

    assert 200 == ada.get(f"{TOKENS}/{token.id}/").status_code
    assert 200 == ada.post(f"{TOKENS}/{token.id}/complete/", json={"data": 1}).status_code
    assert "1" == ada.show(token)["output"]
