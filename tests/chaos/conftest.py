"""Databases and servers that are about to have a bad time."""

from collections.abc import Iterator

import pytest

from tests.databases import DatabaseMaker


@pytest.fixture
def sqlite_url(make_database: DatabaseMaker) -> Iterator[str]:
    """A migrated file."""
    with make_database("sqlite") as url:
        yield url
