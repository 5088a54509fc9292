"""The database of this process: one writer, a few readers, and who is told of a commit."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import structlog
from sqlalchemy import Engine

from ..clock import Clock, SteadyClock, SystemClock
from .doorbells import Doorbell, PostgresqlDoorbell
from .engines import clock_of, parse_url, reading_engine, sqlite_path, writing_engine
from .failures import DatabaseUnavailable
from .ownership import Ownership
from .readers import Readers
from .unit import Unit
from .writer import Seal, Writer

T = TypeVar("T")

_ANSWER_LIMIT = 4.0  # seconds until a caller is told that the database does not answer
_WATCH_INTERVAL = 0.25  # seconds
_STOP_LIMIT = 5.0  # seconds for what was accepted, when the server stops
log = structlog.get_logger(__name__)


class Database:
    """Where everything is kept.

    `write` answers after the durable commit; `read` sees what was committed. Both raise
    DatabaseUnavailable within five seconds when the database cannot answer, and recover by themselves.
    """

    def __init__(self, url: str, *, seal: Seal, clock: Clock | None = None) -> None:
        self.url = parse_url(url)
        self.clock = SteadyClock(clock or SystemClock())
        self.path = sqlite_path(self.url)
        self._ownership = Ownership(self.path) if self.path else None
        self._engines: list[Engine] = [writing_engine(self.url), reading_engine(self.url)]
        read_clock = clock_of(self.url, self.clock)
        self._doorbell = Doorbell() if self.path else PostgresqlDoorbell(self.url)
        self._writer = Writer(self._engines[0], read_clock, seal, self._committed)
        self._readers = Readers(self._engines[1], read_clock)
        self._listeners: list[Callable[[], None]] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def is_postgresql(self) -> bool:
        return self.path is None

    @property
    def failure(self) -> DatabaseUnavailable | None:
        """Why the last write could not be stored; None when it could."""
        return self._writer.failure

    @property
    def depth(self) -> int:
        """How many writes wait for their turn."""
        return self._writer.depth

    @property
    def batches(self) -> int:
        """How many transactions were committed."""
        return self._writer.batches

    @property
    def writes(self) -> int:
        """How many writes these transactions held."""
        return self._writer.writes

    @property
    def writing_engine(self) -> Engine:
        """For migrations and for commands that own the file while no server runs."""
        return self._engines[0]

    def own(self) -> None:
        """Take an SQLite file for this process. Raises AlreadyOwned. PostgreSQL takes any number of processes."""
        if self._ownership:
            self._ownership.take()

    async def start(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._writer.start()
        self._readers.start()
        self._doorbell.start(self._heard)
        self._watching = asyncio.create_task(self._watch(), name="database-watch")

    async def stop(self) -> None:
        """Finish what was accepted, then let go of the database. A database that hangs is not waited for."""
        self._writer.close()
        await asyncio.to_thread(self._doorbell.stop)
        await asyncio.to_thread(
            self._readers.stop
        )  # before the writer, whose connection checkpoints when it is the last
        await asyncio.to_thread(self._writer.stop, _STOP_LIMIT)
        if self._watching:
            self._watching.cancel()
        self._writer.fail_overdue(0)
        for engine in self._engines:
            engine.dispose()
        if self._ownership:
            self._ownership.give_back()

    def write(self, function: Callable[..., T], *arguments: Any, key: str = "") -> Awaitable[T]:
        """Run `function(db, *arguments)` in the writer and answer after the commit.

        `key` names what the function locks; every process runs a batch in the order of the keys.
        """
        return self._writer.submit(function, arguments, key)

    def read_in_turn(self, function: Callable[..., T], *arguments: Any, key: str = "") -> Awaitable[T]:
        """Run a function that changes nothing in the writer, behind every write that was accepted before.

        It is answered even where writes fail, for example on a full disk.
        """
        return self._writer.submit(function, arguments, key, only_reads=True)

    async def read(self, function: Callable[..., T], *arguments: Any) -> T:
        """Run `function(db, *arguments)` on a connection that cannot write."""
        result: T = await self._readers.run(function, arguments)
        return result

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Have `listener` called on the event loop when there may be new events. A hint, not a promise."""
        self._listeners.append(listener)

    def _committed(self, _sequence: int) -> None:
        self._heard()
        self._doorbell.ring()

    def _heard(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self._tell)
        except RuntimeError:  # the loop has closed
            return

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    async def _watch(self) -> None:
        """Answer whoever waits too long, and find out when a database that failed is back."""
        while True:
            await asyncio.sleep(_WATCH_INTERVAL)
            try:
                self._writer.fail_overdue(_ANSWER_LIMIT)
                if self.failure is not None and self.depth == 0:
                    self._probe()
            except Exception:
                log.exception("the watch over the database failed and goes on")

    def _probe(self) -> None:
        """Have the writer try: after a failure it changes a row of its own in every batch."""
        try:
            future: asyncio.Future[Any] = self._writer.submit(_nothing, (), "")
        except DatabaseUnavailable:
            return
        future.add_done_callback(lambda done: done.cancelled() or done.exception())  # noted by the writer


def _nothing(_db: Unit) -> None:
    return
