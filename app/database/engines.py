"""Connections: how each database is opened for the writer and for the readers."""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.pool import NullPool

from ..clock import Clock, from_milliseconds
from .types import POSTGRESQL_NOW

_STATEMENT_LIMIT = 4_000  # milliseconds: a request must be answered within five seconds
_IDLE_LIMIT = 3_000  # milliseconds: a process that was stopped in mid-transaction must not hold up the others
_CONNECT_LIMIT = 3  # seconds
_SQLITE_BUSY_LIMIT = 3_000  # milliseconds: only a foreign process can hold the lock

# Never before the latest instant that was written: a clock that was set back must not wake what has timed out.
_POSTGRESQL_CLOCK = text(f"SELECT greatest({POSTGRESQL_NOW}, (SELECT at FROM log_head))")  # noqa: S608 - ours alone


def parse_url(url: str) -> URL:
    """The URL with the driver that this server uses: `sqlite:///path` or `postgresql://…`.

    Raises ValueError with a sentence for any other database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:":
            raise ValueError("an SQLite database needs a file: sqlite:///path/to/waitpoint.db")
        return parsed.set(drivername="sqlite+pysqlite")
    if parsed.get_backend_name() in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"unknown database {parsed.get_backend_name()!r}: use sqlite:///path or postgresql://…")


def sqlite_path(url: URL) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    return Path(url.database).absolute() if url.get_backend_name() == "sqlite" and url.database else None


def writing_engine(url: URL) -> Engine:
    """The engine of the one connection that writes and (on SQLite) the only one that checkpoints."""
    if url.get_backend_name() == "sqlite":
        engine = _sqlite_engine(url, _open_sqlite_for_writing)
        # Taking the lock at once: a transaction that begins by reading could fail when it comes to write.
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
        return engine
    return create_engine(
        url,
        poolclass=NullPool,
        isolation_level="READ COMMITTED",  # whatever the server's default is: the statements are made for this one
        connect_args=postgresql_arguments(read_only=False),
    )


def reading_engine(url: URL) -> Engine:
    """The engine of connections that cannot write."""
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, _open_sqlite_for_reading)  # each statement by itself: no snapshot grows old
    return create_engine(
        url,
        poolclass=NullPool,
        isolation_level="AUTOCOMMIT",
        connect_args=postgresql_arguments(read_only=True),
    )


def clock_of(url: URL, clock: Clock) -> Callable[[Connection], datetime]:
    """How the present is read: the process's clock on SQLite, the database's own on PostgreSQL."""
    if url.get_backend_name() == "sqlite":
        return lambda _connection: clock.now()
    return lambda connection: from_milliseconds(connection.execute(_POSTGRESQL_CLOCK).scalar_one())


def postgresql_arguments(*, read_only: bool) -> dict[str, Any]:
    """What every connection to PostgreSQL is told: limits in time, and that a commit waits for the disk."""
    options = (
        f"-c statement_timeout={_STATEMENT_LIMIT} -c lock_timeout={_STATEMENT_LIMIT - 1_000}"
        f" -c idle_in_transaction_session_timeout={_IDLE_LIMIT} -c synchronous_commit=on"
    )
    if read_only:
        options += " -c default_transaction_read_only=on"
    return {
        "connect_timeout": _CONNECT_LIMIT,
        "options": options,
        "application_name": "waitpoint",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": _STATEMENT_LIMIT,
    }


def _sqlite_engine(url: URL, opened: Callable[[sqlite3.Connection], None]) -> Engine:
    engine = create_engine(url, poolclass=NullPool, connect_args={"check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun by us, in our words
        opened(connection)

    return engine


def _open_sqlite_for_writing(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")  # a commit that was acknowledged survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA busy_timeout = {_SQLITE_BUSY_LIMIT}")
    connection.execute("PRAGMA journal_size_limit = 67108864")


def _open_sqlite_for_reading(connection: sqlite3.Connection) -> None:
    # A second connection that checkpoints would meet SQLite's WAL-reset bug (fixed in 3.51.3).
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA query_only = ON")
    connection.execute(f"PRAGMA busy_timeout = {_SQLITE_BUSY_LIMIT}")
