"""A worker with more waiting runs than it may keep: nothing is held for those that it does not keep."""

import asyncio
import json
import threading
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from app.runs.lifecycle import NewRun, retrieve, trigger
from app.runs.messages import LARGEST_MESSAGE
from tests.database.worlds import ADA
from tests.makers import House, Program
from waitpoint import task, wait
from waitpoint._settings import Settings
from waitpoint._tasks.engine import Owner
from waitpoint._tasks.worker import Worker

COUNT, KEPT = 120, 20
MOST_MORE = 10  # threads, tasks and timers of the worker itself

begun: Counter[int] = Counter()


@task(id="ask")
async def ask(number: int) -> str:
    begun[number] += 1
    token = await wait.create_token(timeout=None, tags=[f"number-{number}"])
    return await wait.for_token(token, str).unwrap()


@pytest.mark.anyio
async def test_only_what_it_keeps_is_in_memory_and_only_what_is_answered_runs(house: House) -> None:
    begun.clear()
    dana = await asyncio.to_thread(house.newcomer)
    runs = [await asyncio.to_thread(_trigger, house, dana, number) for number in range(COUNT)]
    threads, tasks = threading.active_count(), len(asyncio.all_tasks())
    worker = Worker([ask], _settings(house, dana), slots=10, max_parked=KEPT)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.work(stop))
    try:
        await _until(house, dana, dict.fromkeys(runs, "WAITING"))

        assert KEPT == len(worker._parked)
        assert threading.active_count() <= threads + MOST_MORE
        assert len(asyncio.all_tasks()) <= tasks + KEPT + MOST_MORE
        assert len(cast("Any", asyncio.get_running_loop())._scheduled) <= MOST_MORE
        assert [1] * COUNT == [begun[number] for number in range(COUNT)]

        kept = runs.index(next(iter(worker._parked)))
        gone = next(number for number, run in enumerate(runs) if run not in worker._parked)
        for number in (kept, gone):
            await asyncio.to_thread(_answer, dana, number)
        await _until(house, dana, {runs[kept]: "COMPLETED", runs[gone]: "COMPLETED"})

        assert {kept: 1, gone: 2} == {number: begun[number] for number in (kept, gone)}
        assert COUNT + 1 == begun.total()
    finally:
        stop.set()
        await working


@pytest.mark.anyio
async def test_a_greeting_is_never_longer_than_the_server_takes(house: House) -> None:
    """A worker that keeps more than it can name is handed those anew that it did not name."""
    worker = Worker([ask], _settings(house, house.newcomer()), max_parked=10**6)
    for number in range(30_000):
        run = f"run_{number:036}"
        worker._parked[run] = cast("Any", SimpleNamespace(owner=Owner(run, 2**31 - 1)))

    greeting = worker._hello()

    assert len(json.dumps([{"id": 0, "type": "hello", **greeting}])) < LARGEST_MESSAGE
    assert f"run_{29_999:036}" == greeting["parked"][-1][0]


def _settings(house: House, program: Program) -> Settings:
    assert program.credential is not None
    return Settings(url=house.url, key=program.credential)


def _trigger(house: House, program: Program, number: int) -> str:
    new = NewRun(task="ask", payload=json.dumps({"number": number}))
    return str(house.write(trigger, program.environment_id, new, ADA).run.id)


def _answer(program: Program, number: int) -> None:
    found = program.get(f"/api/v1/waitpoints/tokens?filter[tags]=number-{number}").json()["data"]
    assert 200 == program.post(f"/api/v1/waitpoints/tokens/{found[0]['id']}/complete", json={"data": "yes"}).status_code


async def _until(house: House, program: Program, wanted: dict[str, str]) -> None:
    async with asyncio.timeout(200):
        while await asyncio.to_thread(_statuses, house, program, [*wanted]) != [*wanted.values()]:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def _statuses(house: House, program: Program, runs: list[str]) -> list[str | None]:
    found = house.read(lambda db: [retrieve(db, run, program.environment_id) for run in runs])
    return [run.status if run else None for run in found]
