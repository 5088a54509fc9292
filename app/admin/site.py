"""What an operation works with, and how it says no."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

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
    """Run on a thread beside the server's work, as long as it takes."""
    return await asyncio.to_thread(function, *arguments)
