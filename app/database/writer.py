"""The one thread that writes.

It drains its queue, runs every waiting function in one transaction (group commit) and answers the
callers after the commit is durable. A function that raises is isolated by replaying its batch one by
one, so functions must be safe to run twice. A database that fails (disk full, I/O error, connection
lost) fails the batch at once, and the next batch starts on a fresh connection: the thread never dies,
and writes come back without a restart.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.engine import RootTransaction

from . import answers
from .failures import DatabaseUnavailable, as_unavailable, was_unlucky
from .foresight import look_ahead
from .unit import Record, Unit

_BATCH_LIMIT = 256  # functions in one transaction
_TOUCH = "UPDATE log_head SET probed = probed + 1"  # a commit that stores nothing would not find a full disk

LAST = "~"
"""The key of functions that lock what they find: they run behind those that say beforehand what they lock."""

log = structlog.get_logger(__name__)

Seal = Callable[[Connection, Sequence[Record]], int | None]
"""Run last in a batch that recorded something: numbers and stores its events, and gives the last number."""


class Job:
    """One call of a domain function, waiting for its turn or for its commit."""

    __slots__ = ("arguments", "function", "future", "key", "loop", "only_reads", "outcome", "submitted_at")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...], key: str, *, only_reads: bool) -> None:
        self.function = function
        self.arguments = arguments
        self.key = key
        self.only_reads = only_reads
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()
        self.outcome: Any = None
        self.submitted_at = time.monotonic()

    @property
    def is_abandoned(self) -> bool:
        return self.future.done()


class Writer:
    """Runs jobs in batches on a thread of its own."""

    def __init__(
        self,
        engine: Engine,
        read_clock: Callable[[Connection], datetime],
        seal: Seal,
        committed: Callable[[int], None],
        *,
        capacity: int = 10_000,
    ) -> None:
        self.failure: DatabaseUnavailable | None = None
        self.batches = 0
        self.writes = 0
        self._engine = engine
        self._read_clock = read_clock
        self._seal = seal
        self._committed = committed
        self._capacity = capacity
        self._queue: deque[Job] = deque()
        self._running: list[Job] = []
        self._wake = threading.Condition()
        self._knocked = False
        self._knocking: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self._stopping = False
        self._connection: Connection | None = None
        self._was_stale = False
        self._thread = threading.Thread(target=self._run, name="waitpoint-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(
        self, function: Callable[..., Any], arguments: tuple[Any, ...], key: str, *, only_reads: bool = False
    ) -> asyncio.Future[Any]:
        """Queue a call. Raises DatabaseUnavailable when the queue is full or the writer is stopping."""
        job = Job(function, arguments, key, only_reads=only_reads)
        with self._wake:
            if self._is_closed:
                raise DatabaseUnavailable("the server is stopping")
            if len(self._queue) >= self._capacity:
                raise DatabaseUnavailable("too many writes are waiting")
            self._queue.append(job)
        if self._knocking is not job.loop:
            # Behind everything else that is ready now: calls that come together make one batch.
            self._knocking = job.loop
            job.loop.call_soon(self._knock)
        return job.future

    @property
    def depth(self) -> int:
        """How many calls wait for their turn."""
        return len(self._queue)

    def fail_overdue(self, limit: float) -> None:
        """Answer every call that has waited `limit` seconds: a caller is never left hanging.

        Called on the event loop. Whether such a call was stored is not known: its thread may be
        stuck in the disk or in a lock of the database.
        """
        border = time.monotonic() - limit
        overdue = [job for job in [*self._running, *self._queue] if job.submitted_at <= border and not job.is_abandoned]
        if overdue:
            failure = DatabaseUnavailable("the database did not answer in time")
            self._note(failure)
            _refuse(overdue, failure)

    def close(self) -> None:
        """Accept nothing more."""
        self._is_closed = True

    def stop(self, limit: float = 5.0) -> None:
        """Finish what is queued, then end the thread."""
        with self._wake:
            self._is_closed = True
            self._stopping = True
            self._wake.notify()
        self._thread.join(limit)

    def _run(self) -> None:
        while jobs := self._take():
            self._running = jobs
            try:
                self._write(jobs)
            except BaseException as error:
                log.exception("the writer met an error of its own")
                _refuse(jobs, DatabaseUnavailable(f"the writer failed: {type(error).__name__}"))
            self._running = []
        self._disconnect()

    def _knock(self) -> None:
        self._knocking = None
        with self._wake:
            self._knocked = True
            self._wake.notify()

    def _take(self) -> list[Job]:
        with self._wake:
            while not (self._stopping or (self._queue and self._knocked)):
                self._knocked = False  # a knock for calls that were taken with those before
                self._wake.wait()
            self._knocked = len(self._queue) > _BATCH_LIMIT
            return [self._queue.popleft() for _ in range(min(len(self._queue), _BATCH_LIMIT))]

    def _write(self, jobs: list[Job]) -> None:
        jobs = [job for job in jobs if not job.is_abandoned]
        if not jobs:
            return
        # Every process locks in the same order, so that two of them cannot wait for each other.
        jobs.sort(key=lambda job: job.key)
        failure = self._attempt(jobs)
        if failure is not None and self._was_stale:
            failure = self._attempt(jobs)
        if failure is None:
            return
        unavailable = as_unavailable(failure)
        if unavailable is not None:
            self._give_up(jobs, unavailable)
        elif len(jobs) == 1:
            self._alone(jobs[0], failure)
        else:
            for job in jobs:
                self._write([job])

    def _alone(self, job: Job, failure: BaseException) -> None:
        """A function that failed by itself gets its own exception; a lost deadlock gets a second go."""
        again = self._attempt([job]) if was_unlucky(failure) else failure
        if again is None:
            return
        unavailable = as_unavailable(again)
        if was_unlucky(again):
            unavailable = DatabaseUnavailable("another process holds what this needs")
        if unavailable is not None:
            self._give_up([job], unavailable)
        else:
            _refuse([job], again)

    def _give_up(self, jobs: list[Job], failure: DatabaseUnavailable) -> None:
        """The database failed. What only reads may still be answered, for example on a full disk."""
        self._note(failure)
        reading = [job for job in jobs if job.only_reads]
        alone = 0 < len(reading) < len(jobs) and self._attempt(reading) is None
        _refuse([job for job in jobs if not (alone and job.only_reads)], failure)

    def _attempt(self, jobs: list[Job]) -> BaseException | None:
        """Run the jobs in one transaction and answer them. Gives what went wrong, and then nothing was stored."""
        transaction: RootTransaction | None = None
        was_open, is_committing, self._was_stale = self._connection is not None, False, False
        try:
            connection = self._connected()
            transaction = connection.begin()
            unit = Unit(connection, self._read_clock, writes=True)
            look_ahead(unit, _first_of_each_key(jobs))
            for job in jobs:
                job.outcome = job.function(unit, *job.arguments)
            unit.flush()
            proves_that_writing_works = self._touch(connection, jobs)
            sequence = self._seal(connection, unit.records) if unit.records else None
            is_committing = True
            transaction.commit()
        except BaseException as error:  # noqa: BLE001 - handed to whoever asked for it
            # The database was restarted while nobody wrote: nothing was stored, and a new connection may do.
            self._was_stale = was_open and not is_committing and getattr(error, "connection_invalidated", False)
            self._undo(transaction, error)
            return error
        self.batches += 1
        self.writes += len(jobs)
        if proves_that_writing_works:
            self._note(None)
        _answer(jobs)
        if sequence is not None:
            self._committed(sequence)
        return None

    def _touch(self, connection: Connection, jobs: list[Job]) -> bool:
        """After a failure, change a row in every batch that may write, until one of them was stored."""
        if self.failure is None or all(job.only_reads for job in jobs):
            return False
        connection.exec_driver_sql(_TOUCH)
        return True

    def _connected(self) -> Connection:
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _undo(self, transaction: RootTransaction | None, error: BaseException) -> None:
        try:
            if transaction is not None:
                transaction.rollback()
        except Exception:  # noqa: BLE001 - a lost connection fails in ways of its own
            self._disconnect()
        if as_unavailable(error) is not None:
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.invalidate()
                connection.close()
        except Exception:  # noqa: BLE001 - a lost connection fails in ways of its own
            log.debug("a lost connection could not be closed")

    def _note(self, failure: DatabaseUnavailable | None) -> None:
        if (failure is None) != (self.failure is None):
            log.warning("the database cannot be written", reason=str(failure)) if failure else log.info("writing again")
        self.failure = failure


def _first_of_each_key(jobs: list[Job]) -> list[tuple[Callable[..., Any], tuple[Any, ...]]]:
    """Of calls that lock the same thing only the first may be looked ahead of: the others find what it leaves."""
    first: dict[str, Job] = {}
    for job in jobs:
        first.setdefault(job.key, job)
    return [(job.function, job.arguments) for job in first.values()]


def _answer(jobs: list[Job]) -> None:
    """Wake all callers with one call into each event loop."""
    for loop in {job.loop for job in jobs}:
        answers.call(loop, _give, [job for job in jobs if job.loop is loop])


def _give(jobs: list[Job]) -> None:
    for job in jobs:
        answers.give(job.future, job.outcome)


def _refuse(jobs: list[Job], error: BaseException) -> None:
    for job in jobs:
        answers.call(job.loop, answers.refuse, job.future, error)


__all__ = ["LAST", "Job", "Seal", "Writer"]
