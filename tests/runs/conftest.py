"""Runs on SQLite and on PostgreSQL."""

from collections.abc import Iterator

import pytest

from app.database.engines import parse_url, writing_engine
from tests.database.worlds import HandClock
from tests.runs.worlds import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    """A world with a clock that the test moves."""
    engine = writing_engine(parse_url(database_url))
    with engine.connect() as connection:
        yield World(connection, HandClock())
    engine.dispose()
