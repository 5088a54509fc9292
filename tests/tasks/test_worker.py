"""A worker and a server, two processes: runs go on through whatever happens to either."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.runs import lifecycle
from app.runs.lifecycle import NewRun
from app.runs.models import Run
from tests.database.worlds import ADA
from tests.makers import House, Program
from tests.tasks.workers import RunningWorker, eventually


class Shop:
    """A server, a program that triggers tasks and answers, and a worker."""

    def __init__(self, house: House, folder: Path, *options: str) -> None:
        self.house = house
        self.ada: Program = house.newcomer()
        self._folder = folder
        self.workers = [self.make_worker(*options)]

    @property
    def worker(self) -> RunningWorker:
        return self.workers[0]

    def make_worker(self, *options: str) -> RunningWorker:
        assert self.ada.credential is not None
        return RunningWorker(self.house.url, self.ada.credential, self._folder, *options)

    def trigger(self, task: str, *args: Any) -> str:
        payload = json.dumps({"args": args, "kwargs": {}})
        made = self.house.write(lifecycle.trigger, self.ada.environment_id, NewRun(task=task, payload=payload), ADA)
        run: Run = made.run
        return run.id

    def run(self, run_id: str) -> Run:
        found = self.house.read(lifecycle.retrieve, run_id, self.ada.environment_id)
        assert isinstance(found, Run)
        return found

    def becomes(self, run_id: str, status: str) -> Run:
        found = eventually(
            lambda: found if (found := self.run(run_id)).status == status else None,
            f"{status} (the worker says: {self.worker.log})",
        )
        assert found is not None
        return found

    def output(self, run_id: str) -> Any:
        return json.loads(self.becomes(run_id, "COMPLETED").output or "null")

    def waiting_tokens(self, count: int = 1) -> list[str]:
        """The ids of the waiting tokens, oldest first, when there are so many."""

        def look() -> list[str] | None:
            found = self.ada.get("/api/v1/waitpoints/tokens?filter[status]=WAITING&page[size]=100").json()["data"]
            return [each["id"] for each in reversed(found)] if len(found) == count else None

        return eventually(look, f"{count} waiting tokens") or []

    def answer(self, token: str, data: Any) -> None:
        assert self.ada.post(f"/api/v1/waitpoints/tokens/{token}/complete", json={"data": data}).status_code == 200


@pytest.fixture(params=[[], ["--always-replay"]], ids=["parked", "replayed"])
def shop(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> Iterator[Shop]:
    """A shop whose worker keeps waiting runs in memory, or keeps none."""
    yield from opened(Shop(house, tmp_path, *request.param))


@pytest.fixture
def one_shop(house: House, tmp_path: Path) -> Iterator[Shop]:
    """A shop for what takes its time, and has nothing to do with waiting."""
    yield from opened(Shop(house, tmp_path))


def opened(shop: Shop) -> Iterator[Shop]:
    """At the end all workers are told to stop, and do."""
    try:
        yield shop
    finally:
        codes = [worker.stop() for worker in shop.workers if worker.is_running]
    assert codes == [0] * len(codes), shop.worker.log
    assert "could not be followed" not in shop.worker.log


def test_the_example_of_the_design(shop: Shop) -> None:
    """As written there, over the network."""
    run_id = shop.trigger("moderation", "Hello")
    shop.becomes(run_id, "WAITING")
    (token,) = shop.waiting_tokens()

    shop.answer(token, {"approved": True})

    assert "published" == shop.output(run_id)
    assert [f"sent Hello {run_id}/2"] == [line for line in shop.worker.ledger if line.startswith("sent")]


def test_branches_and_time(shop: Shop) -> None:
    """Several waits side by side, answered in any order, and a sleep after them."""
    people = ["ada", "ben", "cleopatra"]
    run_id = shop.trigger("branches", people)
    tokens = shop.waiting_tokens(3)
    shop.becomes(run_id, "WAITING")

    for token in reversed(tokens):
        shop.answer(token, "yes")

    assert ["ada yes 3", "ben yes 3", "cleopatra yes 9"] == shop.output(run_id)
    assert 3 == len({line for line in shop.worker.ledger if line.startswith("counted")})


def test_parents_and_children(shop: Shop) -> None:
    """A run waits for the run that it has begun."""
    run_id = shop.trigger("parent", "Hi")
    eventually(lambda: any("sent Hi" in line for line in shop.worker.ledger), "sending")
    (token,) = shop.waiting_tokens()

    shop.answer(token, {"approved": False})

    assert "child: held" == shop.output(run_id)


def test_the_failure_of_a_child_is_told(shop: Shop) -> None:
    """As an exception with the words of the original."""
    assert "LookupError no such thing" == shop.output(shop.trigger("guardian", "no such thing"))


def test_a_failed_run_is_tried_again_with_its_journal(shop: Shop) -> None:
    """Only what failed is done again."""
    run_id = shop.trigger("flaky")

    assert 3 == shop.output(run_id)
    assert [1, 3] == list(Counter(line.split()[0] for line in shop.worker.ledger).values())


def test_a_run_that_has_failed_for_good_may_be_tried_once_more(one_shop: Shop) -> None:
    """By whoever put right what was wrong: only what failed is done again."""
    run_id = one_shop.trigger("brittle")
    for attempt in (2, 3):
        one_shop.becomes(run_id, "FAILED")
        retried = one_shop.house.write(lifecycle.retry, run_id, one_shop.ada.environment_id, ADA)
        assert isinstance(retried, Run)
        assert attempt == retried.attempt

    assert 3 == one_shop.output(run_id)
    assert [1, 3] == list(Counter(line.split()[0] for line in one_shop.worker.ledger).values())


def test_a_worker_that_is_killed_while_a_run_waits(shop: Shop) -> None:
    """The run is only rows then, and goes on at whatever worker there is."""
    run_id = shop.trigger("moderation", "Hello")
    shop.becomes(run_id, "WAITING")
    (token,) = shop.waiting_tokens()
    shop.worker.kill9()
    shop.answer(token, {"approved": True})

    shop.worker.start_again()

    assert "published" == shop.output(run_id)
    assert 1 == sum(line.startswith("sent") for line in shop.worker.ledger)


@pytest.mark.slow
def test_a_worker_that_is_killed_at_work(one_shop: Shop) -> None:
    """What is recorded does not run again; what was not runs with the same idempotency key."""
    run_id = one_shop.trigger("counting", 60)
    eventually(lambda: len(one_shop.worker.ledger) > 20, "counting")
    one_shop.worker.kill9()

    one_shop.worker.start_again()

    assert sum(range(60)) == one_shop.output(run_id)
    done = Counter(one_shop.worker.ledger)
    assert 60 == len(done)
    assert sum(done.values()) <= 61


@pytest.mark.slow
def test_busy_code_does_not_look_dead(one_shop: Shop) -> None:
    """Heartbeats have a thread of their own, so a task that blocks for longer than its lease keeps its run."""
    run_id = one_shop.trigger("busy", 9)

    assert '"blocked"' == one_shop.becomes(run_id, "COMPLETED").output
    assert 1 == one_shop.run(run_id).generation


@pytest.mark.slow
def test_the_work_of_a_killed_worker_moves_to_another(one_shop: Shop) -> None:
    """Two share the work; what one of them had goes on at the other."""
    one_shop.workers.append(one_shop.make_worker())
    runs = [one_shop.trigger("counting", 30) for _ in range(4)]
    eventually(lambda: len(one_shop.worker.ledger) > 30, "counting")

    one_shop.worker.kill9()

    assert [sum(range(30))] * 4 == [one_shop.output(run_id) for run_id in runs]
    done = Counter(one_shop.worker.ledger)
    assert 120 == len(done)
    assert sum(done.values()) <= 124
