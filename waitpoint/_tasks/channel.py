"""What `wait.…` speaks through inside a task: the channel that records what is asked, and parks.

Each call takes its number here and now; the coroutine that comes back may run whenever it likes, in any branch.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Coroutine
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
from msgspec.structs import replace

from waitpoint import _calls as calls
from waitpoint import _errors as errors
from waitpoint._calls import Call
from waitpoint._errors import InvalidInput, WaitpointError
from waitpoint._tasks.branches import branch_here, here
from waitpoint._tasks.calls import Run
from waitpoint._tasks.journal import Failure
from waitpoint._values import Token

if TYPE_CHECKING:
    from waitpoint._tasks.execution import Execution

T = TypeVar("T")


class TaskChannel:
    """The channel of all branches of a run."""

    def begin(self) -> TaskWait:
        """A wait, which takes its number now."""
        return TaskWait(*_here())

    def ask(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        execution, position = _here()
        if call.method == "POST" and call.path == calls.CREATE_PATH:
            return _create_token(execution, position, call)
        return _ask(execution, position, call)

    async def settled(self, token_id: str, within: float | None) -> Token:
        return await self.begin().settled(token_id, within)

    def changes(self, run_id: str) -> AsyncGenerator[Run]:
        return no_changes()


class TaskWait:
    """One wait of a task, at its position."""

    def __init__(self, execution: Execution, position: str) -> None:
        self._execution = execution
        self._position = position

    def begin(self) -> TaskWait:
        return self

    def ask(self, call: Call[T]) -> Coroutine[Any, Any, T]:
        return TaskChannel().ask(call)

    async def settled(self, token_id: str, within: float | None) -> Token:
        if within is not None:
            raise InvalidInput(
                "timeout= is for programs that wait outside tasks. Inside a task give the token a timeout: "
                "wait.create_token(timeout=…)."
            )
        (token,) = await self._execution.wait(self._position, [token_id], "all")
        return token

    def changes(self, run_id: str) -> AsyncGenerator[Run]:
        return no_changes()


def no_changes() -> NoReturn:
    """Nobody can follow a run from within one."""
    raise InvalidInput(
        "What happens to a run meanwhile is not the same on a replay, so a task cannot follow one. "
        "Wait for its output with the handle that trigger() gave, or let it send a value (wait.Input)."
    )


async def _create_token(execution: Execution, position: str, call: Call[T]) -> T:
    result = await execution.create_token(position, json.loads(call.body or b"{}"))
    return call.read(msgspec.json.encode(result))


async def _ask(execution: Execution, position: str, call: Call[T]) -> T:
    """Calls about tokens are recorded as steps are: on a replay the world has moved on, and the code must not notice."""
    name = f"{call.method} {call.path}"
    known = await execution.recall(position, name)
    if known is None:
        with execution.busy():
            outcome = await _answer(execution, call)
        known = await execution.record(position, name, outcome)
    if isinstance(known.error, Failure):
        _raise(known.error)
    return call.read(msgspec.json.encode(known.result))


async def _answer(execution: Execution, call: Call[Any]) -> Any:
    branch = branch_here.set(None)  # what carries the call out is no part of the run
    try:
        return json.loads(await execution.engine.channel.ask(replace(call, read=bytes)))
    except WaitpointError as error:
        return Failure(type(error).__name__, str(error), answer=dict(error.answer))
    finally:
        branch_here.reset(branch)


def _raise(failure: Failure) -> NoReturn:
    kind = getattr(errors, failure.type, WaitpointError)
    raise kind(failure.message, answer=failure.answer)


def _here() -> tuple[Execution, str]:
    found = here()
    if found is None:
        raise RuntimeError("This code has left its run.")
    return found
