"""What happened to a run, in words."""

from datetime import timedelta
from typing import Any

import msgspec

from app.clock import EPOCH
from app.events import Event
from app.runs.models import Checkpoint
from app.runs.story import Entry, Link, Recorded, Story
from app.tokens.models import Token

BEGAN = EPOCH + timedelta(days=20_000)
KEY = {"kind": "api_key", "door": "rest", "name": "shop"}
WORKER = {"kind": "worker", "door": "worker"}


def event(at: int, kind: str, actor: dict[str, Any] | None = None, **data: Any) -> Event:
    return Event(at, "env_1", kind, "run_1", actor or WORKER, BEGAN + timedelta(seconds=at), data)


def record(at: int, position: str, name: str, **values: Any) -> Recorded:
    return Recorded(BEGAN + timedelta(seconds=at), Checkpoint(position, name, **values))


def told(*events: Event, journal: list[Recorded] | None = None, **tokens: Token) -> list[Entry]:
    return Story(events, journal or [], tokens).entries()


def says(*events: Event, journal: list[Recorded] | None = None, **tokens: Token) -> list[str]:
    return [entry.words for entry in told(*events, journal=journal, **tokens)]


def token(id: str, kind: str = "MANUAL") -> Token:
    return msgspec.convert(
        {"id": id, "environment_id": "env_1", "status": "WAITING", "tags": (), "created_at": BEGAN, "timeout_at": BEGAN, "kind": kind},
        Token,
    )  # fmt: skip


def test_events_and_journal_are_one_story() -> None:
    """Oldest first; that the run gave its slot back is left out."""
    journal = [
        record(2, "1", "create_token", kind="token", result='{"id":"waitpoint_1"}'),
        record(3, "2", "send", result='{"sent":true}'),
    ]

    entries = told(
        event(0, "run.queued", KEY, generation=0),
        event(1, "run.executing", worker="w1"),
        event(4, "run.waits", position="3", tokens=["waitpoint_1"]),
        event(5, "run.waiting"),
        event(6, "run.woken", KEY, position="3"),
        event(7, "run.completed"),
        journal=journal,
    )

    assert [
        "Queued",
        "Executing on the worker `w1`",
        "Created the token",
        "`send`",
        "Waits for",
        "Woken",
        "Completed",
    ] == [entry.words for entry in entries]
    assert (Link("token", "waitpoint_1"),) == entries[2].links == entries[4].links
    assert ('{"sent":true}', "2") == (entries[3].result, entries[3].position)
    assert KEY == entries[5].actor


def test_of_one_instant_causes_come_first() -> None:
    """Whatever the batch was."""
    journal = [record(1, "1", "send")]

    assert ["Executing on the worker `w1`", "`send`", "Waits for", "Completed"] == says(
        event(1, "run.completed"),
        event(1, "run.waits", position="2", tokens=["waitpoint_1"]),
        event(1, "run.executing", worker="w1"),
        journal=journal,
    )


def test_a_sleep_says_until_when() -> None:
    (entry,) = told(event(1, "run.waits", position="1", tokens=["t"]), t=token("t", "SLEEP"))

    assert ("Sleeps until", BEGAN, ()) == (entry.words, entry.until, entry.links)


def test_a_child_is_spoken_of_as_a_run() -> None:
    """Not as the token that its end settles."""
    journal = [record(1, "1", "trigger", kind="run", result='{"run":"run_2","token":"t"}')]
    story = Story([event(2, "run.waits", position="2", tokens=["t"])], journal, {})

    assert [(Link("run", "run_2"),)] * 2 == [entry.links for entry in story.entries()]
    assert ("run_2",) == story.children


def test_an_input_is_spoken_of_by_its_name() -> None:
    """Not as the token that stands for it."""
    waits, sent = told(
        event(1, "run.waits", position="1", tokens=["t"], input="approval"),
        event(2, "run.input", KEY, input="approval"),
    )

    assert ("Waits for the input `approval`", ()) == (waits.words, waits.links)
    assert ("Was sent the input `approval`", KEY) == (sent.words, sent.actor)


def test_what_went_wrong_is_told_in_words() -> None:
    error = '{"type":"CardDeclined","message":"no","traceback":"…"}'

    entries = told(
        event(2, "run.retried", attempt=2),
        event(3, "run.queued", {"kind": "system", "door": "lease"}, generation=2),
        event(4, "run.problem", problem="step 3: expected `send`, found `charge`"),
        event(5, "run.failed"),
        event(6, "run.retried", KEY, attempt=3),
        journal=[record(1, "1", "charge", error=error)],
    )

    assert [
        "`charge` failed: CardDeclined: no",
        "Failed; attempt 2 follows",
        "Queued again: nothing was heard of its worker any more",
        "The code does not fit what is recorded: step 3: expected `send`, found `charge`",
        "Failed",
        "Retried",
    ] == [entry.words for entry in entries]
    assert [True, True, False, True, True, False] == [entry.is_bad for entry in entries]


def test_an_answer_that_was_there_first_is_told() -> None:
    """There was no wait then, and no waking; after a wait the record says nothing new."""
    journal = [record(1, "1", "wait", kind="wait", result='["t"]'), record(3, "2", "wait", kind="wait", result='["t"]')]

    assert ["What it waited for was there already", "Waits for"] == says(
        event(2, "run.waits", position="2", tokens=["t"]), journal=journal
    )


def test_records_that_are_not_json_do_no_harm() -> None:
    """Nor do events of a later version."""
    journal = [record(1, "1", "create_token", kind="token", result="{"), record(2, "2", "send", error="oh")]

    assert ["Created the token", "`send` failed: Error", "Moved"] == says(event(3, "run.moved"), journal=journal)
