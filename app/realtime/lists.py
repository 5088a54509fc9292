"""Open list pages. A change is read once and drawn once, however many pages show it.

Rows change in place; what would move the list under the finger is announced, and waits.
"""

import asyncio
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import takewhile

import msgspec

from ..database import Database, DatabaseUnavailable, Unit
from ..environments.models import Environment
from ..events import Event, log
from ..pages.page import Frame
from ..pages.templates import render
from ..runs.models import Run
from ..service import Service
from ..tokens.models import Token
from ..tokens.pages import environment_of
from ..tokens.search import Doubt, certain
from ..tokens.views import View
from .kinds import Filters, Kind
from .open_pages import OpenPage
from .shared import Paced, Shared

COUNT_INTERVAL = 0.5  # seconds between two looks at the numbers of a list
MOST_RECENT = 1000  # events that are remembered for pages that are just being drawn
ROW_INTERVAL = 0.01  # seconds; rows that change closer together are read together


class Lists:
    """All lists of one kind that are open on this process."""

    def __init__(self, service: Service, kind: Kind) -> None:
        self._service = service
        self._kind = kind
        self._lists: defaultdict[str, dict[tuple[Filters, str], OpenList]] = defaultdict(dict)
        self._rows = Rows(service.database, kind)
        self._counting = asyncio.Lock()

    @contextmanager
    def shown_on(self, page: OpenPage, frame: Frame, filters: Filters) -> Iterator["OpenList"]:
        lists = self._lists[environment_of(frame).id]
        name = (filters, frame.environment_query)  # how links name the environment: not everybody sees the same ones
        if name not in lists:
            lists[name] = OpenList(self._service, self._kind, self._rows, self._counting, frame, filters)
        shown = lists[name]
        shown.pages[page] = Seen()
        try:
            yield shown
        finally:
            self._rows.forget(page, shown.pages.pop(page).rows)
            if not shown.pages and lists.get(name) is shown:
                del lists[name]
                shown.stop()

    def hear(self, event: Event) -> None:
        if not self._kind.is_about(event):
            return
        for shown in self._lists.get(event.environment_id or "", {}).values():
            shown.hear(event)
        self._rows.hear(event)


class Seen(msgspec.Struct):
    """What one page shows: its rows as of event `seq`, and how many are announced. No `seq`: not drawn yet."""

    seq: int | None = None
    rows: frozenset[str] = frozenset()
    announced: int = 0


