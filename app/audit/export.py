"""The log as a file: CSV for spreadsheets, JSON for programs. Written as it is read, so it may be as long as it likes."""

import csv
import io
from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from ..clock import iso
from ..database import Database
from .search import Entry, Wanted, stretch

COLUMNS = ("seq", "at", "what", "subject", "who", "who_id", "known_by", "door", "environment", "details")
_BEGINS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


async def entries(database: Database, wanted: Wanted) -> AsyncIterator[list[Entry]]:
    """Everything that is wanted, the newest first, some at a time."""
    after: int | None = None
    while True:
        found = await database.read(stretch, wanted, after)
        yield found.entries
        if found.after is None:
            return
        after = found.after


async def as_csv(database: Database, wanted: Wanted, environments: Mapping[str, str]) -> AsyncIterator[bytes]:
    """Rows for a spreadsheet, in which nothing that somebody wrote is taken as a formula."""
    yield _lines([COLUMNS])
    async for some in entries(database, wanted):
        if some:
            yield _lines([[_harmless(value) for value in fields(entry, environments).values()] for entry in some])


async def as_json(database: Database, wanted: Wanted, environments: Mapping[str, str]) -> AsyncIterator[bytes]:
    """One array; the details of an entry are an object of their own."""
    begin = b"["
    async for some in entries(database, wanted):
        for entry in some:
            yield begin + msgspec.json.encode(fields(entry, environments) | {"details": entry.data})
            begin = b",\n"
    yield b"]" if begin != b"[" else b"[]"


def fields(entry: Entry, environments: Mapping[str, str]) -> dict[str, Any]:
    """An entry, column by column. `environments` names them by their ids."""
    values = (
        entry.seq,
        iso(entry.at),
        entry.kind,
        entry.subject,
        entry.who,
        (entry.actor or {}).get("id") or "",
        entry.way,
        entry.door,
        environments.get(entry.environment_id or "", ""),
        msgspec.json.encode(entry.data).decode() if entry.data else "",
    )
    return dict(zip(COLUMNS, values, strict=True))


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet shows as it is (threat: formula injection)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_BEGINS_A_FORMULA) else value


def _lines(rows: Any) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
