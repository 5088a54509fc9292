"""A database for one test, on SQLite and on PostgreSQL."""

from collections.abc import AsyncIterator, Iterator

import pytest

from app.database import Database
from tests.database.worlds import HandClock, environment_in, opened
from tests.databases import DatabaseMaker


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A migrated database, opened as a server opens it."""
    async with opened(database_url) as database:
        yield database


@pytest.fixture
async def environment_id(database: Database) -> str:
    """Ada's environment."""
    return await environment_in(database)


@pytest.fixture
def clock() -> HandClock:
    """A clock that stands at noon until it is moved."""
    return HandClock()


@pytest.fixture
def sqlite_url(make_database: DatabaseMaker) -> Iterator[str]:
    """For what only SQLite has."""
    with make_database("sqlite") as url:
        yield url


@pytest.fixture
def postgresql_url(make_database: DatabaseMaker) -> Iterator[str]:
    """For what only PostgreSQL has."""
    with make_database("postgresql") as url:
        yield url
