"""Lists of runs, newest first, that page by key and never by offset."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, and_, case, func, select, true

from .. import ids
from ..clock import MILLISECOND
from ..database import Unit
from ..database.tables import table_of
from ..tokens.queries import Reader, collected, query_error
from .models import COLUMNS, STATUSES, Run, RunRow, Status, run_of

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
SCAN_LIMIT = 10_000  # runs of a status, the newest, that are looked at to count those of a task or a tag

_runs = table_of(RunRow)


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
    """A page of runs of one environment: a range of an index for each status, put together."""
    backwards = wanted.before is not None
    order = _runs.c.id.asc() if backwards else _runs.c.id.desc()
    found: list[Run] = []
    for status in wanted.statuses or STATUSES:
        here = (_runs.c.environment_id == environment_id, _runs.c.status == status)
        rows = select(*COLUMNS).where(*here, *_conditions(wanted)).order_by(order).limit(wanted.size + 1)
        found += [run_of(row) for row in db.execute(rows)]
    found.sort(key=lambda run: run.id, reverse=not backwards)
    return _page(found[: wanted.size + 1], wanted, backwards=backwards)


def count(db: Unit, environment_id: str, status: Status, wanted: Search) -> Count:
    """How many runs of one status a search finds. Those of a task or a tag are counted among the newest."""
    here = (_runs.c.environment_id == environment_id, _runs.c.status == status, *_range(wanted))
    narrowed = _narrowing(wanted)
    matches = case((and_(true(), *narrowed), 1), else_=0).label("matches")
    limit = (SCAN_LIMIT if narrowed else COUNT_LIMIT) + 1
    looked_at = select(matches).where(*here).order_by(_runs.c.id.desc()).limit(limit).subquery()
    counts = select(func.count(), func.coalesce(func.sum(looked_at.c.matches), 0)).select_from(looked_at)
    row: Any = db.execute(counts).one()
    seen, number = row
    return Count(min(int(number), COUNT_LIMIT + 1), at_least=bool(narrowed) and seen > SCAN_LIMIT)


def of_ids(db: Unit, run_ids: Iterable[str]) -> list[Run]:
    """These runs, as they stand."""
    rows = select(*COLUMNS).where(_runs.c.id.in_([*run_ids]))
    return [run_of(row) for row in db.execute(rows)]


def _conditions(wanted: Search) -> list[ColumnElement[bool]]:
    conditions = [*_narrowing(wanted), *_range(wanted)]
    if wanted.before is not None:
        conditions.append(_runs.c.id > wanted.before)
    elif wanted.after is not None:
        conditions.append(_runs.c.id < wanted.after)
    return conditions


def _narrowing(wanted: Search) -> list[ColumnElement[bool]]:
    """What no index knows: each run has to be looked at."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.tasks:
        conditions.append(_runs.c.task.in_(wanted.tasks))
    if wanted.tags:
        conditions.append(_has_any(wanted.tags))
    return conditions


def _range(wanted: Search) -> list[ColumnElement[bool]]:
    """A range of ids, which begin with their time."""
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(_runs.c.id >= ids.first_id_at(ids.RUN_PREFIX, wanted.since))
    if wanted.until is not None:
        conditions.append(_runs.c.id < ids.first_id_at(ids.RUN_PREFIX, wanted.until + MILLISECOND))
    if wanted.id_prefix is not None:
        # Ids are hexadecimal, so "g" is behind all that begin so.
        conditions += [_runs.c.id >= wanted.id_prefix, _runs.c.id < wanted.id_prefix + "g"]
        conditions.append(_runs.c.id.startswith(wanted.id_prefix, autoescape=True))
    return conditions


def _has_any(tags: tuple[str, ...]) -> ColumnElement[bool]:
    """Tags are a JSON list: one is in it when taking it away changes the text. LIKE would not mind its case."""
    without: ColumnElement[str] = _runs.c.tags
    for tag in tags:
        without = func.replace(without, msgspec.json.encode(tag).decode(), "")
    return without != _runs.c.tags


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
