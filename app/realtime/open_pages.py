"""A page that is open in a browser: what is still to be shown on it."""

import asyncio
from collections.abc import Awaitable, Callable

from .lines import Line

PING_EVERY = 10.0  # seconds; a page that hears nothing for longer knows that its connection is dead
MOST_PIECES = 200  # kept for one page; one that needs more is drawn anew
_PING = '{"ping":true}'

Draw = Callable[["OpenPage"], Awaitable[str]]


class OpenPage:
    """Pieces of HTML on their way to one page: of each the newest, however often it changed meanwhile."""

    def __init__(self, line: Line, version: str) -> None:
        self.version = version
        """What the page shows, in a word; it is sent nothing that it shows already."""
        self._line = line
        self._pieces: dict[str, str] = {}
        self._is_stale = True
        self._rung = asyncio.Event()
        self._rung.set()

    def put(self, name: str, html: str) -> None:
        """Show this piece in place of an older one of that name."""
        self._pieces[name] = html
        if len(self._pieces) > MOST_PIECES:
            self.redraw()
        self._rung.set()

    def redraw(self) -> None:
        """Show how things stand, whatever was on its way."""
        self._pieces.clear()
        self._is_stale = True
        self._rung.set()

    async def speak(self, draw: Draw) -> None:
        """Send what comes, for ever, and something in any case, so that the page knows that it is heard. Raises Gone."""
        await self._line.say(_PING)
        while True:
            if not await self._is_rung():
                await self._line.say(_PING)
                continue
            html = await draw(self) if self._is_due() else ""
            html += "".join(self._pieces.values())
            self._pieces.clear()
            if html:
                await self._line.say(html)

    def _is_due(self) -> bool:
        """Whether to draw it anew. Asked before drawing: what changes meanwhile is another time."""
        was_stale, self._is_stale = self._is_stale, False
        return was_stale

    async def _is_rung(self) -> bool:
        try:
            async with asyncio.timeout(PING_EVERY):
                await self._rung.wait()
        except TimeoutError:
            return False
        self._rung.clear()
        return True
