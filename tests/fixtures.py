"""The fixtures that both `tests/` and `e2e/` use: databases and servers, on SQLite and PostgreSQL."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.databases import DatabaseMaker
from tests.servers import RunningServer

KINDS = ("sqlite", "postgresql")


@pytest.fixture(autouse=True)
def without_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's shell says about Waitpoint does not change what a test means."""
    for name in list(os.environ):
        if name.startswith("WAITPOINT_"):
            monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def make_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatabaseMaker]:
    """For tests that need more databases than one: `with make_database("sqlite") as url:`."""
    with DatabaseMaker(tmp_path_factory.mktemp("databases")) as maker:
        yield maker


@pytest.fixture(params=KINDS)
def database_kind(request: pytest.FixtureRequest) -> str:
    """A test that uses this, or anything made of it, runs once on SQLite and once on PostgreSQL."""
    return str(request.param)


@pytest.fixture
def empty_database_url(database_kind: str, make_database: DatabaseMaker) -> Iterator[str]:
    """A database without a single table, for one test."""
    with make_database(database_kind, migrated=False) as url:
        yield url


@pytest.fixture
def database_url(database_kind: str, make_database: DatabaseMaker) -> Iterator[str]:
    """A database of the newest schema and without a single row, for one test."""
    with make_database(database_kind, migrated=True) as url:
        yield url


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[RunningServer]:
    """A server for one test, which may stop, kill and restart it."""
    with running(RunningServer(database_url, tmp_path)) as server:
        yield server


@pytest.fixture(scope="session", params=KINDS)
def shared_server(
    request: pytest.FixtureRequest,
    make_database: DatabaseMaker,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningServer]:
    """A server that many tests share: quicker than `server`, and nobody may stop it or count all its rows."""
    folder = tmp_path_factory.mktemp("shared-server")
    with (
        make_database(request.param, migrated=True) as url,
        running(RunningServer(url, folder)) as server,
    ):
        yield server


@contextmanager
def running(server: RunningServer) -> Iterator[RunningServer]:
    """The server runs inside the block, and certainly not after it."""
    server.start()
    try:
        yield server
    finally:
        if server.is_running:
            server.stop()
