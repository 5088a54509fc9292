"""A rehearsal's words, spoken to a real server by a real worker: what is claimed of the one holds for the other.

The clock of the server stands still but for `advance`, and pauses between attempts take no time, as in a rehearsal.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import text

from app.database import Unit
from app.runs import journal, lifecycle
from app.runs.models import Run
from tests.databases import DatabaseMaker
from tests.makers import House, open_house
from waitpoint import AsyncWaitpoint
from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration, TokenOrId
from waitpoint._calls import Call
from waitpoint._settings import Settings
from waitpoint._tasks import calls
from waitpoint._tasks.calls import RunStatus
from waitpoint._tasks.connection import Message
from waitpoint._tasks.engine import Owner
from waitpoint._tasks.inputs import Input
from waitpoint._tasks.journal import Failure
from waitpoint._tasks.payloads import payload_of
from waitpoint._tasks.tasks import Task
from waitpoint._tasks.worker import Worker
from waitpoint._values import Token
from waitpoint.testing import Rehearsal, RehearsedRun

T = TypeVar("T")


class StagedWorker(Worker):
    """A worker whose time is that of its server, and that never pauses."""

    def __init__(self, house: House, tasks: list[Task[Any, Any]], settings: Settings, max_parked: int) -> None:
        super().__init__(tasks, settings, slots=100, max_parked=max_parked)
        self._house = house
        self.is_welcome = asyncio.Event()

    def open(self) -> None:
        self._connection.open()

    async def close(self) -> None:
        """As a process ends that is killed: nobody is told."""
        self._connection.close()
        await self._let_go_of_all()
        if self._channel is not None:
            await self._channel.close()

    @property
    def executes(self) -> int:
        """How many runs it is at work on."""
        return len(self._executing)

    def is_at_rest(self, waiting: set[str]) -> bool:
        """Whether it holds nothing but these runs, parked."""
        return not self._executing and not self._closing and {*self._parked} <= waiting

    def forget_the_parked(self) -> None:
        most, self._max_parked = self._max_parked, 0
        self._evict_too_many()
        self._max_parked = most

    def now(self) -> datetime:
        return self._house.clock.now()

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(0)

    async def fail(self, owner: Owner, error: Failure, retry_in: float | None) -> None:
        await super().fail(owner, error, None if retry_in is None else 0.0)

    def _hear_all(self, messages: list[Message]) -> None:
        super()._hear_all(messages)
        self.is_welcome.set()  # the first that is heard is what a welcome says


class StagedRun(RehearsedRun):
    """A run of a server, as it stands."""

    def __init__(self, stage: "Stage", run_id: str) -> None:
        self._stage = stage
        self._id = run_id

    @property
    def row(self) -> Run:
        found = self._stage.house.read(lifecycle.retrieve, self._id, self._stage.environment_id)
        assert isinstance(found, Run)
        return found

    @property
    def id(self) -> str:
        return self._id

    @property
    def task(self) -> str:
        return self.row.task

    @property
    def status(self) -> RunStatus:
        return self.row.status

    @property
    def attempt(self) -> int:
        return self.row.attempt

    @property
    def tags(self) -> tuple[str, ...]:
        return self.row.tags

    @property
    def output(self) -> Any:
        return json.loads(self.row.output or "null")

    @property
    def error(self) -> str | None:
        row = self.row
        if row.error is None or row.status == "COMPLETED":
            return None
        error = json.loads(row.error)
        return f"{error['type']}: {error['message']}"

    @property
    def traceback(self) -> str:
        return str(json.loads(self.row.error or "{}").get("traceback", ""))

    @property
    def problem(self) -> str | None:
        return self.row.problem

    @property
    def is_finished(self) -> bool:
        return self.row.is_finished

    @property
    def waits_for(self) -> list[str]:
        return self._stage.house.read(_waits_for, self._id)

    @property
    def waits_for_inputs(self) -> list[str]:
        return self._stage.house.read(_waits_for_inputs, self._id)

    @property
    def calls(self) -> list[str]:
        recorded = self._stage.house.read(journal.of_run, self._id)
        return [f"{checkpoint.position} {checkpoint.name}" for checkpoint in recorded]


class Stage(Rehearsal):
    """A server, and a worker in this very process, whose event loop runs only while something is to happen."""

    def __init__(self, house: House, *, always_replay: bool, patience: float = 20.0) -> None:
        self.house = house
        program = house.newcomer()
        self.environment_id = program.environment_id
        assert program.credential is not None
        self._settings = Settings(house.url, program.credential)
        self._max_parked = 0 if always_replay else 1000
        self._tasks: dict[str, Task[Any, Any]] = {}
        self._patience = patience
        self._runner = asyncio.Runner()
        self._worker: StagedWorker | None = None
        self._client = self._do_now(self._made_client)

    def close(self) -> None:
        try:
            self._do_now(self._close_worker)
            self._do_now(self._client.close)
        finally:
            self._runner.close()

    def start_with_payload(self, task: Task[Any, Any], payload: Any) -> RehearsedRun:
        if self._tasks.get(task.id) is not task:
            self._tasks[task.id] = task
            self._do_now(self._restarted)
        run_id = self._does(calls.trigger(task.id, payload, {}))
        return StagedRun(self, run_id)

    def start(self, task: Task[Any, Any], *args: Any, **kwargs: Any) -> RehearsedRun:
        return self.start_with_payload(task, payload_of(task.work.function, args, kwargs))

    def complete(self, token: TokenOrId, data: Any = None) -> None:
        self._do_now(lambda: self._client.tokens.complete(token, data))
        self._go_on()

    def cancel(self, token: TokenOrId, reason: str | None = None) -> None:
        self._do_now(lambda: self._client.tokens.cancel(token, reason))
        self._go_on()

    def cancel_run(self, run: RehearsedRun) -> None:
        self._does(calls.cancel_run(run.id))

    def retry_run(self, run: RehearsedRun) -> None:
        self._does(calls.retry_run(run.id))

    def send(self, run: RehearsedRun, input: Input[T], value: T) -> None:
        self._does(input.sending(run.id, value))

    def advance(self, duration: Duration | float) -> None:
        end = self.now + timedelta(seconds=arguments.lasting("duration", duration))
        while (due := self._next_moment()) is not None and due <= end:
            self.house.clock.move(until=due)
            self.house.sweep()
            self._go_on()
        self.house.clock.move(until=end)

    def evict(self) -> None:
        if self._worker is not None:
            self._do_now(_coroutine(self._worker.forget_the_parked))
        self._go_on()

    def crash(self) -> None:
        self._do_now(self._restarted)
        self._go_on()

    def deploy(self, *tasks: Task[Any, Any]) -> None:
        self._tasks.update({task.id: task for task in tasks})
        self.crash()

    def retrieve(self, token: TokenOrId) -> Token:
        return self._do_now(lambda: self._client.tokens.retrieve(token))

    @property
    def now(self) -> datetime:
        return self.house.clock.now()

    @property
    def tokens(self) -> list[Token]:
        return [self.retrieve(token) for token in self.house.read(_first_told, self.environment_id, "token.created")]

    @property
    def runs(self) -> list[RehearsedRun]:
        return [StagedRun(self, run) for run in self.house.read(_first_told, self.environment_id, "run.queued")]

    def _does(self, call: Call[T]) -> T:
        answer = self._do_now(lambda: self._client._channel.ask(call))
        self._go_on()
        return answer

    def _do_now(self, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return self._runner.run(_begun(begin))

    async def _made_client(self) -> AsyncWaitpoint:
        return AsyncWaitpoint(url=self._settings.url, secret_key=self._settings.key)

    async def _restarted(self) -> None:
        """A worker comes, with the code that is known now; the one before it is gone, and has been for a while."""
        await self._close_worker()
        self.house.write(_give_up, self.environment_id)
        self._worker = StagedWorker(self.house, [*self._tasks.values()], self._settings, self._max_parked)
        self._worker.open()
        async with asyncio.timeout(self._patience):
            await self._worker.is_welcome.wait()

    async def _close_worker(self) -> None:
        if self._worker is not None:
            await self._worker.close()

    async def _until_quiet(self) -> None:
        self.house.write(_ring)
        async with asyncio.timeout(self._patience):
            while not self._is_quiet():  # noqa: ASYNC110 - what is asked about is in a database
                await asyncio.sleep(0.002)

    def _is_quiet(self) -> bool:
        statuses = self.house.read(_statuses, self.environment_id)
        waiting = {run_id for run_id, status in statuses.items() if status == "WAITING"}
        if {"QUEUED", "EXECUTING"} & {*statuses.values()}:
            return False
        return self._worker is None or self._worker.is_at_rest(waiting)

    def _next_moment(self) -> datetime | None:
        return self.house.read(_next_moment, self.environment_id)


class Houses(ExitStack):
    """One server of each kind for all stages, opened when the first one wants it. Its clock is the stage's alone."""

    def __init__(self, make_database: DatabaseMaker) -> None:
        super().__init__()
        self._make_database = make_database
        self._open: dict[str, House] = {}

    def of(self, kind: str) -> House:
        if kind not in self._open:
            self._open[kind] = self.enter_context(open_house(self.enter_context(self._make_database(kind))))
        return self._open[kind]


