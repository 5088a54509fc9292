"""A program follows a run: how it stands, and again whenever that is another, until it is finished."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.makers import House, Program
from tests.runs.fake_worker import FakeWorker
from waitpoint import AsyncWaitpoint, RunHandle, RunNotFound, Waitpoint, task, wait
from waitpoint._doorbell import Doorbell
from waitpoint.testing import Rehearsal

TASK = "moderation"
messages = wait.Input("message", str)


@pytest.fixture
def dana(house: House) -> Program:
    """A program in an environment of its own."""
    return house.newcomer()


@pytest.fixture
def worker(house: House, dana: Program) -> Iterator[FakeWorker]:
    """Who does whatever the test says."""
    with FakeWorker(house, dana) as worker:
        worker.hello(TASK)
        yield worker


@pytest.fixture
def blocking(house: House, dana: Program) -> Iterator[Waitpoint]:
    with Waitpoint(url=house.url, secret_key=dana.credential) as client:
        yield client


def test_each_change_is_told(house: House, dana: Program, worker: FakeWorker, blocking: Waitpoint) -> None:
    """By the websocket: the next state is only brought about when the one before it was told."""
    run_id = blocking.runs.trigger(TASK, {"a": 1}, tags="x")

    assert ["EXECUTING", "WAITING", "EXECUTING", "COMPLETED"] == followed(house, dana, worker, run_id)


def test_without_a_websocket_it_asks(
    house: House, dana: Program, worker: FakeWorker, blocking: Waitpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a proxy that lets none through."""
    monkeypatch.setattr(Doorbell, "is_down", property(lambda _: True))
    run_id = blocking.runs.trigger(TASK)

    assert ["EXECUTING", "WAITING", "EXECUTING", "COMPLETED"] == followed(house, dana, worker, run_id)


def test_programs_without_asyncio_follow_too(dana: Program, worker: FakeWorker, blocking: Waitpoint) -> None:
    """And read what came of it."""
    run_id = blocking.runs.trigger(TASK)
    run = worker.hears("run")
    told = []
    for state in blocking.runs.subscribe(run_id):
        told.append(state.status)
        if len(told) == 1:
            worker.ask("fail", run, error={"type": "ValueError", "message": "no"}, retryIn=None)

    assert ["EXECUTING", "FAILED"] == told
    assert "no" == getattr(blocking.runs.retrieve(run_id).error, "message", "")


def test_a_run_is_commanded_from_anywhere(dana: Program, worker: FakeWorker, blocking: Waitpoint) -> None:
    """Sent a value, cancelled, tried once more: its worker may be given it again before it hears of the end."""
    run_id = blocking.runs.trigger(TASK)
    run = worker.hears("run")

    blocking.runs.send(run_id, messages, "hello")
    assert '"hello"' == worker.ask("input", run, position="1", name="message")["ended"][0]["output"]
    blocking.runs.cancel(run_id)
    assert "CANCELED" == blocking.runs.retrieve(run_id).status
    blocking.runs.retry(run_id)
    again = worker.hears_first("run", leaving_aside="cancel")
    assert (run_id, 2) == (again["run"], again["attempt"])


def test_a_run_that_is_nowhere_is_not_followed(blocking: Waitpoint) -> None:
    """It is said at once."""
    with pytest.raises(RunNotFound):
        next(iter(blocking.runs.subscribe("run_" + "0" * 36)))


def test_a_task_follows_nobody() -> None:
    """A replay could not do it again. It waits for the runs that it has begun, and for inputs."""

    @task
    async def follow() -> list[str]:
        return [run.status async for run in RunHandle[Any]("run_1").subscribe()]

    with Rehearsal() as rehearsal:
        assert "InvalidInput" in (rehearsal.start(follow).error or "")


def followed(house: House, dana: Program, worker: FakeWorker, run_id: str) -> list[str]:
    """What is told of a run that waits for a token and ends, each state once the one before it was told."""
    run = worker.hears("run")
    token = dana.make_token()
    acts = iter(
        [
            lambda: (
                worker.ask("wait", run, position="0", tokens=[token.id]),
                worker.ask("park", run, positions=["0"]),
            ),
            lambda: dana.complete(token, 1),
            lambda: worker.ask("finish", worker.hears("resume"), output="done"),
            lambda: None,
        ]
    )

    async def follow() -> list[str]:
        told: list[str] = []
        async with AsyncWaitpoint(url=house.url, secret_key=dana.credential) as client, asyncio.timeout(30):
            async for state in client.runs.subscribe(run_id):
                if [state.status] != told[-1:] and state.status != "QUEUED":
                    told.append(state.status)
                    await asyncio.to_thread(next(acts))
        return told

    return asyncio.run(follow())
