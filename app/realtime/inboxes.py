"""Open inboxes. Rows change in place; what would move the list under the finger is announced, and waits."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from ..access.principals import Person
from ..database import Database, DatabaseUnavailable, Unit
from ..events import Event
from ..inbox.filters import Filters
from ..inbox.search import COUNT_LIMIT, entries_of, reach_of
from ..inbox.views import Row, View, asked_in, inbox_view, rows_of, tabs_view
from ..pages.page import Frame
from ..pages.templates import render
from .open_pages import OpenPage
from .shared import Paced, Shared

LOOK_INTERVAL = 0.5  # seconds between two looks at what happened
MOST_HEARD = 1000  # requests that are looked at together; beyond them pages are drawn anew


class Inboxes:
    """All inboxes that are open on this process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._open: dict[tuple[str, Filters], OpenInbox] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, person: Person, filters: Filters) -> Iterator["OpenInbox"]:
        name = (person.id, filters)
        shown = self._open.setdefault(name, OpenInbox(self._database, person, filters))
        shown.pages[page] = Seen()
        try:
            yield shown
        finally:
            del shown.pages[page]
            if not shown.pages and self._open.get(name) is shown:
                del self._open[name]
                shown.stop()

    def hear(self, event: Event) -> None:
        if not self._open or not (event.data.get("request") or event.kind == "request.amended"):
            return
        for shown in self._open.values():
            shown.hear(event.subject, event.seq)


class Seen(msgspec.Struct):
    """What one page shows: its rows as of event `seq`, and how many are announced. No `seq`: not drawn yet."""

    seq: int | None = None
    tokens: frozenset[str] = frozenset()
    announced: int = 0


class OpenInbox:
    """All pages on which one person looks at the same list."""

    def __init__(self, database: Database, person: Person, filters: Filters) -> None:
        self.pages: dict[OpenPage, Seen] = {}
        self._database = database
        self._person = person
        self._filters = filters
        self._heard: dict[str, int] = {}
        self._recent: deque[tuple[str, int]] = deque(maxlen=MOST_HEARD)
        self._fresh: dict[str, int] = {}
        self._numbers = ""
        self._drawn = Shared(self._draw)
        self._pace = Paced(LOOK_INTERVAL, self._look)

    def hear(self, token_id: str, seq: int) -> None:
        self._heard[token_id] = seq
        self._recent.append((token_id, seq))
        self._pace.ask()

    def stop(self) -> None:
        self._pace.stop()

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        drawn = await self._drawn()
        is_current = drawn.version == page.version
        self.pages[page] = Seen(drawn.seq, drawn.tokens, self.pages[page].announced if is_current else 0)
        page.version = drawn.version
        for token_id, seq in self._recent:  # heard before anybody knew which rows the page shows
            if seq > drawn.seq:
                self._heard[token_id] = seq
                self._pace.ask()
        return "" if is_current else drawn.html

    async def _draw(self) -> "_Drawn":
        view = await self._database.read(inbox_view, self._person, self._filters)
        html = render("inbox/_list.html", **view, frame=Frame(is_member=self._person.is_member), oob=True)
        html += render("components/_asked_count.html", asked=view["asked"], oob=True)
        tokens = frozenset(row.entry.token_id for row in view["rows"])
        return _Drawn(view["seq"], tokens, view["version"], html)

    async def _look(self) -> None:
        """Draw the rows that changed, say the new numbers, and announce what came."""
        heard, self._heard = self._heard, {}
        if len(heard) >= MOST_HEARD:
            for page in self.pages:
                page.redraw()
            return
        try:
            changed = await self._database.read(_changed, self._person, self._filters, [*heard])
        except DatabaseUnavailable:
            self._heard = heard | self._heard
            raise
        for row in changed.rows:
            self._show(row, changed)
            self._remember(row, heard)
        self._tell(changed)
        self._announce()

    def _show(self, row: Row, changed: "_Changed") -> None:
        token_id = row.entry.token_id
        pages = [page for page, seen in self.pages.items() if token_id in seen.tokens]
        if pages:
            html = render("inbox/_row.html", row=row, oob=True, **changed.around)
            for page in pages:
                page.put(token_id, html)

    def _remember(self, row: Row, heard: dict[str, int]) -> None:
        token_id = row.entry.token_id
        if self._filters.is_first_page and row.entry.is_waiting == self._filters.is_waiting:
            self._fresh[token_id] = heard[token_id]
            if len(self._fresh) > COUNT_LIMIT + 1:  # beyond it, it says "1,000+" in any case
                del self._fresh[next(iter(self._fresh))]
        else:
            self._fresh.pop(token_id, None)

    def _tell(self, changed: "_Changed") -> None:
        numbers = render("inbox/_tabs.html", tabs=changed.tabs, tabs_oob=True)
        numbers += render("components/_asked_count.html", asked=changed.asked, oob=True)
        if numbers != self._numbers:
            self._numbers = numbers
            for page in self.pages:
                page.put("numbers", numbers)

    def _announce(self) -> None:
        for page, seen in self.pages.items():
            if seen.seq is None:
                continue
            number = sum(seq > seen.seq and token not in seen.tokens for token, seq in self._fresh.items())
            if number != seen.announced:
                seen.announced = number
                page.put("news", render("inbox/_news.html", count=number, news_url=self._filters.url()))


class _Drawn(msgspec.Struct, frozen=True):
    seq: int
    tokens: frozenset[str]
    version: str
    html: str


class _Changed(msgspec.Struct, frozen=True):
    rows: list[Row]
    tabs: list[View]
    asked: int
    around: View


def _changed(db: Unit, person: Person, filters: Filters, token_ids: list[str]) -> _Changed:
    reach = reach_of(db, person)
    entries = entries_of(db, reach, filters, token_ids)
    tabs = tabs_view(db, reach, filters)
    return _Changed(
        [rows_of(db, reach, [entry])[0] for entry in entries],
        tabs,
        asked_in(tabs),
        {"here": filters.url(after=filters.after, before=filters.before), "now": db.now},
    )