@contextmanager
def opened(house: House, *, always_replay: bool) -> Iterator[Stage]:
    """A stage, and its clock."""
    with house.clock.standing(), Stage(house, always_replay=always_replay) as stage:
        yield stage
    left = [thread.name for thread in threading.enumerate() if thread.name == "waitpoint-connection"]
    assert [] == left


async def _begun(begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
    return await begin()


def _coroutine(function: Callable[[], None]) -> Callable[[], Coroutine[Any, Any, None]]:
    async def call() -> None:
        function()

    return call


def _ring(_: Unit) -> None:
    """Nothing but a commit: the dispatcher looks again, since the clock may have moved."""


def _statuses(db: Unit, environment_id: str) -> dict[str, str]:
    """Of the runs whose time has come."""
    known = text("SELECT id, status FROM runs WHERE environment_id = :e AND (status != 'QUEUED' OR available_at <= :n)")
    return {row.id: row.status for row in db.execute(known, {"e": environment_id, "n": _milliseconds(db.now)})}


def _next_moment(db: Unit, environment_id: str) -> datetime | None:
    due = text(
        "SELECT MIN(at) AS at FROM ("
        "SELECT MIN(timeout_at) AS at FROM tokens WHERE environment_id = :e AND status = 'WAITING' "
        "UNION ALL SELECT MIN(available_at) FROM runs WHERE environment_id = :e AND status = 'QUEUED') AS due"
    )
    at = db.execute(due, {"e": environment_id}).scalar_one()
    return None if at is None else db.now + timedelta(milliseconds=int(at) - _milliseconds(db.now))


def _give_up(db: Unit, environment_id: str) -> None:
    """As if the leases of a worker that is gone had run out, and its runs were no longer kept for it."""
    late = {"e": environment_id, "n": _milliseconds(db.now)}
    db.execute(text("UPDATE runs SET lease_until = :n WHERE environment_id = :e AND status = 'EXECUTING'"), late)
    lifecycle.take_back_lost(db, 1000)
    db.execute(text("UPDATE runs SET owner = NULL WHERE environment_id = :e AND finished_at IS NULL"), late)


def _waits_for(db: Unit, run_id: str) -> list[str]:
    waits = text(
        "SELECT w.token_id FROM waits w JOIN tokens t ON t.id = w.token_id "
        "WHERE w.run_id = :r AND t.kind NOT IN ('SLEEP', 'INPUT') ORDER BY w.position, w.number"
    )
    return [row.token_id for row in db.execute(waits, {"r": run_id})]


def _waits_for_inputs(db: Unit, run_id: str) -> list[str]:
    waits = text("SELECT input FROM waits WHERE run_id = :r AND input IS NOT NULL ORDER BY position")
    return [row.input for row in db.execute(waits, {"r": run_id})]


def _first_told(db: Unit, environment_id: str, kind: str) -> list[str]:
    """Whom the log has told of, in the order in which it did so first: ids of one millisecond have none."""
    told = text("SELECT subject FROM events WHERE environment_id = :e AND kind = :k ORDER BY seq")
    return [*dict.fromkeys(row.subject for row in db.execute(told, {"e": environment_id, "k": kind}))]


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
