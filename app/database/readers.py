"""Reads: a few threads, each with a connection that cannot write."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from .failures import DatabaseUnavailable, as_unavailable
from .unit import Unit

_THREADS = 4
_LIMIT = 5.0  # seconds until a reader that got no answer is told so


class Readers:
    """Runs reading functions on a small pool of threads. A lost connection is opened anew by the next read."""

    def __init__(self, engine: Engine, read_clock: Callable[[Connection], datetime]) -> None:
        self._engine = engine
        self._read_clock = read_clock
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="waitpoint-reader")
        self._mine = threading.local()
        self._connections: list[Connection] = []

    async def run(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LIMIT):
                return await loop.run_in_executor(self._threads, self._read, function, arguments)
        except TimeoutError as error:
            raise DatabaseUnavailable("the database did not answer in time") from error

    def stop(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()

    def _read(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        try:
            return function(Unit(self._connected(), self._read_clock, writes=False), *arguments)
        except Exception as error:
            self._disconnect()
            unavailable = as_unavailable(error)
            if unavailable is not None:
                raise unavailable from error
            raise

    def _connected(self) -> Connection:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is None:
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            self._mine.connection = connection
            self._connections.append(connection)
        return connection

    def _disconnect(self) -> None:
        connection: Connection | None = getattr(self._mine, "connection", None)
        if connection is not None:
            self._mine.connection = None
            self._connections.remove(connection)
            connection.invalidate()
            connection.close()
