"""Reads: a few threads, each with a connection that cannot write."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from datetime import datetime
from queue import SimpleQueue
from typing import Any

import structlog
from sqlalchemy import Connection, Engine

from . import answers
from .failures import DatabaseUnavailable, as_unavailable
from .unit import Unit

_THREADS = 4
_LIMIT = 4.0  # seconds until a reader that got no answer is told so
_STRIDE = 100_000  # instructions of SQLite between two looks whether anybody still waits: about a millisecond
log = structlog.get_logger(__name__)


class _Read:
    """One call of a reading function, and who waits for it."""

    __slots__ = ("arguments", "function", "future", "loop")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function = function
        self.arguments = arguments
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[Any] = self.loop.create_future()


class Readers:
    """Runs reading functions on a small pool of threads.

    The threads are daemons: one that hangs in a database which answers nothing keeps no server from stopping.
    """

    def __init__(self, engine: Engine, read_clock: Callable[[Connection], datetime]) -> None:
        self._engine = engine
        self._read_clock = read_clock
        self._queue: SimpleQueue[_Read | None] = SimpleQueue()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._work, name=f"waitpoint-reader-{number}", daemon=True)
            for number in range(_THREADS)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self._stopping:
            raise DatabaseUnavailable("the server is stopping")
        read = _Read(function, arguments)
        self._queue.put(read)
        timer = read.loop.call_later(
            _LIMIT, answers.refuse, read.future, DatabaseUnavailable("the database did not answer in time")
        )
        try:
            return await read.future
        finally:
            timer.cancel()

    def stop(self, limit: float = 2.0) -> None:
        """Finish what was asked, and close the connections; a thread that hangs is left behind."""
        self._stopping = True
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join(limit)

    def _work(self) -> None:
        connection = _ReadingConnection(self._engine, self._read_clock)
        while (read := self._queue.get()) is not None:
            if not read.future.done():
                _answer(read, connection)
        connection.close()


class _ReadingConnection:
    """The connection of one thread. A lost one is opened anew, and the read is done again: reading changes nothing."""

    def __init__(self, engine: Engine, read_clock: Callable[[Connection], datetime]) -> None:
        self._engine = engine
        self._read_clock = read_clock
        self._connection: Connection | None = None
        self._under_way: _Read | None = None

    def read(self, read: _Read) -> Any:
        was_open = self._connection is not None
        try:
            return self._attempt(read)
        except Exception as error:
            self.close()
            if not was_open or read.future.done() or as_unavailable(error) is None:
                raise
        try:
            return self._attempt(read)
        except Exception:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                connection.invalidate()
                connection.close()
        except Exception:  # noqa: BLE001 - a lost connection fails in ways of its own
            log.debug("a lost connection could not be closed")

    def _attempt(self, read: _Read) -> Any:
        if self._connection is None:
            self._connection = self._open()
        self._under_way = read
        return read.function(Unit(self._connection, self._read_clock, writes=False), *read.arguments)

    def _open(self) -> Connection:
        # Each statement by itself: a connection that kept a transaction open would go on seeing its old snapshot.
        connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        driver = connection.connection.driver_connection
        if isinstance(driver, sqlite3.Connection):
            # PostgreSQL has a limit of its own. Four statements that never end would leave nobody to read.
            driver.set_progress_handler(self._is_in_vain, _STRIDE)
        return connection

    def _is_in_vain(self) -> bool:
        return self._under_way is not None and self._under_way.future.done()


def _answer(read: _Read, connection: _ReadingConnection) -> None:
    try:
        result = connection.read(read)
    except BaseException as error:  # noqa: BLE001 - handed to whoever asked for it
        answers.call(read.loop, answers.refuse, read.future, as_unavailable(error) or error)
    else:
        answers.call(read.loop, answers.give, read.future, result)
