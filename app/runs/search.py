"""Lists of runs, newest first, that page by key and never by offset."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, FromClause, Select, and_, case, func, select, true

from .. import ids
from ..clock import MILLISECOND
from ..database import Unit
from ..database.tables import table_of
from ..tokens.queries import Reader, collected, query_error
from .models import COLUMNS, STATUSES, Run, RunRow, RunTagRow, Status, run_of

KNOWN = {
    "filter[status]",
    "filter[taskIdentifier]",
    "filter[tag]",
    "filter[createdAt][period]",
    "filter[createdAt][from]",
    "filter[createdAt][to]",
    "page[size]",
    "page[after]",
    "page[before]",
}

COUNT_LIMIT = 1000  # a count beyond this reads "1,000+": counting must not depend on how many there are
SCAN_LIMIT = 10_000  # runs of a status, the newest, that are looked at to count those of a task

_runs = table_of(RunRow)
_tags = table_of(RunTagRow)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs. `tags` means any of them; `since` and `until` are inclusive; `before` wins over `after`."""

    statuses: tuple[Status, ...] = ()
    tasks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    id_prefix: str | None = None
    size: int = 25
    after: str | None = None
    before: str | None = None


class Count(msgspec.Struct, frozen=True):
    """How many runs there are, at most `COUNT_LIMIT` + 1; or `at_least` so many, where not all were looked at."""

    number: int
    at_least: bool = False


class Page(msgspec.Struct, frozen=True):
    """A page of runs, with the cursors of the pages around it."""

    runs: list[Run]
    next: str | None = None
    previous: str | None = None


def search_in(parameters: Iterable[tuple[str, str]], now: datetime, *, strict: bool) -> Search:
    """The search that a query string asks for. Raises the contract's "Query Error" naming every bad parameter."""
    given, problems = collected(parameters, KNOWN, strict=strict)
    read = Reader(given, problems, now)
    search = Search(
        statuses=read.statuses(STATUSES),
        tasks=read.tags("filter[taskIdentifier]"),
        tags=read.tags("filter[tag]"),
        since=read.since(),
        until=read.until(),
        size=read.size(),
        after=read.cursor("page[after]", ids.is_run_id),
        before=read.cursor("page[before]", ids.is_run_id),
    )
    if search.since and search.until and search.since > search.until:
        problems.append(("filter[createdAt][from]", "must not be later than filter[createdAt][to]"))
    if problems:
        raise query_error(problems)
    return search


def search(db: Unit, environment_id: str, wanted: Search) -> Page:
    """A page of runs of one environment: a range of an index for each status and tag, put together."""
    backwards = wanted.before is not None
    found: set[str] = set()
    for status in wanted.statuses or STATUSES:
        for branch in _branches(environment_id, status, wanted):
            order = branch.key.asc() if backwards else branch.key.desc()
            named = branch.of(branch.key).where(*_task(wanted), *_cursor(branch.key, wanted))
            found.update(db.execute(named.order_by(order).limit(wanted.size + 1)).scalars())
    ordered = sorted(found, reverse=not backwards)[: wanted.size + 1]
    runs = {run.id: run for run in of_ids(db, ordered)} if ordered else {}
    return _page([runs[run_id] for run_id in ordered if run_id in runs], wanted, backwards=backwards)


def count(db: Unit, environment_id: str, status: Status, wanted: Search) -> Count:
    """How many runs of one status a search finds. Those of a task are counted among the newest."""
    limit = (SCAN_LIMIT if wanted.tasks else COUNT_LIMIT) + 1
    number, is_open = 0, False
    for branch in _branches(environment_id, status, wanted, once=True):
        matches = case((and_(true(), *_task(wanted)), 1), else_=0).label("matches")
        looked_at = branch.of(matches).order_by(branch.key.desc()).limit(limit).subquery()
        counts = select(func.count(), func.coalesce(func.sum(looked_at.c.matches), 0)).select_from(looked_at)
        row: Any = db.execute(counts).one()
        seen, matching = row
        number += int(matching)
        is_open = is_open or (bool(wanted.tasks) and seen > SCAN_LIMIT)
    return Count(min(number, COUNT_LIMIT + 1), at_least=is_open)


