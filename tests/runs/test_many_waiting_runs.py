"""Ten thousand runs that wait cost the server nothing but rows, and nothing of them runs before its answer comes.

Memory, idle CPU and the time of a restart are measured by `python -m benchmarks waiting-runs`.
"""

import gc
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import func, select

from app.database.engines import parse_url, writing_engine
from app.database.tables import table_of
from app.runs.models import RunRow
from tests.databases import DatabaseMaker
from tests.makers import House, Program, open_house
from tests.runs.crowds import Waiting, multiply
from tests.runs.fake_worker import FakeWorker

TASK = "moderation"
COUNT = 10_000
MOST_MORE = 20  # threads, timers and tasks that come and go by themselves
_runs = table_of(RunRow)


class Crowd:
    """A house in which runs wait, the program that triggered them, and the worker that parked them."""

    def __init__(self, url: str, program: Program, worker: str, runs: list[Waiting]) -> None:
        self.url = url
        self.program = program
        self.worker = worker
        self.runs = runs


@pytest.fixture(scope="module")
def crowd(make_database: DatabaseMaker) -> Iterator[Crowd]:
    """One run that a worker has parked, ten thousand times, in a database that no server has open."""
    with make_database("sqlite") as url:
        with open_house(url) as house:
            program = house.newcomer()
            with FakeWorker(house, program) as worker:
                worker.hello(TASK)
                original = _parked(house, program, worker)
        engine = writing_engine(parse_url(url))
        with engine.begin() as connection:
            copies = multiply(connection, original.run_id, COUNT - 1)
        engine.dispose()
        yield Crowd(url, program, worker.name, [original, *copies])


def test_they_take_no_thread_no_timer_and_no_task(crowd: Crowd) -> None:
    """Although their worker has all of them in memory, and the server knows it."""
    with open_house(crowd.url) as house:
        program = _again(house, crowd)
        few = _counted(house, program, crowd.worker, crowd.runs[:1])

        many = _counted(house, program, crowd.worker, crowd.runs)

    assert all(many[what] <= few[what] + MOST_MORE for what in few), (few, many)


def test_a_restart_begins_none_of_them(crowd: Crowd) -> None:
    """Neither for the worker that has them in memory nor for a new one; answered ones go on, and they alone."""
    remembered, forgotten = crowd.runs[5:8], crowd.runs[-2:]
    with open_house(crowd.url) as house:
        program = _again(house, crowd)
        with FakeWorker(house, program, crowd.worker) as worker:
            parked = [[run.run_id, 1] for run in crowd.runs[: COUNT // 2]]
            assert [] == worker.hello(TASK, slots=50, parked=parked)["lost"]
            worker.hears_nothing()

            for run in (*remembered, *forgotten):
                program.complete(run.token_ids[0], "yes")

            resumed = {worker.hears("resume")["run"] for _ in remembered}
            begun = {worker.hears("run")["run"] for _ in forgotten}
            worker.hears_nothing()
        statuses = house.read(lambda db: db.execute(select(_runs.c.status, func.count()).group_by("status")).all())

    assert ({run.run_id for run in remembered}, {run.run_id for run in forgotten}) == (resumed, begun)
    assert {("WAITING", COUNT - 5), ("EXECUTING", 5)} == {(status, count) for status, count in statuses}


def _parked(house: House, program: Program, worker: FakeWorker) -> Waiting:
    """A run that has made a token, told somebody of it, and waits."""
    program.post(f"/api/v1/tasks/{TASK}/trigger", json={"payload": {"content": "Hello"}})
    run = worker.hears("run")
    token = worker.ask("create_token", run, position="1", options={"timeout": "7d", "tags": [TASK]})["token"]["id"]
    worker.ask("step", run, position="2", name="send_to_moderators", result=None)
    worker.ask("wait", run, position="3", tokens=[token])
    worker.ask("park", run, positions=["3"])
    return Waiting(run["run"], (token,))


def _again(house: House, crowd: Crowd) -> Program:
    return Program(house.client, crowd.program.credential, crowd.program.environment_id)


def _counted(house: House, program: Program, worker: str, parked: list[Waiting]) -> dict[str, int]:
    with FakeWorker(house, program, worker) as connected:
        assert [] == connected.hello(TASK, parked=[[run.run_id, 1] for run in parked])["lost"]
        connected.hears_nothing()
        kinds = [type(each).__name__ for each in gc.get_objects()]
        found: dict[str, Any] = {name: kinds.count(name) for name in ("TimerHandle", "Task", "Event")}
    return {"threads": threading.active_count(), **found}
