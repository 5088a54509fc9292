"""Finding what people are asked: by ranges of an index, by key and never by offset.

Waiting requests come in the order of their deadlines, answered ones the latest first. Whatever else narrows an
inbox (a word, a tag) is looked for row by row, in so many rows at most: then the reader is asked to look further.
"""

import heapq
import itertools
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import BindParameter, Integer, Select, and_, bindparam, func, literal_column, or_, select, type_coerce

from ..access.principals import Person
from ..database import Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..durations import parse_duration
from ..environments import environments
from ..environments.models import Environment
from ..requests.models import ADDRESS, GROUP, WAITS_AND_IS_OWN, RequestApproverRow, RequestRow
from ..tokens.models import COMPLETED, TIMED_OUT, WAITING, TokenRow
from .asked import Asked, is_one_of, names_of
from .filters import ALL, GROUPS, ME, Filters, Place, place_in

COUNT_LIMIT = 1000  # a count beyond this reads "1,000+"
SIZE = 25
_CHUNK = 250  # rows read at once where they are looked through
_MOST_READ = 5_000  # rows looked through for one page

_requests = table_of(RequestRow)
_approvers = table_of(RequestApproverRow)
_tokens = table_of(TokenRow)

_DETAILS = select(
    _requests.c.token_id,
    _requests.c.moment,
    _requests.c.environment_id,
    _requests.c.title,
    _requests.c.requester,
    _requests.c.version,
    _tokens.c.tags,
    _tokens.c.created_at,
    _tokens.c.timeout_at,
    _tokens.c.status,
    _tokens.c.completed_at,
    _tokens.c.cancelled_at,
).join(_tokens, _tokens.c.id == _requests.c.token_id)


class Entry(msgspec.Struct, frozen=True):
    """A request in an inbox. `moment` is its deadline (or far away), or when it was settled."""

    token_id: str
    moment: datetime
    environment_id: str
    title: str
    requester: str | None
    version: int
    tags: tuple[str, ...]
    created_at: datetime
    timeout_at: datetime | None
    status: str
    completed_at: datetime | None
    cancelled_at: datetime | None

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING

    @property
    def place(self) -> Place:
        return Place(self.moment, self.token_id)


class Page(msgspec.Struct, frozen=True):
    """A page of an inbox, with the places of the pages around it. `is_cut`: there may be more where nobody looked."""

    entries: list[Entry]
    next: Place | None = None
    previous: Place | None = None
    is_cut: bool = False


class Reach(msgspec.Struct, frozen=True):
    """What a person can be shown: under which names they are asked, and where."""

    names: tuple[Asked, ...]
    environments: tuple[Environment, ...]
    desks: tuple[Environment, ...]


def reach_of(db: Unit, person: Person) -> Reach:
    """How far a person's inbox reaches."""
    every = environments.every(db)
    desks = (each for each in every if person.may_see_desk_of(each.id))
    return Reach(tuple(names_of(db, person)), tuple(every), tuple(desks))


def search(db: Unit, reach: Reach, filters: Filters) -> Page:
    """A page of an inbox."""
    before = place_in(filters.before)
    backwards, place = before is not None, before or place_in(filters.after)
    number = _CHUNK if _looks_through(filters) else SIZE + 1
    walked = _walk(db, reach, filters, place, backwards=backwards)
    found: list[Entry] = []
    read, is_cut = 0, False
    while len(found) <= SIZE and not is_cut and (places := [*itertools.islice(walked, number)]):
        found += [entry for entry in _entries_at(db, places) if _matches(entry, filters)]
        read, place = read + len(places), places[-1]
        is_cut = read >= _MOST_READ and len(found) <= SIZE
    return _page(found, filters, place, is_cut=is_cut, backwards=backwards)


def count(db: Unit, reach: Reach, filters: Filters) -> int:
    """How many there are in a scope with a status, whatever else narrows it; at most `COUNT_LIMIT` + 1."""
    table = _requests if filters.scope == ALL else _approvers
    names = _names(reach, filters)
    asked = [] if filters.scope == ALL else [is_one_of(names)]
    narrowed = [*_here(table, reach, filters), *_bounds(table, reach, filters, db.now)]
    found = select(table.c.token_id).where(table.c.status.in_(_statuses(filters)), *asked, *narrowed)
    if filters.scope != ALL and len(names) > 1:
        found = found.distinct()  # who is asked by name and in a group is asked once
    number: int = db.execute(select(func.count()).select_from(found.limit(COUNT_LIMIT + 1).subquery())).scalar_one()
    return number


