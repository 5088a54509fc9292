"""Whom `wait.…` speaks to: the channel of the code that runs here, else a client that lives as long as the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

from waitpoint._calls import Call
from waitpoint._settings import Settings, settings
from waitpoint._values import Token

if TYPE_CHECKING:
    from waitpoint._channels import AwaitingChannel, Channel
    from waitpoint._tasks.calls import Run

T = TypeVar("T")

#: Set where `wait.…` means something else than a client: a durable task records what it asks, and parks.
channel_here: ContextVar[Channel | None] = ContextVar("channel_here", default=None)


class Surroundings:
    """A channel that looks around, each time it is used, for the channel to use."""

    def begin(self) -> Channel:
        here = channel_here.get()
        return self if here is None else here.begin()

    def ask(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        here = channel_here.get()
        return _ask_outside(call) if here is None else here.ask(call)

    async def settled(self, token_id: str, within: float | None) -> Token:
        channel = channel_here.get() or await _of_this_loop(settings())
        return await channel.settled(token_id, within)

    async def changes(self, run_id: str) -> AsyncGenerator[Run]:
        channel = channel_here.get() or await _of_this_loop(settings())
        async with aclosing(channel.changes(run_id)) as changes:
            async for run in changes:
                yield run


async def _ask_outside(call: Call[T]) -> T:
    channel = await _of_this_loop(settings())
    return await channel.ask(call)


async def _of_this_loop(where: Settings) -> AwaitingChannel:
    known = _of_loops.setdefault(asyncio.get_running_loop(), {})
    if where not in known:
        lifetime = _as_long_as_the_loop(where)
        known[where] = (await anext(lifetime), lifetime)
    return known[where][0]


async def _as_long_as_the_loop(where: Settings) -> AsyncGenerator[AwaitingChannel]:
    """`asyncio.run` closes the generators that are still open before it closes the loop, so nobody need close this."""
    from waitpoint._channels import AwaitingChannel  # noqa: PLC0415 (httpx is slow to import)

    channel = AwaitingChannel(where)
    try:
        yield channel
    finally:
        _of_loops.pop(asyncio.get_running_loop(), None)
        await channel.close()


_of_loops: WeakKeyDictionary[
    asyncio.AbstractEventLoop, dict[Settings, tuple[AwaitingChannel, AsyncGenerator[AwaitingChannel]]]
] = WeakKeyDictionary()
