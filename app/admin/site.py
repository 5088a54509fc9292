"""What an operation works with, and how it says no."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import msgspec
from sqlalchemy import Connection, text

from ..database import Database
from ..database.engines import reading_engine
from ..settings import Settings

T = TypeVar("T")


@dataclass(frozen=True)
class Site:
    """A database with its settings. `changed` is called after a write, so that a server looks keys up again."""

    database: Database
    settings: Settings
    public_url: str
    has_server: bool
    changed: Callable[[], None] = lambda: None


class Refusal(msgspec.Struct, frozen=True):
    """It cannot be done as asked: why, and what to do instead."""

    reason: str


class Refused(Exception):
    """It cannot be done as asked. The message says why, and what to do instead."""


@contextmanager
def connection_beside(database: Database) -> Iterator[Connection]:
    """A connection of one's own that cannot write, for work that may take as long as it takes."""
    engine = reading_engine(database.url)
    try:
        with engine.connect() as connection:
            if database.is_postgresql:
                connection.execute(text("SET statement_timeout = 0"))
            yield connection
    finally:
        engine.dispose()


async def beside(function: Callable[..., T], *arguments: Any) -> T:
    """Run on a thread beside the server's work, as long as it takes. A server that stops does not wait for it."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: Exception | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(cast("T", result))
        else:
            future.set_exception(error)

    def run() -> None:
        result, failure = None, None
        try:
            result = function(*arguments)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            failure = error
        with suppress(RuntimeError):  # the loop has closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failure)

    threading.Thread(target=run, name="waitpoint-beside", daemon=True).start()
    return await future
