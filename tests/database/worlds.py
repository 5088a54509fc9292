"""Storage without a server around it: databases opened, clocks moved, and threads held where a race wants them."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from app import models as _models  # noqa: F401 - every table must be known
from app.clock import Clock
from app.database import Database, Unit
from app.environments import environments
from app.events import append
from app.tokens import lifecycle
from app.tokens.lifecycle import Answer, Created, NewToken, Settlement
from app.tokens.models import By

ADA = By(kind="api_key", door="rest", name="Ada")
NOON = datetime(2126, 11, 22, 12, 0, tzinfo=UTC)  # PostgreSQL compares deadlines with its own clock, too
PATIENCE = 60.0  # seconds until a test that waits for another thread gives up


class HandClock:
    """A clock that only its test moves."""

    def __init__(self, now: datetime = NOON) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def move(self, **by: float) -> None:
        self._now += timedelta(**by)


class Gate:
    """A place in a function where its thread stops until the test lets it go on."""

    def __init__(self) -> None:
        self._reached = threading.Event()
        self._opened = threading.Event()

    def pass_through(self) -> None:
        """Called in the thread that is to be held."""
        self._reached.set()
        assert self._opened.wait(PATIENCE), "nobody opened the gate"

    async def reached(self) -> None:
        """Return when the thread stands at the gate."""
        assert await asyncio.to_thread(self._reached.wait, PATIENCE), "nobody came to the gate"

    def open(self) -> None:
        self._opened.set()


@asynccontextmanager
async def opened(url: str, clock: Clock | None = None) -> AsyncIterator[Database]:
    """A database of this process, as a server opens it."""
    database = Database(url, seal=append, clock=clock)
    await database.start()
    try:
        yield database
    finally:
        await database.stop()


async def environment_in(database: Database, slug: str = "dev") -> str:
    """The id of an environment, made if there is none."""
    return (await database.write(environments.ensure, slug)).id


async def create(database: Database, environment_id: str, **options: Any) -> Created:
    """Make a token, as the REST handler does."""
    new = NewToken(**{"timeout": timedelta(minutes=10), **options})
    key = f"key:{environment_id}:{new.idempotency_key or new.request_key or ''}"
    return await database.write(lifecycle.create, environment_id, new, ADA, key=key)


async def complete(
    database: Database, environment_id: str, token_id: str, output: str = '"yes"', **options: Any
) -> Settlement:
    """Answer a token, as the REST handler does."""
    answer = Answer(output=output, **options)
    return await database.write(lifecycle.settle, token_id, environment_id, answer, ADA, key=f"token:{token_id}")


def say(db: Unit, subject: str) -> str:
    """The smallest write there is: one event."""
    db.record("test.said", subject)
    return subject


async def until(question: Callable[[], Any], limit: float = PATIENCE) -> None:
    """Return when the question is answered yes."""
    async with asyncio.timeout(limit):
        while not question():  # noqa: ASYNC110 - what is asked about happens in other threads
            await asyncio.sleep(0.01)
