"""What the clients speak through: a call is asked, a token is waited for. The rest is words.

There is one channel that blocks and one that awaits. A durable task brings a third (`_tasks.channel`), which records
what is asked and gives its slot away while it waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Iterator
from functools import partial
from typing import Any, Protocol, Self, TypeVar

import httpx

from waitpoint import _calls as calls
from waitpoint._calls import Call
from waitpoint._conversations import ENDLESS_PATIENCE, ask, poll, polling, still_waiting, wait_until_settled
from waitpoint._doorbell import Doorbell
from waitpoint._settings import Settings
from waitpoint._tasks import calls as runs
from waitpoint._tasks.calls import Run
from waitpoint._transports import AwaitingTransport, BlockingTransport
from waitpoint._values import Token

T = TypeVar("T")


class Channel(Protocol):
    """What `AsyncTokens` needs."""

    def begin(self) -> Channel:
        """The channel for one wait, taken when the wait is made: a durable task numbers its calls then."""

    def ask(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        """Carry one call through."""

    async def settled(self, token_id: str, within: float | None) -> Token:
        """The token, once it is settled. After `within` seconds raise `StillWaiting`."""

    def changes(self, run_id: str) -> AsyncGenerator[Run]:
        """The run as it stands, and again whenever that is another than before, until it is finished."""


class BlockingChannel:
    """Over HTTP, in the calling thread."""

    def __init__(self, settings: Settings, http: httpx.BaseTransport | None = None) -> None:
        self._transport = BlockingTransport(settings, http)

    def ask(self, call: Call[T]) -> T:
        return self._transport.carry_out(ask(call))

    def settled(self, token_id: str, within: float | None) -> Token:
        return self._transport.carry_out(wait_until_settled(token_id, within))

    def changes(self, run_id: str) -> Iterator[Run]:
        known = self.ask(runs.retrieve_run(run_id))
        yield known
        seen, pause = 0, 0.0
        while not known.is_finished:
            last = seen
            seen, pause = self._transport.carry_out(poll(partial(runs.poll_run, run_id, last), ENDLESS_PATIENCE, pause))
            pause = 0.0 if seen > last else pause
            now = self._transport.carry_out(ask(runs.retrieve_run(run_id), ENDLESS_PATIENCE))
            if now != known:
                known = now
                yield known

    def close(self) -> None:
        self._transport.close()


class AwaitingChannel:
    """Over HTTP and one websocket, in one event loop."""

    def __init__(self, settings: Settings, http: httpx.AsyncBaseTransport | None = None) -> None:
        self._transport = AwaitingTransport(settings, http)
        self._doorbell = Doorbell(settings)

    def begin(self) -> Self:
        return self

    async def ask(self, call: Call[T]) -> T:
        return await self._transport.carry_out(ask(call))

    async def insist(self, call: Call[T]) -> T:
        """Carry one call through, and wait out whatever outages there are."""
        return await self._transport.carry_out(ask(call, ENDLESS_PATIENCE))

    async def settled(self, token_id: str, within: float | None) -> Token:
        limit = asyncio.timeout(within)
        try:
            async with limit:
                return await self._settled(token_id)
        except TimeoutError:
            if limit.expired():
                raise still_waiting(token_id) from None
            raise

    async def _settled(self, token_id: str) -> Token:
        """Look; then listen, and look whenever it rings. While nothing can ring, ask the server to hold the line.

        Once the server has answered, its outages are waited out.
        """
        token = await self.ask(calls.retrieve_token(token_id))
        if token.is_settled:
            return token
        with self._doorbell.listening(token_id) as bell:
            pause = 0.0
            while token.is_waiting:
                if await bell.rings():
                    look = ask(calls.retrieve_token(token_id), ENDLESS_PATIENCE)
                    token = await self._transport.carry_out(look)
                else:
                    token, pause = await self._transport.carry_out(poll(polling(token_id), ENDLESS_PATIENCE, pause))
        return token

    async def changes(self, run_id: str) -> AsyncGenerator[Run]:
        known = await self.ask(runs.retrieve_run(run_id))
        yield known
        with self._doorbell.listening(run_id) as bell:
            seen, pause = 0, 0.0
            while not known.is_finished:
                if not await bell.rings():
                    last = seen
                    seen, pause = await self._transport.carry_out(
                        poll(partial(runs.poll_run, run_id, last), ENDLESS_PATIENCE, pause)
                    )
                    pause = 0.0 if seen > last else pause
                now = await self._transport.carry_out(ask(runs.retrieve_run(run_id), ENDLESS_PATIENCE))
                if now != known:
                    known = now
                    yield known

    async def close(self) -> None:
        await self._doorbell.close()
        await self._transport.close()
