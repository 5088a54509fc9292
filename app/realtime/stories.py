"""Open pages about one thing: a token at the desk or at the door, a run at the desk.

While a token waits its page is left alone: somebody may be writing an answer on it. What is asked may be amended
meanwhile, and of that they are told.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from ..database import Database, Unit
from ..environments import environments
from ..events import Event
from ..pages.page import Frame
from ..pages.templates import render
from ..requests.views import door_view
from ..runs.views import run_view
from ..service import Beside
from ..tokens.search import Doubt, certain
from ..tokens.views import View, token_view
from .open_pages import OpenPage
from .shared import Shared

LOOK_AGAIN = 1.0  # seconds until the page of a run that executes is drawn again: a step that it records is no event


def _never(_: View) -> bool:
    return False


class Side(msgspec.Struct, frozen=True):
    """How one kind of page is drawn, when it is left alone, and when it is looked at without being told to.

    `meanwhile` is what is drawn on a page that is left alone, when its question was amended.
    """

    name: str
    look: Callable[..., View | Doubt | None]
    template: str
    is_left_alone: Callable[[View], bool] = _never
    is_restless: Callable[[View], bool] = _never
    meanwhile: str = ""


class Stories:
    """Draws a thing once for all pages that show it."""

    def __init__(self, database: Database, besides: tuple[Beside, ...]) -> None:
        self._database = database
        self._besides = besides
        self._stories: dict[tuple[str, str], _Story] = {}

    @contextmanager
    def shown_on(self, page: OpenPage, side: Side, subject: str, environment_id: str) -> Iterator["_Story"]:
        name = (side.name, subject)
        arguments = (subject, environment_id, self._besides)
        story = self._stories.setdefault(name, _Story(self._database, side, arguments))
        story.pages.add(page)
        try:
            yield story
        finally:
            story.pages.discard(page)
            if not story.pages:
                self._stories.pop(name, None)

    def hear(self, event: Event) -> None:
        for side in SIDES:
            story = self._stories.get((side.name, event.subject))
            for page in story.pages if story else ():
                page.redraw()


class _Drawn(msgspec.Struct, frozen=True):
    version: str
    html: str


class _Story:
    def __init__(self, database: Database, side: Side, arguments: tuple[Any, ...]) -> None:
        self.pages: set[OpenPage] = set()
        self._database = database
        self._side = side
        self._arguments = arguments
        self._drawn = Shared(self._draw)
        self._again: asyncio.TimerHandle | None = None

    def redraw(self) -> None:
        self._again = None
        for page in self.pages:
            page.redraw()

    async def draw(self, page: OpenPage) -> str:
        """What to send so that the page shows how things stand."""
        drawn = await self._drawn()
        if drawn.version == page.version:
            return ""
        page.version = drawn.version
        return drawn.html

    async def _draw(self) -> _Drawn:
        side = self._side
        view = await certain(self._database, side.look, *self._arguments)
        if view is None:
            return _Drawn("", "")
        if side.is_left_alone(view):
            return self._meanwhile(view)
        if side.is_restless(view) and self._again is None:
            self._again = asyncio.get_running_loop().call_later(LOOK_AGAIN, self.redraw)
        return _Drawn(view["version"], render(side.template, **view, oob=True))

    def _meanwhile(self, view: View) -> _Drawn:
        request = view.get("request")
        if not self._side.meanwhile or request is None or not request.is_amended:
            return _Drawn("", "")
        return _Drawn(view["version"], render(self._side.meanwhile, **view, oob=True))


def _desk_view(db: Unit, token_id: str, environment_id: str, besides: tuple[Beside, ...]) -> View | Doubt | None:
    return _framed(db, f"/tokens/{token_id}", token_view(db, token_id, environment_id, besides))


def _door_view(db: Unit, token_id: str, environment_id: str, _: tuple[Beside, ...]) -> View | Doubt | None:
    return door_view(db, token_id, environment_id)


def _run_view(db: Unit, run_id: str, environment_id: str, _: tuple[Beside, ...]) -> View | Doubt | None:
    return _framed(db, f"/runs/{run_id}", run_view(db, run_id, environment_id))


def _framed(db: Unit, path: str, view: View | Doubt | None) -> View | Doubt | None:
    if view is not None and not isinstance(view, Doubt):
        view["frame"] = Frame(path=path, environment=view["environment"], environments=environments.every(db))
    return view


def _token_waits(view: View) -> bool:
    return bool(view["token"].is_waiting)


def _run_executes(view: View) -> bool:
    return bool(view["run"].is_executing)


TOKEN = Side("token", _desk_view, "tokens/_story.html", _token_waits, meanwhile="tokens/_question.html")
DOOR = Side("door", _door_view, "approve/_live.html", _token_waits, meanwhile="approve/_amended.html")
RUN = Side("run", _run_view, "runs/_story.html", is_restless=_run_executes)
SIDES = (TOKEN, DOOR, RUN)
