"""Whether all is well. Monitoring calls it, and so do the tests that kill and starve the server."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from ..clock import SystemClock, from_milliseconds, to_milliseconds
from ..database import DatabaseUnavailable, Unit, schema
from ..database.engines import clock_of, reading_engine
from ..database.types import POSTGRESQL_NOW
from ..events import head
from ..notifications import outbox
from ..places import is_on_a_network
from ..settings import is_private
from .site import Site, connection_beside

_PATIENCE = timedelta(seconds=5)  # a sweeper that is later than this is in trouble
_MAIL_PATIENCE = timedelta(minutes=10)  # beyond the lease of a deliverer that died
_CLOCK_PATIENCE = timedelta(seconds=2)
_LARGE_WAL = 64 * 1024 * 1024  # bytes
_LITTLE_SPACE = 256 * 1024 * 1024  # bytes
_SAFE_SQLITE = (3, 51, 3)
Level = Literal["fine", "notice", "problem"]


class Finding(msgspec.Struct, frozen=True):
    """What one check saw. A `problem` needs somebody; a `notice` is good to know."""

    check: str
    level: Level
    says: str


@dataclass(frozen=True)
class Case:
    """What the checks look at."""

    site: Site
    db: Unit
    is_deep: bool

    def number(self, statement: str, **values: object) -> int:
        """The one number that a statement gives."""
        return int(self.db.execute(text(statement), values).scalar_one() or 0)


Check = Callable[[Case], Iterator[tuple[Level, str]]]


def examine(site: Site, *, deep: bool) -> list[Finding]:
    """Look at everything; `deep` reads every row. Nothing is changed and nothing raises."""
    path = site.database.path
    if path is not None and not path.exists():
        return [Finding("database", "problem", f"There is no database at {path} yet: `waitpoint serve` makes it.")]
    try:
        with connection_beside(site.database) as connection:
            db = Unit(connection, clock_of(site.database.url, site.database.clock), writes=False)
            return list(_findings(Case(site, db, deep)))
    except SQLAlchemyError as error:
        return [Finding("database", "problem", f"The database cannot be opened: {_reason(error)}.")]


def _findings(case: Case) -> Iterator[Finding]:
    for name, check in CHECKS.items():
        try:
            for level, says in check(case):
                yield Finding(name, level, says)
        except (SQLAlchemyError, DatabaseUnavailable, OSError) as error:
            yield Finding(name, "problem", f"This could not be checked: {_reason(error)}.")


def _settings(case: Case) -> Iterator[tuple[Level, str]]:
    public_url, settings = case.site.public_url, case.site.settings
    if settings.public_url is None:
        yield "notice", f"WAITPOINT_PUBLIC_URL is not set: links and callback URLs begin with {public_url}."
    elif not is_private(public_url):
        yield (
            "notice",
            f"People reach this server at {public_url}, without https: their sign-ins can be read on the way.",
        )
    else:
        yield "fine", f"People reach this server at {public_url}."


def _writes(case: Case) -> Iterator[tuple[Level, str]]:
    if not case.site.has_server:
        yield "notice", "No server was asked: this command looked at the database by itself."
    elif case.site.database.failure is not None:
        yield "problem", f"The server cannot write: {case.site.database.failure}."
    else:
        yield "fine", f"The server writes; {case.site.database.depth} writes wait for their turn."


def _owner(case: Case) -> Iterator[tuple[Level, str]]:
    path = case.site.database.path
    if path is None:
        yield "fine", "PostgreSQL takes any number of servers."
        return
    others = sorted(_processes_with(path) - {os.getpid()})
    for process in others:
        yield "problem", f"Process {process} has {path} open, too; one server alone may write to it."
    if is_on_a_network(path):
        yield "problem", f"{path} lies on a network disk; SQLite needs a disk of this machine."
    elif not others:
        yield "fine", "One process has the database file open."


def _schema(case: Case) -> Iterator[tuple[Level, str]]:
    engine = reading_engine(case.site.database.url)
    try:
        schema.check(engine)
    except schema.WrongSchema as error:
        yield "problem", f"{str(error).capitalize()}."
        return
    finally:
        engine.dispose()
    from ..database.migrating import differences as differences_in  # noqa: PLC0415 (only here, and it is heavy)

    differences = differences_in(case.db.connection)
    if differences:
        yield "problem", f"The tables differ from this version's in {len(differences)} ways, first: {differences[0]}."
    else:
        yield "fine", "The tables are this version's."


def _integrity(case: Case) -> Iterator[tuple[Level, str]]:
    if case.site.database.is_postgresql:
        yield "fine", "PostgreSQL keeps its own files."
        return
    pragma = "integrity_check(10)" if case.is_deep else "quick_check(10)"
    verdicts = [str(row[0]) for row in _pragma(case, pragma)]
    if verdicts != ["ok"]:
        yield "problem", f"The database file is damaged ({verdicts[0]}): restore it with the last backup."
    elif _pragma(case, "foreign_key_check"):
        yield "problem", "Rows refer to others that are gone: restore the database with the last backup."
    else:
        yield (
            "fine",
            "The database file is sound." if case.is_deep else "The database file looks sound; --deep reads all.",
        )


def _durability(case: Case) -> Iterator[tuple[Level, str]]:
    if case.site.database.is_postgresql:
        weak = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if _shows_off(case, name)]
        for name in weak:
            yield "problem", f"PostgreSQL runs with {name} = off: a power cut may lose answers that were acknowledged."
        if not weak:
            yield "fine", "PostgreSQL acknowledges what is on the disk."
        return
    version = sqlite3.sqlite_version
    if sqlite3.sqlite_version_info >= _SAFE_SQLITE:
        yield "fine", f"SQLite {version}."
    else:
        says = (
            f"SQLite {version} has the WAL-reset bug (mended in 3.51.3), which needs two connections that checkpoint."
        )
        yield "notice", f"{says} This server has one: let no other program write to the file."


def _space(case: Case) -> Iterator[tuple[Level, str]]:
    path = case.site.database.path
    if path is None:
        size = case.number("SELECT pg_database_size(current_database())")
        yield "fine", f"The database has {size:,} bytes."
        return
    wal = path.with_name(path.name + "-wal")
    size = wal.stat().st_size if wal.exists() else 0
    if size > _LARGE_WAL:
        yield "notice", f"The write-ahead log has {size:,} bytes: something reads without end, a backup perhaps."
    else:
        yield "fine", f"The write-ahead log has {size:,} bytes."
    free = shutil.disk_usage(path.parent).free
    if free < _LITTLE_SPACE:
        yield "problem", f"Only {free:,} bytes are free on the disk of {path}."
    else:
        yield "fine", f"{free:,} bytes are free on the disk."


def _clock(case: Case) -> Iterator[tuple[Level, str]]:
    _, latest = head(case.db)
    here = SystemClock().now()
    there = _clock_of_the_database(case) if case.site.database.is_postgresql else here
    behind = latest - there
    if behind > _CLOCK_PATIENCE:
        yield "problem", f"The clock is {_seconds(behind)} behind the latest instant that was written: it went back."
    apart = abs(there - here)
    if apart > _CLOCK_PATIENCE:
        yield "notice", f"The clocks of this machine and of the database are {_seconds(apart)} apart."
    if behind <= _CLOCK_PATIENCE and apart <= _CLOCK_PATIENCE:
        yield "fine", "The clock goes forward."


def _clock_of_the_database(case: Case) -> datetime:
    return from_milliseconds(case.number(f"SELECT {POSTGRESQL_NOW}"))


def _deadlines(case: Case) -> Iterator[tuple[Level, str]]:
    row = (
        case.db.execute(
            text(
                "SELECT count(*) AS overdue, min(timeout_at) AS earliest FROM tokens WHERE status = 'WAITING' AND timeout_at <= :border"
            ),
            {"border": to_milliseconds(case.db.now - _PATIENCE)},
        )
        .mappings()
        .one()
    )
    overdue = int(row["overdue"])
    if not overdue:
        yield "fine", "No deadline was missed."
        return
    late = _seconds(case.db.now - from_milliseconds(row["earliest"]))
    if case.site.has_server or case.site.database.is_postgresql:
        yield "problem", f"{overdue:,} tokens should have timed out, the first {late} ago: is a server running?"
    else:
        yield "notice", f"{overdue:,} tokens are overdue; they time out when a server starts."


def _mail(case: Case) -> Iterator[tuple[Level, str]]:
    if case.site.settings.smtp_url is None:
        yield "notice", "WAITPOINT_SMTP_URL is not set: mails show on the console and the outbox page only."
    mails = outbox.standing(case.db)
    if mails.failed:
        yield "notice", f"{mails.failed:,} mails were given up: the outbox page says why."
    late = timedelta() if mails.next_due is None else case.db.now - mails.next_due
    if late > _MAIL_PATIENCE and case.site.has_server:
        yield "problem", f"{mails.waiting:,} mails wait, the first for {_seconds(late)}: is a server running?"
    else:
        yield "fine", f"{mails.waiting:,} mails wait to be sent."


def _log(case: Case) -> Iterator[tuple[Level, str]]:
    number, _ = head(case.db)
    last = case.number("SELECT max(seq) FROM events")
    if last > number:
        yield "problem", f"Event {last:,} is beyond the head of the log, {number:,}."
    if case.is_deep:
        gaps = case.number("SELECT coalesce(max(seq) - min(seq) + 1 - count(*), 0) FROM events")
        if gaps or last != number:
            yield "problem", f"{max(gaps, abs(number - last)):,} events are missing from the log."
    if last <= number:
        yield "fine", f"{number:,} events were recorded."


def _tokens(case: Case) -> Iterator[tuple[Level, str]]:
    if not case.is_deep:
        return
    sound = True
    for statement, says in _RULES.items():
        broken = case.number(statement)
        if broken:
            sound = False
            yield "problem", f"{broken:,} {says}."
    unreadable = sum(1 for _ in _unreadable_outputs(case))
    if unreadable:
        yield "problem", f"{unreadable:,} tokens have an output that is no JSON."
    elif sound:
        count = case.number("SELECT count(*) FROM tokens")
        yield "fine", f"All {count:,} tokens keep the rules."


def _unreadable_outputs(case: Case) -> Iterator[str]:
    after = ""
    statement = text(
        "SELECT id, output FROM tokens WHERE id > :after AND output IS NOT NULL"
        " AND output_type = 'application/json' ORDER BY id LIMIT 1000"
    )
    while rows := case.db.execute(statement, {"after": after}).all():
        for row in rows:
            try:
                msgspec.json.decode(row.output)
            except msgspec.DecodeError:
                yield row.id
        after = rows[-1].id


_RULES = {
    "SELECT count(*) FROM tokens WHERE (status = 'WAITING') <> (completed_at IS NULL)": (
        "tokens have an end without an answer, or an answer without an end"
    ),
    "SELECT count(*) FROM tokens WHERE status NOT IN ('WAITING', 'COMPLETED', 'TIMED_OUT')": (
        "tokens have an unknown status"
    ),
    "SELECT count(*) FROM token_tags g JOIN tokens t ON t.id = g.token_id WHERE g.status <> t.status": (
        "tags say another status than their token"
    ),
    "SELECT count(*) FROM tokens t WHERE t.kind = 'MANUAL' AND (SELECT count(*) FROM events e WHERE e.subject = t.id"
    " AND e.kind IN ('token.completed', 'token.cancelled', 'token.timed_out'))"
    " <> CASE WHEN t.status = 'WAITING' THEN 0 ELSE 1 END": "tokens ended more or less than once in the log",
    "SELECT count(*) FROM tokens t WHERE t.kind = 'MANUAL' AND NOT EXISTS"
    " (SELECT 1 FROM events e WHERE e.subject = t.id AND e.kind = 'token.created')": "tokens were never created in the log",
    "SELECT count(*) FROM (SELECT 1 AS one FROM waits w JOIN tokens t ON t.id = w.token_id"
    " GROUP BY w.run_id, w.position, w.mode"
    " HAVING sum(CASE WHEN t.status = 'WAITING' THEN 1 ELSE 0 END) = 0"
    " OR (w.mode = 'any' AND sum(CASE WHEN t.status = 'WAITING' THEN 0 ELSE 1 END) > 0)) missed": (
        "waits are open although their tokens are settled"
    ),
    "SELECT count(*) FROM runs r WHERE r.status = 'WAITING' AND r.problem IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM waits w WHERE w.run_id = r.id)": "runs wait for nothing",
    "SELECT count(*) FROM run_tags t JOIN runs r ON r.id = t.run_id WHERE t.status <> r.status": (
        "tags of runs tell another status than the runs have"
    ),
    "SELECT count(*) FROM waits w JOIN runs r ON r.id = w.run_id"
    " WHERE r.status IN ('COMPLETED', 'FAILED', 'CANCELED')": "waits belong to runs that have ended",
}

CHECKS: dict[str, Check] = {
    "settings": _settings,
    "server": _writes,
    "owner": _owner,
    "schema": _schema,
    "integrity": _integrity,
    "durability": _durability,
    "space": _space,
    "clock": _clock,
    "deadlines": _deadlines,
    "mail": _mail,
    "log": _log,
    "tokens": _tokens,
}
"""Every check by its name, in the order of the report."""


def _processes_with(path: Path) -> set[int]:
    """Who has a file open, as far as this machine lets us see."""
    real = str(path.resolve())
    found = set()
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            if any(str(entry.readlink()) == real for entry in folder.iterdir()):
                found.add(int(folder.parent.name))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


def _pragma(case: Case, name: str) -> list[tuple[object, ...]]:
    connection: Connection = case.db.connection
    return [tuple(row) for row in connection.exec_driver_sql(f"PRAGMA {name}")]


def _shows_off(case: Case, setting: str) -> bool:
    return str(case.db.connection.exec_driver_sql(f"SHOW {setting}").scalar_one()) == "off"


def _seconds(length: timedelta) -> str:
    return f"{length.total_seconds():,.0f} s"


def _reason(error: BaseException) -> str:
    return str(getattr(error, "orig", error)).strip().splitlines()[0] or type(error).__name__
