"""A copy of an SQLite database and of the files beside it, made while the server goes on writing."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import msgspec

from ..files.stores import folder_of
from .site import Refusal, Site, connection_beside

PG_DUMP = 'pg_dump --format=custom --file=waitpoint.dump "$WAITPOINT_DATABASE_URL"'


class Backup(msgspec.Struct, frozen=True):
    """A finished copy: where it lies, how large it is, the number of the last event in it, and how many files lie beside."""

    path: str
    size: int  # bytes
    last_event: int
    files: int


def make(site: Site, *, destination: str) -> Backup | Refusal:
    """Copy the database into a new file, as it is at one instant. The file is whole or not there."""
    target = _target(Path(destination), site)
    problem = _problem(site, target)
    if problem is not None:
        return Refusal(problem)
    try:
        return _copied(site, target)
    except OSError as error:
        return Refusal(f"{target} cannot be written: {error.strerror or error}")
    except sqlite3.Error as error:
        return Refusal(f"the copy could not be made: {error}")


def _problem(site: Site, target: Path) -> str | None:
    source = site.database.path
    if source is None:
        return f"this database is PostgreSQL, which copies itself best: {PG_DUMP}"
    if not source.exists():
        return f"there is no database at {source} yet"
    for taken in (target, folder_of(target)):
        if taken.exists():
            return f"{taken} is there already: name a file that is not"
    if not target.parent.is_dir():
        return f"there is no folder {target.parent}"
    return None


def _target(destination: Path, site: Site) -> Path:
    if not destination.is_dir():
        return destination
    now = site.database.clock.now()
    return destination / f"waitpoint-{now:%Y-%m-%dT%H-%M-%SZ}.db"


def _copied(site: Site, target: Path) -> Backup:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)  # readable by its owner only
    partial = Path(name)
    try:
        _copy(site, partial)
        last_event = _checked(partial)
        os.fsync(descriptor)
        files = _copy_files(site, folder_of(target))
        partial.rename(target)
    except BaseException:
        partial.unlink(missing_ok=True)
        shutil.rmtree(folder_of(target), ignore_errors=True)
        raise
    finally:
        os.close(descriptor)
    _sync_folder(target.parent)
    return Backup(str(target), target.stat().st_size, last_event, files)


def _copy_files(site: Site, target: Path) -> int:
    """The files that people sent. After the database, so that all which the copy of it knows are there."""
    assert site.database.path is not None  # noqa: S101 - PostgreSQL was refused before
    source = folder_of(site.database.path)
    if not source.exists():
        return 0
    target.mkdir(mode=0o700)
    count = 0
    for path in source.iterdir():
        with path.open("rb") as sent, (target / path.name).open("wb") as kept:
            shutil.copyfileobj(sent, kept)
            kept.flush()
            os.fsync(kept.fileno())
        count += 1
    _sync_folder(target)
    return count


def _copy(site: Site, partial: Path) -> None:
    """All pages in one step: one read transaction sees one instant, and writers go on beside it."""
    with connection_beside(site.database) as connection, closing(sqlite3.connect(partial)) as copy:
        source = connection.connection.driver_connection
        assert isinstance(source, sqlite3.Connection)  # noqa: S101 - PostgreSQL was refused before
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file; the server goes back to WAL when it opens it


def _checked(partial: Path) -> int:
    with closing(sqlite3.connect(partial)) as copy:
        (verdict,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise sqlite3.DatabaseError(f"the database is damaged ({verdict}): run `waitpoint doctor --deep`")
        (last_event,) = copy.execute("SELECT seq FROM log_head").fetchone()
    return int(last_event)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
