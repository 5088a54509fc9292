"""What all adapters have in common: a token that is made once, however often its engine repeats the call."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar, Unpack

from waitpoint import wait
from waitpoint._arguments import texts
from waitpoint._calls import CreateOptions
from waitpoint._errors import InvalidInput, StillWaiting, TryAgainLater
from waitpoint._outputs import Expected
from waitpoint._values import Token, WaitResult, result_of

T = TypeVar("T")
R = TypeVar("R")

KEYS_LIVE = "52w"  # as long as an engine may repeat a call
_LONGEST_PAUSE = 10.0  # seconds between two tries to reach the server


class Question(Generic[T]):
    """A token that was made for a run. Tell somebody of it, then await it: the result is that of `wait.for_token`."""

    def __init__(self, made: dict[str, str], output_type: Any, settled: Callable[[], Awaitable[Token]]) -> None:
        self.id = made["id"]
        self.url = made["url"]
        self._expected = Expected(output_type)
        self._settled = settled

    def __await__(self) -> Generator[Any, None, WaitResult[T]]:
        return self._result().__await__()

    async def unwrap(self) -> T:
        """The output. Raises `WaitpointTimeoutError` or `WaitpointCancelledError` when there is none."""
        return (await self).unwrap()

    async def _result(self) -> WaitResult[T]:
        return result_of(await self._settled(), self._expected)

    def __repr__(self) -> str:
        return f"<question {self.id}>"


async def make(key: str, tag: str, **options: Unpack[CreateOptions]) -> dict[str, str]:
    """The token of this key: a new one the first time. What is recorded of it is an id and an address, and no secret."""
    if options.get("idempotency_key") is not None:
        raise InvalidInput("idempotency_key is what the adapter finds the token by; leave it out.")
    tags = [tag, *texts("tags", options.get("tags") or [])]
    given: CreateOptions = {**options, "tags": tags, "idempotency_key": key, "idempotency_key_ttl": KEYS_LIVE}
    token = await _insist(lambda: wait.create_token(**given))
    return {"id": token.id, "url": token.url}


async def settled(token_id: str) -> Token:
    """The token, once it is settled."""
    return (await _insist(lambda: wait.for_token(token_id))).token


async def _insist(ask: Callable[[], Awaitable[R]]) -> R:
    """However long the server is away, it is waited for: a failure would be the engine's to keep."""
    pause = 0.5
    while True:
        try:
            return await ask()
        except (StillWaiting, TryAgainLater):
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 (nobody gains by guessing it)
            pause = min(_LONGEST_PAUSE, pause * 2)
