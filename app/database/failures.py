"""What can go wrong with a database, in the words of the server.

A failure of the *database* (gone, full, failing disk) is not a failure of the *function* that
happened to run: the first stops the whole batch at once, the second is isolated by replay.
"""

import errno
import sqlite3

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

_RETRIED = {"40P01", "40001", "55P03"}  # deadlock, serialisation, lock not had in time: alone it will pass
_FULL = "53100"  # disk full
_ITS_OWN = "54"  # a limit of PostgreSQL that this one call went beyond, such as the size of an index entry
_READ_ONLY = "25006"  # a standby answers: the primary is elsewhere now


class DatabaseUnavailable(Exception):
    """The database cannot be written now. Nothing was stored, or it is not known whether it was: ask again."""


class StorageFull(DatabaseUnavailable):
    """There is no room left to store anything. Reads go on; writes come back when there is room."""


def was_unlucky(error: BaseException) -> bool:
    """Whether a statement lost against another process (deadlock, lock), and may win when it is tried again."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) in _RETRIED


def as_unavailable(error: BaseException) -> DatabaseUnavailable | None:
    """The failure of the database behind an exception; None when the function itself failed."""
    if isinstance(error, DatabaseUnavailable):
        return error
    if isinstance(error, OSError):
        return StorageFull("the disk is full") if error.errno == errno.ENOSPC else DatabaseUnavailable("the disk fails")
    if not isinstance(error, DBAPIError):
        return None
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_failure(error.orig)
    if isinstance(error.orig, psycopg.Error):
        return _postgresql_failure(error)
    return DatabaseUnavailable("the database cannot be reached") if error.connection_invalidated else None


def _sqlite_failure(error: sqlite3.Error) -> DatabaseUnavailable | None:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return StorageFull("the disk is full")
    if code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY}:
        return DatabaseUnavailable("the database file cannot be written")
    if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
        return DatabaseUnavailable("the database is damaged: restore it with the last backup")
    return None


def _postgresql_failure(error: DBAPIError) -> DatabaseUnavailable | None:
    state = getattr(error.orig, "sqlstate", None) or ""
    if state in _RETRIED or state.startswith(_ITS_OWN):
        return None
    if state == _FULL:
        return StorageFull("the database has no room left")
    if state == _READ_ONLY:
        return DatabaseUnavailable("the database takes no writes")
    lost = error.connection_invalidated or isinstance(error, InterfaceError)
    if lost or isinstance(error, OperationalError) or state.startswith(("08", "57", "58")):
        return DatabaseUnavailable("the database cannot be reached")
    return None
