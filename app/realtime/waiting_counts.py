"""How many tokens wait in an environment: the number in the top bar of every page at the desk."""

from collections.abc import Iterator
from contextlib import contextmanager

from ..database import Database, Unit
from ..pages.templates import render
from ..tokens.models import WAITING
from ..tokens.search import Search, count
from .open_pages import OpenPage
from .shared import Paced

INTERVAL = 0.5  # seconds between two counts


class WaitingCounts:
    """Counts once for all pages of an environment, when something happened there."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._counts: dict[str, _Count] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, environment_id: str) -> Iterator[None]:
        counting = self._counts.setdefault(environment_id, _Count(self._database, environment_id))
        counting.pages.add(page)
        counting.newcomers.add(page)
        counting.pace.ask()
        try:
            yield
        finally:
            counting.pages.discard(page)
            counting.newcomers.discard(page)
            if not counting.pages:
                self._counts.pop(environment_id, None)
                counting.pace.stop()

    def hear(self, environment_id: str) -> None:
        counting = self._counts.get(environment_id)
        if counting is not None:
            counting.pace.ask()


class _Count:
    def __init__(self, database: Database, environment_id: str) -> None:
        self.pages: set[OpenPage] = set()
        self.newcomers: set[OpenPage] = set()
        self.pace = Paced(INTERVAL, self._count)
        self._database = database
        self._environment_id = environment_id
        self._last: int | None = None

    async def _count(self) -> None:
        newcomers, self.newcomers = self.newcomers, set()
        waiting = await self._database.read(_waiting_in, self._environment_id)
        html = render("components/_waiting_count.html", waiting=waiting, oob=True)
        for page in newcomers if waiting == self._last else [*self.pages]:
            page.put("waiting", html)
        self._last = waiting


def _waiting_in(db: Unit, environment_id: str) -> int:
    return count(db, environment_id, Search(statuses=(WAITING,)))