def waiting_on(db: Unit, reach: Reach) -> int:
    """How many requests wait for a person's answer."""
    return count(db, reach, Filters(scope=ME))


def entries_of(db: Unit, reach: Reach, filters: Filters, token_ids: Sequence[str]) -> list[Entry]:
    """Those of some requests that this inbox would show, and whatever became of them."""
    scoped = _scoped(reach, filters)
    if not token_ids:
        return []
    statement = _DETAILS.where(_requests.c.token_id.in_(token_ids), *scoped)
    return [entry for row in db.execute(statement) if _matches(entry := _entry(row), filters)]


def specs_of(db: Unit, token_ids: Sequence[str]) -> dict[str, str]:
    """What the requests of a page say, by the id of the token."""
    statement = select(_requests.c.token_id, _requests.c.spec).where(_requests.c.token_id.in_(token_ids))
    return {row.token_id: row.spec for row in db.execute(statement)}


def _walk(db: Unit, reach: Reach, filters: Filters, place: Place | None, *, backwards: bool) -> Iterator[Place]:
    """The places behind one, in order. A range is read as far as it is walked: there may be hundreds."""
    ascending = filters.is_waiting != backwards
    ranges, whose = _ranges(reach, filters, db.now, ascending=ascending)
    walks = [_walk_range(db, each, who, place) for each in ranges for who in whose]
    seen: set[str] = set()
    for each in heapq.merge(*walks, reverse=not ascending):
        if each.token_id not in seen:  # who is asked by name and in a group is asked once
            seen.add(each.token_id)
            yield each


def _walk_range(db: Unit, wanted: "_Range", who: dict[str, str], place: Place | None) -> Iterator[Place]:
    number = SIZE + 1
    while True:
        statement, there = (wanted.whole, {}) if place is None else (wanted.behind, msgspec.structs.asdict(place))
        places = [Place(row.moment, row.token_id) for row in db.execute(statement, {**who, **there, "number": number})]
        yield from places
        if len(places) < number:
            return
        place, number = places[-1], min(2 * number, _CHUNK)


def _entries_at(db: Unit, places: Sequence[Place]) -> list[Entry]:
    """What lies there. A request that was settled meanwhile keeps the place where it was found: there one goes on."""
    statement = _DETAILS.where(_requests.c.token_id.in_([place.token_id for place in places]))
    rows = {row.token_id: row for row in db.execute(statement)}
    return [
        msgspec.structs.replace(_entry(rows[place.token_id]), moment=place.moment)
        for place in places
        if place.token_id in rows
    ]


class _Range(NamedTuple):
    """A range of an index, in order, of which `number` rows are wanted: the first ones, and those behind a `Place`."""

    whole: Select[Any]
    behind: Select[Any]


def _ranges(
    reach: Reach, filters: Filters, now: datetime, *, ascending: bool
) -> tuple[list[_Range], list[dict[str, str]]]:
    """Where to look: for each status a range of an index, and the parameters with which each is walked.

    An environment is never a range of its own where a person sees all of them: there may be thousands.
    """
    table, owner, whose = _owners(reach, filters)
    order = (table.c.moment, table.c.token_id) if ascending else (table.c.moment.desc(), table.c.token_id.desc())
    number: BindParameter[int] = bindparam("number", type_=Integer)
    found = select(table.c.moment, table.c.token_id).where(*owner).order_by(*order).limit(number)
    whole = found.where(*_bounds(table, reach, filters, now))
    hidden = _bounds(table, reach, filters, now, hides_from=ascending, hides_to=not ascending)
    behind = found.where(*_behind(table, ascending=ascending), *hidden)
    is_one = [table.c.status == status for status in _statuses(filters)]
    return [_Range(whole.where(each), behind.where(each)) for each in is_one], whose


def _owners(reach: Reach, filters: Filters) -> tuple[Any, list[Any], list[dict[str, str]]]:
    """Whose requests: a table, what leaves one range of its index, and the parameters of each such range."""
    here = _here(_requests if filters.scope == ALL else _approvers, reach, filters)
    if filters.scope != ALL:
        is_named = [_approvers.c.kind == bindparam("kind"), _approvers.c.value == bindparam("value")]
        return _approvers, is_named + here, [msgspec.structs.asdict(name) for name in _names(reach, filters)]
    if not here:
        return _requests, [], [{}]
    is_there = [_requests.c.environment_id == bindparam("environment_id")]
    return _requests, is_there, [{"environment_id": each} for each in _wanted(reach, filters)]


