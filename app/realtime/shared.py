"""Doing once what many want at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import structlog

from ..database import DatabaseUnavailable

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Shared(Generic[T]):
    """A reading that many ask for: whoever asks while one is under way shares the next one, which sees more."""

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
        return await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[T] | None) -> T:
        if running is not None:
            await asyncio.wait([running])
        self._running, self._next = self._next, None
        return await self._read()


class Paced:
    """Does something soon after it is asked for, and then not again for `interval` seconds. No ask is lost."""

    def __init__(self, interval: float, act: Callable[[], Awaitable[None]]) -> None:
        self._interval = interval
        self._act = act
        self._task: asyncio.Task[None] | None = None
        self._asked = False

    def ask(self) -> None:
        self._asked = True
        if self._task is None:
            self._task = asyncio.create_task(self._go_on())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    async def _go_on(self) -> None:
        while self._asked:
            self._asked = False
            try:
                await self._act()
            except DatabaseUnavailable:
                self._asked = True  # again, when it is back
            except Exception:
                log.exception("a push to open pages failed")
            await asyncio.sleep(self._interval)
        self._task = None