def of_ids(db: Unit, run_ids: Iterable[str]) -> list[Run]:
    """These runs, as they stand."""
    rows = select(*COLUMNS).where(_runs.c.id.in_([*run_ids]))
    return [run_of(row) for row in db.execute(rows)]


class _Branch(msgspec.Struct, frozen=True):
    """A part of a search that is a range of one index. `key` holds the run's id in that index.

    Borders and order are said of `key`, not of `runs.id`: that tells SQLite, which keeps no statistics,
    to walk the few rows of a tag rather than all runs.
    """

    key: ColumnElement[str]
    source: FromClause
    here: tuple[ColumnElement[bool], ...]

    def of(self, *columns: ColumnElement[Any]) -> Select[Any]:
        return select(*columns).select_from(self.source).where(*self.here)


def _branches(environment_id: str, status: Status, wanted: Search, *, once: bool = False) -> Iterator[_Branch]:
    """Where to look. With `once` a run that has several of the tags is found by the first of them only."""
    if not wanted.tags:
        of_status = (_runs.c.environment_id == environment_id, _runs.c.status == status)
        yield _Branch(_runs.c.id, _runs, (*of_status, *_range(_runs.c.id, wanted)))
        return
    for number, tag in enumerate(wanted.tags):
        here = (_tags.c.environment_id == environment_id, _tags.c.tag == tag, _tags.c.status == status)
        earlier = [_has_none_of(wanted.tags[:number])] if once and number else []
        tagged = _tags.join(_runs, _runs.c.id == _tags.c.run_id) if wanted.tasks else _tags
        yield _Branch(_tags.c.run_id, tagged, (*here, *earlier, *_range(_tags.c.run_id, wanted)))


def _has_none_of(tags: tuple[str, ...]) -> ColumnElement[bool]:
    other = _tags.alias()
    having = select(other.c.run_id).where(other.c.run_id == _tags.c.run_id, other.c.tag.in_(tags))
    return ~having.exists()


def _task(wanted: Search) -> tuple[ColumnElement[bool], ...]:
    """What no index knows: each run has to be looked at."""
    return (_runs.c.task.in_(wanted.tasks),) if wanted.tasks else ()


def _cursor(key: ColumnElement[str], wanted: Search) -> tuple[ColumnElement[bool], ...]:
    if wanted.before is not None:
        return (key > wanted.before,)
    return (key < wanted.after,) if wanted.after is not None else ()


def _range(key: ColumnElement[str], wanted: Search) -> list[ColumnElement[bool]]:
    """A range of ids, which begin with their time."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(key >= ids.first_id_at(ids.RUN_PREFIX, wanted.since))
    if wanted.until is not None:
        conditions.append(key < ids.first_id_at(ids.RUN_PREFIX, wanted.until + MILLISECOND))
    if wanted.id_prefix is not None:
        # Ids are hexadecimal, so "g" is behind all that begin so.
        conditions += [key >= wanted.id_prefix, key < wanted.id_prefix + "g"]
        conditions.append(key.startswith(wanted.id_prefix, autoescape=True))
    return conditions


def _page(found: list[Run], wanted: Search, *, backwards: bool) -> Page:
    """Cut to size and name the neighbours. `found` begins at the cursor and may hold one more than a page."""
    has_more = len(found) > wanted.size
    runs = found[: wanted.size]
    if backwards:
        runs.reverse()
    if not runs:
        return Page([])
    first, last = runs[0].id, runs[-1].id
    if backwards:
        return Page(runs, next=last, previous=first if has_more else None)
    return Page(runs, next=last if has_more else None, previous=first if wanted.after is not None else None)
