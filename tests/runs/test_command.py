"""`waitpoint runs` as typed, against the whole server."""

import json
from typing import Any

import pytest

from app.runs import lifecycle
from tests.makers import House, Program
from tests.pages.test_run_pages import Work
from waitpoint import _cli, _cli_runs


class Typed:
    """What a command printed, and how it ended."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = ""
        self.err = ""

    def __call__(self, *words: str) -> int:
        code = _cli.main(["runs", *words])
        self.out, self.err = self._capsys.readouterr()
        return code

    def json(self, *words: str) -> list[Any]:
        """The documents that it printed."""
        self(*words, "--json")
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture
def work(house: House, newcomer: Program, monkeypatch: pytest.MonkeyPatch) -> Work:
    """Runs of an environment of their own, and the settings of a program there."""
    monkeypatch.setenv("WAITPOINT_URL", house.url)
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", newcomer.credential or "")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(_cli_runs, "FIRST_PAUSE", 0.01)
    return Work(house, newcomer)


@pytest.fixture
def types(capsys: pytest.CaptureFixture[str]) -> Typed:
    """`types("list")` is what Ada types behind `waitpoint runs`."""
    return Typed(capsys)


def test_a_run_is_triggered_and_shown(work: Work, types: Typed) -> None:
    """With what it is given, and its tags."""
    assert 0 == types(
        "trigger", "moderation", "--data", '{"content": "Hello"}', "--tag", "red", "--idempotency-key", "k"
    )
    run_id = types.out.strip()
    assert [{"id": run_id}] == types.json("trigger", "moderation", "--idempotency-key", "k")

    assert 0 == types("show", run_id)

    assert {"moderation", "queued", "red", '"Hello"'} <= set(types.out.split())
    (shown,) = types.json("show", run_id)
    assert ({"content": "Hello"}, "QUEUED") == (shown["payload"], shown["status"])


def test_runs_are_listed_by_what_they_are(work: Work, types: Typed) -> None:
    """Page after page, as many as asked for."""
    made = [work.trigger(tags=("red",)) for _ in range(3)]
    other = work.start("orders")

    assert 4 == len(types.json("list"))
    assert [other.id] == [run["id"] for run in types.json("list", "--status", "executing")]
    assert [other.id] == [run["id"] for run in types.json("list", "--task", "orders")]
    assert {run.id for run in made} == {run["id"] for run in types.json("list", "--tag", "red", "--period", "1h")}
    assert 2 == len(types.json("list", "--limit", "2"))
    assert 0 == types("list")
    assert "executing" in types.out
    types("list", "--task", "nothing")
    assert "No runs.\n" == types.out


def test_a_limit_of_0_is_none(work: Work, types: Typed) -> None:
    made = {work.trigger().id for _ in range(105)}

    assert made == {run["id"] for run in types.json("list", "--limit", "0")}


def test_a_run_is_watched_to_its_end(work: Work, types: Typed) -> None:
    """A run that failed is no success, and says where; nor is one that goes on when the time is up."""
    done, failed, open_ = work.start(), work.start(), work.start()
    work.finish(done, '{"published":true}')
    work.fail(failed, type="CardDeclined", message="no\x1b[31m", traceback="Traceback:\n  charge\n")

    assert 0 == types("watch", done.id)
    assert '"published": true' in types.out
    assert 1 == types("watch", failed.id)
    assert "CardDeclined: no\\x1b[31m" in types.out
    assert "charge" in types.out
    assert 1 == types("watch", open_.id, "--wait", "0.05")
    assert "executing" in types.out


def test_a_problem_is_shown_in_words(work: Work, types: Typed) -> None:
    run = work.start()
    work.house.write(lifecycle.report_problem, work.owner(run), "step 3: expected `send`, found `charge`")

    types("show", run.id)

    assert "step 3: expected `send`, found `charge`" in types.out


def test_a_run_is_cancelled_once(work: Work, types: Typed) -> None:
    run, done = work.start(), work.start()
    work.finish(done)

    assert 0 == types("cancel", run.id)
    assert "Cancelled.\n" == types.out
    assert 0 == types("cancel", done.id)
    assert "Nothing changed: the run is completed.\n" == types.out
    assert ["CANCELED"] == [each["status"] for each in types.json("cancel", run.id)]


def test_a_failed_run_is_retried(work: Work, types: Typed) -> None:
    """Any other stays as it is."""
    failed, executing = work.start(), work.start()
    work.fail(failed, type="CardDeclined", message="no")

    assert 0 == types("retry", failed.id)
    assert "Queued once more.\n" == types.out
    assert "QUEUED" == work.read(failed).status
    types("retry", executing.id)
    assert "Nothing changed: the run is executing.\n" == types.out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("show", "run_" + "0" * 36), 1),
        (("show", "nonsense"), 2),
        (("trigger", "x", "--data", "{"), 2),
        (("list", "--status", "maybe"), 2),
        ((), 2),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(work: Work, types: Typed, words: tuple[str, ...], code: int) -> None:
    assert code == types(*words)
    assert "" == types.out
    assert types.err
