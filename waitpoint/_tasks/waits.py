"""The other ways to wait: for several tokens, for an instant. In a task they are recorded, elsewhere they just wait."""

from __future__ import annotations

import asyncio
import random as _random
import uuid as _uuid
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypedDict, TypeVar, Unpack, overload

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration, TokenOrId
from waitpoint._errors import InvalidInput
from waitpoint._outputs import Expected
from waitpoint._surroundings import Surroundings
from waitpoint._tasks.branches import here
from waitpoint._tasks.engine import Mode, SleepKey
from waitpoint._tasks.execution import Execution
from waitpoint._values import Token, WaitResult, result_of

T = TypeVar("T")


class FirstOf(Generic[T]):
    """A wait for the first of several tokens. The result's `token` says which it was."""

    def __init__(self, tokens: Iterable[TokenOrId], output_type: Any) -> None:
        self._settled = _Settled(tokens, "any")
        self._expected = Expected(output_type)

    def __await__(self) -> Generator[Any, None, WaitResult[T]]:
        return self._wait().__await__()

    async def _wait(self) -> WaitResult[T]:
        tokens = await self._settled.get()
        first = min(tokens, key=_when_settled)
        return result_of(first, self._expected)

    async def unwrap(self) -> T:
        """The output of the first. Raises `WaitpointTimeoutError` or `WaitpointCancelledError` when it has none."""
        return (await self).unwrap()

    def __repr__(self) -> str:
        return f"<wait for any of {self._settled}: await it, or give .unwrap() to create_task>"


class AllOf(Generic[T]):
    """A wait for several tokens. The results are in the order in which the tokens were named."""

    def __init__(self, tokens: Iterable[TokenOrId], output_type: Any) -> None:
        self._settled = _Settled(tokens, "all")
        self._expected = Expected(output_type)

    def __await__(self) -> Generator[Any, None, list[WaitResult[T]]]:
        return self._wait().__await__()

    async def _wait(self) -> list[WaitResult[T]]:
        tokens = {token.id: token for token in await self._settled.get()}
        return [result_of(tokens[token_id], self._expected) for token_id in self._settled.ids]

    async def unwrap(self) -> list[T]:
        """All outputs. Raises what the first token without an output raises."""
        return [result.unwrap() for result in await self]

    def __repr__(self) -> str:
        return f"<wait for all of {self._settled}: await it, or give .unwrap() to create_task>"


@overload
def for_any(tokens: Iterable[TokenOrId], output_type: type[T]) -> FirstOf[T]: ...


@overload
def for_any(tokens: Iterable[TokenOrId], output_type: Any = None) -> FirstOf[Any]: ...


def for_any(tokens: Iterable[TokenOrId], output_type: Any = None) -> FirstOf[Any]:
    """Wait until one of these tokens is settled. Which one it was stays so, also on a replay."""
    return FirstOf(tokens, output_type)


@overload
def for_all(tokens: Iterable[TokenOrId], output_type: type[T]) -> AllOf[T]: ...


@overload
def for_all(tokens: Iterable[TokenOrId], output_type: Any = None) -> AllOf[Any]: ...


def for_all(tokens: Iterable[TokenOrId], output_type: Any = None) -> AllOf[Any]:
    """Wait until all of these tokens are settled."""
    return AllOf(tokens, output_type)


class SleepOptions(TypedDict, total=False):
    """Which sleeps are one."""

    #: Sleeps under the same key, in whatever run, are one: who comes later waits for what is left of it, or not at all.
    idempotency_key: str
    #: How long the key lives: 30 days, unless said otherwise.
    idempotency_key_ttl: Duration


def sleep(duration: Duration | float, **options: Unpack[SleepOptions]) -> Coroutine[Any, Any, None]:
    """Wait for a span of time: `sleep("3d")`, a timedelta, or seconds. A task holds nothing meanwhile."""
    seconds = arguments.lasting("duration", duration)
    found = here()
    key = _key_of(found, **options)
    return asyncio.sleep(seconds) if found is None else _sleep(seconds, key, *found)


