"""What can go wrong with a database, in the words of the server.

A failure of the *database* (gone, full, failing disk) is not a failure of the *function* that
happened to run: the first stops the whole batch at once, the second is isolated by replay.
"""

import errno
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError

_RETRIED = {"40P01", "40001", "55P03"}  # deadlock, serialisation, lock not had in time: alone it will pass
_FULL = "53100"  # disk full
_ITS_OWN = "54"  # a limit of PostgreSQL that this one call went beyond, such as the size of an index entry
_TOO_SLOW = ("25P03", "25P04")  # this process stood still in a transaction, and PostgreSQL ended it
_READ_ONLY = "25006"  # a standby answers: the primary is elsewhere now


class DatabaseUnavailable(Exception):
    """The database cannot be written now. Nothing was stored, or it is not known whether it was: ask again."""


class StorageFull(DatabaseUnavailable):
    """There is no room left to store anything. Reads go on; writes come back when there is room."""


def was_unlucky(error: BaseException) -> bool:
    """Whether a statement lost against another process (deadlock, lock), and may win when it is tried again."""
    return getattr(_cause(error), "sqlstate", None) in _RETRIED


def as_unavailable(error: BaseException) -> DatabaseUnavailable | None:
    """The failure of the database behind an exception; None when the function itself failed."""
    if isinstance(error, DatabaseUnavailable):
        return error
    if isinstance(error, OSError):
        return StorageFull("the disk is full") if error.errno == errno.ENOSPC else DatabaseUnavailable("the disk fails")
    cause = _cause(error)
    if isinstance(cause, sqlite3.Error):
        return _sqlite_failure(cause)
    if isinstance(cause, psycopg.Error):
        return _postgresql_failure(cause)
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    return DatabaseUnavailable("the database cannot be reached") if lost else None


def _cause(error: BaseException) -> BaseException | None:
    """The driver's own error, whether or not Core wrapped it."""
    return error.orig if isinstance(error, DBAPIError) else error


def _sqlite_failure(error: sqlite3.Error) -> DatabaseUnavailable | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the disk is full")
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY}:
        return DatabaseUnavailable("the database file cannot be written")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return DatabaseUnavailable("the database is damaged: restore it with the last backup")
    return None


def _postgresql_failure(error: psycopg.Error) -> DatabaseUnavailable | None:
    state = error.sqlstate or ""
    if state in _RETRIED or state.startswith(_ITS_OWN):
        return None
    if state == _FULL:
        return StorageFull("the database has no room left")
    if state == _READ_ONLY:
        return DatabaseUnavailable("the database takes no writes")
    lost = isinstance(error, psycopg.InterfaceError | psycopg.OperationalError)
    if lost or state.startswith(("08", "57", "58", *_TOO_SLOW)):
        return DatabaseUnavailable("the database cannot be reached")
    return None
