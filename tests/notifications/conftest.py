"""An outbox: on SQLite, and where storage matters on PostgreSQL, too."""

from collections.abc import AsyncIterator

import pytest

from app.database import Database
from tests.database.conftest import database as either_database
from tests.database.conftest import postgresql_url, sqlite_url
from tests.database.worlds import opened
from tests.makers import ada, cleo, house, newcomer, nobody

__all__ = ["ada", "cleo", "either_database", "house", "newcomer", "nobody", "postgresql_url", "sqlite_url"]


@pytest.fixture
async def database(sqlite_url: str) -> AsyncIterator[Database]:
    """A migrated database, opened as a server opens it."""
    async with opened(sqlite_url) as database:
        yield database
