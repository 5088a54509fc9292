"""Waiting for something to happen to one subject, without asking again and again."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from .log import Event
from .tail import Tail


class Watching:
    """Tells those who watch a subject that something happened to it."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._bells: defaultdict[str, set[asyncio.Event]] = defaultdict(set)

    @asynccontextmanager
    async def subject(self, subject: str) -> AsyncIterator[asyncio.Event]:
        """An event that is set when something happens to `subject` from now on. Read its state inside the block."""
        bell = asyncio.Event()
        self._bells[subject].add(bell)
        try:
            await self._tail.listen(self._hear)
            yield bell
        finally:
            self._bells[subject].discard(bell)
            if not self._bells[subject]:
                del self._bells[subject]
            if not self._bells:
                self._tail.leave(self._hear)

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            for bell in self._bells.get(event.subject, ()):
                bell.set()