def _statuses(filters: Filters) -> tuple[str, ...]:
    return (WAITING,) if filters.is_waiting else (COMPLETED, TIMED_OUT)


def _bounds(
    table: Any, reach: Reach, filters: Filters, now: datetime, *, hides_from: bool = False, hides_to: bool = False
) -> list[Any]:
    """What narrows the requests of a status, wherever one looks.

    Behind a place, which bounds the range on one side, the other bound there is hidden from SQLite by `+ 0`: it takes
    the first one that it sees, and would walk from the very beginning to the place.
    """
    if not filters.is_waiting:
        return []
    hidden = type_coerce(table.c.moment.op("+")(literal_column("0")), Instant())
    from_below = hidden if hides_from else table.c.moment
    from_above = hidden if hides_to else table.c.moment
    bounds = [from_below > now]  # the sweeper has the others
    if filters.scope == ME:
        bounds.append(table.c.token_id.not_in(_own(reach)))
    if filters.due:
        bounds.append(from_above <= now + parse_duration(filters.due))
    return bounds


def _behind(table: Any, *, ascending: bool) -> list[Any]:
    """What lies behind a place. The first of it is what an index can walk to."""
    moment, token_id = table.c.moment, table.c.token_id
    at: BindParameter[Any] = bindparam("moment")
    beside: BindParameter[Any] = bindparam("token_id")
    if ascending:
        return [moment >= at, or_(moment > at, and_(moment == at, token_id > beside))]
    return [moment <= at, or_(moment < at, and_(moment == at, token_id < beside))]


def _scoped(reach: Reach, filters: Filters) -> list[Any]:
    """Whether a request belongs to the scope of this inbox, for single ones."""
    scoped = _here(_requests, reach, filters)
    if filters.scope != ALL:
        asked = is_one_of(_names(reach, filters))
        scoped.append(select(1).where(_approvers.c.token_id == _requests.c.token_id, asked).exists())
    if filters.scope == ME and filters.is_waiting:
        scoped.append(_requests.c.token_id.not_in(_own(reach)))
    return scoped


def _own(reach: Reach) -> Select[Any]:
    """What waits and this person may not answer, because they have asked it themselves."""
    own = _requests.alias()
    addresses = [name.value for name in reach.names if name.kind == ADDRESS]
    return select(own.c.token_id).where(own.c.requester.in_(addresses), literal_column(WAITS_AND_IS_OWN))


def _names(reach: Reach, filters: Filters) -> list[Asked]:
    return [name for name in reach.names if filters.scope != GROUPS or name.kind == GROUP]


def _here(table: Any, reach: Reach, filters: Filters) -> list[Any]:
    """What leaves the wanted environments; nothing where those are all."""
    wanted = _wanted(reach, filters)
    return [] if len(wanted) == len(reach.environments) else [table.c.environment_id.in_(wanted)]


def _wanted(reach: Reach, filters: Filters) -> list[str]:
    seen = reach.desks if filters.scope == ALL else reach.environments
    return [each.id for each in seen if filters.environment in {"", each.slug}]


def _looks_through(filters: Filters) -> bool:
    return bool(filters.q or filters.tags)


def _matches(entry: Entry, filters: Filters) -> bool:
    if filters.tags and set(filters.tags).isdisjoint(entry.tags):
        return False
    if not filters.q:
        return True
    wanted = filters.q.casefold()
    return any(wanted in text.casefold() for text in (entry.title, entry.token_id, entry.requester or "", *entry.tags))


def _entry(row: Any) -> Entry:
    return Entry(**{**row._asdict(), "tags": tuple(msgspec.json.decode(row.tags))})


def _page(found: list[Entry], filters: Filters, place: Place | None, *, is_cut: bool, backwards: bool) -> Page:
    """Cut to size and name the neighbours. `place` is the last row that was looked at."""
    has_more = len(found) > SIZE
    entries = found[:SIZE]
    if backwards:
        entries.reverse()
        first = entries[0].place if entries else None
        last = entries[-1].place if entries else place_in(filters.before)
        return Page(entries, next=last, previous=first if has_more else None)
    behind = entries[-1].place if entries and has_more else place if is_cut else None
    first = entries[0].place if entries and not filters.is_first_page else None
    return Page(entries, next=behind, previous=first, is_cut=is_cut and not has_more)
