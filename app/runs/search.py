"""Lists of runs, newest first, that page by key and never by offset."""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import ColumnElement, func, select

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

_runs = table_of(RunRow)


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs. `tags` means any of them; `since` and `until` are inclusive; `before` wins over `after`."""

    statuses: tuple[Status, ...] = ()
    tasks: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    size: int = 25
    after: str | None = None
    before: str | None = None


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


def _conditions(wanted: Search) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.tasks:
        conditions.append(_runs.c.task.in_(wanted.tasks))
    if wanted.tags:
        conditions.append(_has_any(wanted.tags))
    if wanted.since is not None:
        conditions.append(_runs.c.id >= ids.first_id_at(ids.RUN_PREFIX, wanted.since))
    if wanted.until is not None:
        conditions.append(_runs.c.id < ids.first_id_at(ids.RUN_PREFIX, wanted.until + MILLISECOND))
    if wanted.before is not None:
        conditions.append(_runs.c.id > wanted.before)
    elif wanted.after is not None:
        conditions.append(_runs.c.id < wanted.after)
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