class OpenList:
    """All pages that show one environment through the same filters."""

    def __init__(
        self, service: Service, kind: Kind, rows: "Rows", counting: asyncio.Lock, frame: Frame, filters: Filters
    ) -> None:
        self.pages: dict[OpenPage, Seen] = {}
        self._service = service
        self._kind = kind
        self._database = service.database
        self._rows = rows
        self._counting = counting
        self._frame = frame
        self._environment = environment_of(frame)
        self._filters = filters
        self._arrivals = kind.arrivals(filters)
        self._recent: deque[Event] = deque(maxlen=MOST_RECENT)
        self._drawn = Shared(self._draw)
        self._tabs = ""
        self._pace = Paced(COUNT_INTERVAL, self._count)

    def hear(self, event: Event) -> None:
        self._arrivals.hear(event)
        self._recent.append(event)
        self._pace.ask()

    def stop(self) -> None:
        self._pace.stop()

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        drawn = await self._drawn()
        seen = self.pages[page]
        self._rows.forget(page, seen.rows)
        self._rows.remember(page, drawn.rows)
        self._look_again(page, drawn)
        is_current = drawn.version == page.version
        self.pages[page] = Seen(drawn.seq, drawn.rows, seen.announced if is_current else 0)
        page.version = drawn.version
        return "" if is_current else drawn.html

    def _look_again(self, page: OpenPage, drawn: "_Drawn") -> None:
        """What happened between the reading and now was heard before anybody knew which rows the page shows."""
        if len(self._recent) == MOST_RECENT and self._recent[0].seq > drawn.seq:
            page.redraw()
        for event in takewhile(lambda event: event.seq > drawn.seq, reversed(self._recent)):
            self._rows.hear(event)
            self._pace.ask()

    async def _draw(self) -> "_Drawn":
        kind = self._kind
        seq, view = await certain(self._database, _look, kind, self._environment, self._filters)
        first_steps = kind.snippets(self._service, self._environment)
        html = render(kind.template("list"), **view, frame=self._frame, snippets=first_steps, oob=True)
        return _Drawn(seq, frozenset(thing.id for thing in kind.things(view)), view["version"], html)

    async def _count(self) -> None:
        """Say the new numbers, and what arrived."""
        if self._kind.is_silent(self._filters):
            for page in self.pages:
                page.redraw()  # events do not tell the key; a list of one key is short
        async with self._counting:  # one list after the other: counting leaves the readers to those who wait for them
            tabs = await self._database.read(self._kind.tabs, self._environment, self._filters)
        html = render(self._kind.template("tabs"), tabs=tabs, tabs_oob=True)
        if html != self._tabs:
            self._tabs = html
            for page in self.pages:
                page.put("tabs", html)
        self._announce()

    def _announce(self) -> None:
        """Pages that were drawn together are told the same number, which is counted once."""
        numbers: dict[tuple[int, frozenset[str]], int] = {}
        for page, seen in self.pages.items():
            if seen.seq is None:
                continue
            drawn = (seen.seq, seen.rows)
            if drawn not in numbers:
                numbers[drawn] = self._arrivals.since(*drawn)
            if numbers[drawn] != seen.announced:
                seen.announced = numbers[drawn]
                page.put("news", _news(self._kind.template("news"), seen.announced, self._filters.url()))


class _Drawn(msgspec.Struct, frozen=True):
    seq: int
    rows: frozenset[str]
    version: str
    html: str


class Rows:
    """Which pages show which things; one that changes is drawn for those."""

    def __init__(self, database: Database, kind: Kind) -> None:
        self._database = database
        self._kind = kind
        self._pages: defaultdict[str, set[OpenPage]] = defaultdict(set)
        self._changed: set[str] = set()
        self._pace = Paced(ROW_INTERVAL, self._push)

    def remember(self, page: OpenPage, rows: frozenset[str]) -> None:
        for subject in rows:
            self._pages[subject].add(page)

    def forget(self, page: OpenPage, rows: frozenset[str]) -> None:
        for subject in rows:
            self._pages[subject].discard(page)
            if not self._pages[subject]:
                del self._pages[subject]

    def hear(self, event: Event) -> None:
        if event.subject in self._pages:
            self._changed.add(event.subject)
            self._pace.ask()

    async def _push(self) -> None:
        changed, self._changed = self._changed, set()
        try:
            things, beside, now = await self._database.read(_things, self._kind, [*changed])
        except DatabaseUnavailable:
            self._changed |= changed
            raise
        name = self._kind.name
        for thing in things:
            html = render(self._kind.template(name), **{name: thing}, **beside, now=now, oob=True)
            for page in self._pages.get(thing.id, ()):
                page.put(thing.id, html)


@lru_cache(maxsize=256)
def _news(template: str, number: int, url: str) -> str:
    return render(template, count=number, news_url=url)


def _look(db: Unit, kind: Kind, environment: Environment, filters: Filters) -> tuple[int, View] | Doubt:
    """The list, and the event up to which it knows everything: asked first, so that nothing falls in between."""
    seq, _ = log.head(db)
    view = kind.look(db, environment, filters)
    if isinstance(view, Doubt):
        return view
    return seq, view | kind.beside(db, [thing.id for thing in kind.things(view)])


def _things(db: Unit, kind: Kind, ids: list[str]) -> tuple[Sequence[Token | Run], View, datetime]:
    return kind.rows(db, ids), kind.beside(db, ids), db.now
