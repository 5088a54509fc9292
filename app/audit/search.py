"""Looking through the log, the newest first, by key and in bounded steps.

What one person did is a range of an index, and so is what people did; everything else is looked for row by row, in
so many rows at most: then the reader is asked to look further back.
"""

import heapq
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, select

from ..database import Unit
from ..database.tables import table_of
from ..events.models import EventRow
from ..ids import TOKEN_PREFIX
from ..pages import words

SIZE = 50
_CHUNK = 500  # rows read at once
_MOST_READ = 10_000  # rows looked through for one page
_SLACK = timedelta(minutes=5)  # by which the instants of neighbouring events may be out of order, at most

Way = Literal["verified", "link", "program", "secret", "system"]
"""How it is known who did something: they had signed in; they had a link that was sent to them; an API key or a
worker's; a secret that anybody may have (a public access token, a callback URL); the server itself."""

_WAYS: dict[str, Way] = {
    "person": "verified",
    "link": "link",
    "api_key": "program",
    "worker": "program",
    "public_access_token": "secret",
    "callback": "secret",
}
_OF_PEOPLE: tuple[Way, ...] = ("verified", "link")

_events = table_of(EventRow)
_COLUMNS = (
    _events.c.seq,
    _events.c.environment_id,
    _events.c.kind,
    _events.c.subject,
    _events.c.actor,
    _events.c.at,
    _events.c.data,
)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which entries. `kinds` are how kinds begin; `who` are ids and addresses of one person, `by` words of a name.

    `with_server`: also what belongs to no environment: people, groups.
    """

    environment_id: str
    with_server: bool = False
    kinds: tuple[str, ...] = ()
    ways: tuple[Way, ...] = ()
    door: str = ""
    who: tuple[str, ...] = ()
    by: str = ""
    since: datetime | None = None


class Entry(msgspec.Struct, frozen=True):
    """Something that happened."""

    seq: int
    environment_id: str | None
    kind: str
    subject: str
    actor: dict[str, Any] | None
    at: datetime
    data: dict[str, Any]

    @property
    def way(self) -> Way:
        return _WAYS.get(str((self.actor or {}).get("kind")), "system")

    @property
    def door(self) -> str:
        return str((self.actor or {}).get("door", ""))

    @property
    def who(self) -> str:
        return words.who(self.actor)

    @property
    def deed(self) -> str:
        """What was done, in words."""
        return words.deed(self.kind, {"journey": self.subject.split(":", 2)[-1]} | self.data)

    @property
    def token_id(self) -> str | None:
        """The token that it is about; for a journey that of its step."""
        found = self.data.get("token") if self.subject.startswith("journey:") else self.subject
        return found if isinstance(found, str) and found.startswith(TOKEN_PREFIX) else None


class Page(msgspec.Struct, frozen=True):
    """A page of the log, the newest first, with the cursors around it. `is_cut`: there may be more further back."""

    entries: list[Entry]
    older: int | None = None
    newer: int | None = None
    is_cut: bool = False


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of the log that was looked through: what was found in it, and behind which number to go on."""

    entries: list[Entry]
    after: int | None


def page(db: Unit, wanted: Wanted, *, after: int | None = None, before: int | None = None) -> Page:
    """A page of the log: what is older than number `after`, or newer than number `before`."""
    backwards = before is not None
    place, found, read = before if backwards else after, list[Entry](), 0
    while True:
        rows = _rows(db, wanted, place, _CHUNK, backwards=backwards)
        found += _matching(rows, wanted)
        read += len(rows)
        place = rows[-1].seq if rows else place
        is_done = len(rows) < _CHUNK or (not backwards and _is_before(rows[-1].at, wanted))
        if is_done or len(found) > SIZE or read >= _MOST_READ:
            break
    has_more, entries = len(found) > SIZE, found[:SIZE]
    is_cut = not is_done and not has_more
    if backwards:
        entries.reverse()
        newer = entries[0].seq if has_more else None
        return Page(entries, older=entries[-1].seq if entries else before, newer=newer)
    older = entries[-1].seq if has_more else place if is_cut else None
    newer = (entries[0].seq if entries else after) if after is not None else None
    return Page(entries, older=older, newer=newer, is_cut=is_cut)


def stretch(db: Unit, wanted: Wanted, after: int | None) -> Stretch:
    """The next stretch of the log, for an export: it ends where `after` is None."""
    rows = _rows(db, wanted, after, _CHUNK, backwards=False)
    is_done = len(rows) < _CHUNK or _is_before(rows[-1].at, wanted)
    return Stretch(_matching(rows, wanted), None if is_done else rows[-1].seq)


def _rows(db: Unit, wanted: Wanted, place: int | None, number: int, *, backwards: bool) -> Sequence[Any]:
    """The next rows, in order, before anything is looked for in them."""
    found = [_next(db, branch, place, number, backwards=backwards) for branch in _branches(wanted)]
    return [*heapq.merge(*found, key=lambda row: row.seq, reverse=not backwards)][:number]


def _branches(wanted: Wanted) -> list[Select[Any]]:
    """Where to look: each is a range of an index, in order. (For what belongs to no environment PostgreSQL sorts
    that range: it sees no constant in IS NULL. Those entries are few.)
    """
    everything = select(*_COLUMNS)
    if wanted.who:
        return [everything.where(_events.c.who == who) for who in dict.fromkeys(wanted.who)]
    if wanted.ways and set(wanted.ways) <= set(_OF_PEOPLE):
        of_people = everything.where(_events.c.who.is_not(None))
        here = of_people.where(_events.c.environment_id == wanted.environment_id)
        return [here, of_people.where(_events.c.environment_id.is_(None))] if wanted.with_server else [here]
    return [everything]


def _next(db: Unit, branch: Select[Any], place: int | None, number: int, *, backwards: bool) -> Sequence[Any]:
    if place is not None:
        branch = branch.where(_events.c.seq > place if backwards else _events.c.seq < place)
    return db.execute(branch.order_by(_events.c.seq if backwards else _events.c.seq.desc()).limit(number)).all()


def _matching(rows: Sequence[Any], wanted: Wanted) -> list[Entry]:
    found = []
    for row in rows:
        is_here = row.environment_id == wanted.environment_id or (wanted.with_server and row.environment_id is None)
        if not is_here or not row.kind.startswith(wanted.kinds or ("",)):
            continue
        if wanted.since is not None and row.at < wanted.since:
            continue
        entry = _entry(row)
        if _is_wanted(entry, wanted):
            found.append(entry)
    return found


def _is_wanted(entry: Entry, wanted: Wanted) -> bool:
    if wanted.ways and entry.way not in wanted.ways:
        return False
    if wanted.door and entry.door != wanted.door:
        return False
    return not wanted.by or wanted.by.casefold() in entry.who.casefold()


def _is_before(at: datetime, wanted: Wanted) -> bool:
    return wanted.since is not None and at < wanted.since - _SLACK


def _entry(row: Any) -> Entry:
    decode = msgspec.json.decode
    return Entry(row.seq, row.environment_id, row.kind, row.subject, decode(row.actor), row.at, decode(row.data))
