"""What a worker takes on at once: the slots of a task, the runs that it keeps in memory, and nothing when it stops."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.database.worlds import until
from tests.tasks.stages import Houses, Stage, StagedRun, StagedWorker, opened
from waitpoint import task, wait
from waitpoint._tasks.worker import Worker


@pytest.fixture
def stage(houses: Houses) -> Iterator[Stage]:
    """A server and a worker."""
    with opened(houses.of("sqlite"), always_replay=False) as stage:
        yield stage


class Counter:
    """How many are at work at once, now and at most."""

    def __init__(self) -> None:
        self.now = self.most = self.tops = 0

    def __enter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *_: object) -> None:
        self.now -= 1


def test_a_task_has_its_slots(stage: Stage) -> None:
    """However many runs come at once, begun or going on; the others wait for their turn, and none is forgotten."""
    counter = Counter()

    async def work() -> None:
        with counter:
            for _ in range(5):
                await asyncio.sleep(0)

    @task(id="narrow", slots=2)
    async def narrow() -> str:
        await work()
        await wait.sleep("1h")
        await work()
        return "done"

    @task(id="crowd")
    async def crowd() -> None:
        await asyncio.gather(*(narrow.trigger() for _ in range(7)))

    stage.deploy(narrow, crowd)
    stage.start(crowd)
    runs = stage.runs[1:]
    assert (["WAITING"] * 7, 2) == ([run.status for run in runs], counter.most)

    stage.advance("1h")

    assert (["done"] * 7, 2) == ([run.output for run in runs], counter.most)


def test_what_is_too_much_for_memory_is_replayed(stage: Stage) -> None:
    """Those that have waited for longest; the others go on where they stopped."""
    counter = Counter()

    @task(id="ask")
    async def ask(name: str) -> str:
        counter.tops += 1
        token = await wait.create_token(tags=[name], timeout=None)
        return f"{name} {await wait.for_token(token, str).unwrap()}"

    stage._max_parked = 2
    runs = [stage.start(ask, str(number)) for number in range(5)]
    assert 5 == counter.tops

    for run in runs:
        stage.complete(run.token, "yes")

    assert [f"{number} yes" for number in range(5)] == [run.output for run in runs]
    assert 5 + 3 == counter.tops


def test_a_task_with_slots_does_not_keep_others_waiting(stage: Stage) -> None:
    """Its runs wait at the server for their turn, and take none of the worker's other slots."""
    gates: list[asyncio.Event] = []

    @task(id="narrow", slots=1)
    async def narrow() -> None:
        gates.append(asyncio.Event())
        await gates[0].wait()

    @task(id="fast")
    async def fast() -> str:
        return "done"

    async def work() -> None:
        worker = StagedWorker(stage.house, [narrow, fast], stage._settings, 10)
        worker._slots = 2
        stop = asyncio.Event()
        working = asyncio.create_task(worker.work(stop))
        for _ in range(4):
            await stage._client.runs.trigger("narrow")
        await until(lambda: gates)
        run = await stage._client.runs.trigger("fast")
        await until(lambda: StagedRun(stage, run).is_finished)
        assert 1 == len(gates)
        gates[0].set()
        await until(lambda: all(each.is_finished for each in stage.runs))
        stop.set()
        await working

    stage._do_now(work)


def test_a_held_back_run_hears_that_its_waits_have_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It goes on with one branch while another's token is settled, and has no slot yet.

    A server that does not know the slots gives more than that; others may, since they hear first that a run waits.
    """
    monkeypatch.setattr(StagedWorker, "_hello", lambda worker: {**Worker._hello(worker), "taskSlots": {}})
    gate: list[asyncio.Event] = []

    @task(id="one", slots=1)
    async def one(name: str) -> list[Any]:
        async def branch(number: int) -> Any:
            return await wait.for_token(await wait.create_token(tags=[f"{name}{number}"], timeout=None)).unwrap()

        if name == "busy":
            gate.append(asyncio.Event())
            await gate[0].wait()
        return list(await asyncio.gather(branch(1), branch(2)))

    waiting = stage.start(one, "a")
    first, second = waiting.waits_for
    assert isinstance(stage._worker, StagedWorker)
    worker = stage._worker

    async def all_at_once() -> None:
        client = stage._client
        await client.runs.trigger("one", {"name": "busy"})
        await until(lambda: gate)
        await client.tokens.complete(first, 1)
        await until(lambda: worker._held_back)
        await client.tokens.complete(second, 2)
        await until(lambda: worker._held_back[0].ended[1:])
        gate[0].set()

    stage._do_now(all_at_once)
    stage._go_on()

    assert [1, 2] == waiting.output


def test_a_worker_that_stops_gives_up_what_does_not_end(stage: Stage) -> None:
    """Another may have it at once, long before its lease runs out."""

    @task(id="endless")
    async def endless() -> None:
        await asyncio.Event().wait()

    @task(id="patient")
    async def patient() -> None:
        await wait.sleep("1h")

    async def work_and_stop() -> None:
        worker = StagedWorker(stage.house, [endless, patient], stage._settings, 10)
        stop = asyncio.Event()
        working = asyncio.create_task(worker.work(stop, patience=0.05))
        for task_id in ("endless", "patient"):
            await stage._client.runs.trigger(task_id)
        await until(lambda: ["EXECUTING", "WAITING"] == [run.status for run in stage.runs])
        stop.set()
        await working

    stage._do_now(work_and_stop)

    assert ["QUEUED", "WAITING"] == [run.status for run in stage.runs]
