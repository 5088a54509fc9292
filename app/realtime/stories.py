"""Open pages about one token: at the desk its story, at the door the question or how it was answered.

While a token waits its page is left alone: somebody may be writing an answer on it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec

from ..database import Database, Unit
from ..environments import environments
from ..events import Event
from ..pages.page import Frame
from ..pages.templates import render
from ..requests.views import door_view
from ..tokens.search import Doubt, certain
from ..tokens.views import View, token_view
from .open_pages import OpenPage
from .shared import Shared

Side = Literal["desk", "door"]


class Stories:
    """Draws a token once for all pages that show it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stories: dict[tuple[Side, str], _Story] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, side: Side, token_id: str, environment_id: str) -> Iterator["_Story"]:
        name = (side, token_id)
        story = self._stories.setdefault(name, _Story(self._database, side, token_id, environment_id))
        story.pages.add(page)
        try:
            yield story
        finally:
            story.pages.discard(page)
            if not story.pages:
                self._stories.pop(name, None)

    def hear(self, event: Event) -> None:
        for side in _SIDES:
            story = self._stories.get((side, event.subject))
            for page in story.pages if story else ():
                page.redraw()


class _Drawn(msgspec.Struct, frozen=True):
    version: str
    html: str


class _Story:
    def __init__(self, database: Database, side: Side, token_id: str, environment_id: str) -> None:
        self.pages: set[OpenPage] = set()
        self._database = database
        self._side = side
        self._token_id = token_id
        self._environment_id = environment_id
        self._drawn = Shared(self._draw)

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        drawn = await self._drawn()
        if drawn.version == page.version:
            return ""
        page.version = drawn.version
        return drawn.html

    async def _draw(self) -> _Drawn:
        view = await certain(self._database, _VIEWS[self._side], self._token_id, self._environment_id)
        if view is None or view["token"].is_waiting:
            return _Drawn("", "")
        return _Drawn(view["version"], render(_TEMPLATES[self._side], **view, oob=True))


def _desk_view(db: Unit, token_id: str, environment_id: str) -> View | Doubt | None:
    view = token_view(db, token_id, environment_id)
    if view is not None and not isinstance(view, Doubt):
        frame = Frame(path=f"/tokens/{token_id}", environment=view["environment"], environments=environments.every(db))
        view["frame"] = frame
    return view


_SIDES: tuple[Side, ...] = ("desk", "door")
_VIEWS = {"desk": _desk_view, "door": door_view}
_TEMPLATES = {"desk": "tokens/_story.html", "door": "approve/_live.html"}
