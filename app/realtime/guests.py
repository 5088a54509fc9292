"""Who is on the line: so many each, and only as long as they are welcome."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from ..database import DatabaseUnavailable
from .lines import NOT_ALLOWED, Line

MOST_LINES = 100  # of one key, person or public access token
ASK_AGAIN = 30.0  # seconds until somebody who was revoked or signed out is noticed

IsWelcome = Callable[[], Awaitable[bool]]
log = structlog.get_logger(__name__)


class Full(Exception):
    """A guest has as many lines as one may have."""


class Guests:
    """All open lines of this process, by whose they are."""

    def __init__(self, most_lines: int = MOST_LINES) -> None:
        self._most_lines = most_lines
        self._lines: defaultdict[str, dict[Line, IsWelcome]] = defaultdict(dict)
        self._asking: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return sum(len(lines) for lines in self._lines.values())

    @contextmanager
    def seat(self, line: Line, who: str, is_welcome: IsWelcome) -> Iterator[None]:
        """Count the line to `who` as long as the block lasts. Raises Full."""
        if len(self._lines[who]) >= self._most_lines:
            raise Full
        self._lines[who][line] = is_welcome
        try:
            yield
        finally:
            del self._lines[who][line]
            if not self._lines[who]:
                del self._lines[who]

    def start(self) -> None:
        self._asking = asyncio.create_task(self._ask_again(), name="realtime-guests")

    def stop(self) -> None:
        if self._asking is not None:
            self._asking.cancel()

    async def _ask_again(self) -> None:
        while True:
            await asyncio.sleep(ASK_AGAIN)
            for who in [*self._lines]:
                await self._ask(who)

    async def _ask(self, who: str) -> None:
        """Once for all lines of a guest: they came in with the same key or sign-in."""
        lines = self._lines.get(who)
        if not lines:
            return
        try:
            if await next(iter(lines.values()))():
                return
        except DatabaseUnavailable:
            return  # nobody is shown out because a database is away
        for line in [*lines]:
            await line.close(NOT_ALLOWED, "no longer allowed")