def until(moment: datetime, **options: Unpack[SleepOptions]) -> Coroutine[Any, Any, None]:
    """Wait until an instant, given with its time zone. One that is over does not wait."""
    if not isinstance(moment, datetime):
        raise InvalidInput(f"moment is {moment!r}. Pass an aware datetime, such as datetime.now(UTC) + timedelta(…).")
    arguments.moment("moment", moment)
    found = here()
    key = _key_of(found, **options)
    if found is not None:
        return found[0].sleep(found[1], moment.astimezone(UTC), key)
    return asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))


def now() -> Coroutine[Any, Any, datetime]:
    """The time, in UTC. A task gets the same again on a replay."""
    return _recorded(
        "now", lambda execution: _to_milliseconds(execution.engine.now()), datetime, lambda: datetime.now(UTC)
    )


def uuid() -> Coroutine[Any, Any, _uuid.UUID]:
    """A random UUID. A task gets the same again on a replay."""
    return _recorded("uuid", lambda _: _uuid.uuid4(), _uuid.UUID, _uuid.uuid4)


def random() -> Coroutine[Any, Any, float]:
    """A random number from 0 up to 1. A task gets the same again on a replay."""
    return _recorded("random", lambda _: _random.random(), float, _random.random)  # noqa: S311 (not for secrets)


class _Settled:
    """Several tokens, waited for at one position of a task, or each on its own outside."""

    def __init__(self, tokens: Iterable[TokenOrId], mode: Mode) -> None:
        if isinstance(tokens, str) or not isinstance(tokens, Iterable):
            raise InvalidInput("tokens: pass a list of tokens or of their ids.")
        self.ids = list(dict.fromkeys(arguments.token_id(token) for token in tokens))
        if not self.ids:
            raise InvalidInput("tokens is empty, and nobody could end this wait. Pass at least one token.")
        self._mode: Mode = mode
        self._here = here()

    async def get(self) -> Sequence[Token]:
        """The tokens that are settled."""
        if self._here is not None:
            execution, position = self._here
            return await execution.wait(position, self.ids, self._mode)
        waits = [asyncio.ensure_future(Surroundings().settled(token_id, None)) for token_id in self.ids]
        if self._mode == "all":
            return await asyncio.gather(*waits)
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            return [wait.result() for wait in waits if wait in done]
        finally:
            for wait in waits:
                wait.cancel()

    def __repr__(self) -> str:
        return ", ".join(self.ids)


async def _sleep(seconds: float, key: SleepKey | None, execution: Execution, position: str) -> None:
    await execution.sleep(position, execution.engine.now() + timedelta(seconds=seconds), key)


def _key_of(found: object, idempotency_key: str = "", idempotency_key_ttl: Duration | None = None) -> SleepKey | None:
    if not arguments.text("idempotency_key", idempotency_key):
        return None
    if found is None:
        raise InvalidInput("An idempotency key on a sleep is for tasks: elsewhere nobody remembers what was waited.")
    ttl = None if idempotency_key_ttl is None else arguments.duration("idempotency_key_ttl", idempotency_key_ttl)
    return SleepKey(idempotency_key, ttl)


def _recorded(
    name: str, inside: Callable[[Execution], Any], kind: type[T], outside: Callable[[], T]
) -> Coroutine[Any, Any, T]:
    found = here()
    return _at_once(outside) if found is None else _from_journal(name, inside, Expected(kind), *found)


async def _at_once(outside: Callable[[], T]) -> T:
    return outside()


async def _from_journal(
    name: str, inside: Callable[[Execution], Any], expected: Expected, execution: Execution, position: str
) -> Any:
    known = await execution.recall(position, name)
    if known is None:
        value = arguments.plain(name, inside(execution))
        known = await execution.record(position, name, value)
    return expected.convert(known.result)


def _to_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _when_settled(token: Token) -> tuple[datetime, str]:
    return token.completed_at or datetime.max.replace(tzinfo=UTC), token.id
