"""Listening to the log while somebody is on the line; nothing is read otherwise."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from ..events import Event, Tail

Hear = Callable[[Sequence[Event]], None]


class Listening:
    """Hands new events to `hear` as long as anybody has it open."""

    def __init__(self, tail: Tail, hear: Hear) -> None:
        self._tail = tail
        self._hear = hear
        self._open = 0

    @property
    def position(self) -> int:
        """The number of the last event that was handed out. Only while it is open."""
        position = self._tail.position
        assert position is not None  # noqa: S101 - somebody listens
        return position

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Inside the block every event behind `position` is heard."""
        self._open += 1
        try:
            await self._tail.listen(self._hear)
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._tail.leave(self._hear)
