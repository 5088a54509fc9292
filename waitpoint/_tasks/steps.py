"""`@step`: a call whose result is recorded once, so that a replay gives it back without making the call again."""

from __future__ import annotations

import asyncio
import functools
import inspect
import uuid
from collections.abc import Callable, Coroutine
from contextvars import ContextVar, copy_context
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Protocol, TypeVar, cast, overload

from msgspec import Struct

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration
from waitpoint._errors import InvalidInput, RunEvicted, StepFailed, TimeLimitExceeded
from waitpoint._outputs import Expected
from waitpoint._surroundings import channel_here
from waitpoint._tasks import journal as names
from waitpoint._tasks.branches import Exited, branch_here, here
from waitpoint._tasks.execution import Execution, failure_of, run_here
from waitpoint._tasks.journal import Checkpoint, Failure
from waitpoint._tasks.payloads import expected_result
from waitpoint._tasks.retries import Retries, retries_of

if TYPE_CHECKING:
    from waitpoint._channels import Channel

P = ParamSpec("P")
R = TypeVar("R")


class StepInfo(Struct, frozen=True, kw_only=True):
    """About the step that runs here.

    `idempotency_key` is the same on every attempt, in every worker: hand it to services that take one, and what
    was done before a crash is not done twice.
    """

    name: str
    attempt: int
    idempotency_key: str


step_here: ContextVar[StepInfo | None] = ContextVar("step_here", default=None)


def current_step() -> StepInfo:
    """The step that this code runs in."""
    found = step_here.get()
    if found is None:
        raise InvalidInput("current_step() is for the code of a step, and there is none here.")
    return found


class Step(Generic[P, R]):
    """A recorded call, made by `@step`."""

    def __init__(self, function: Callable[P, Any], name: str, tries: Retries, time_limit: float | None) -> None:
        functools.update_wrapper(self, function)
        self.name = name
        self._function = function
        self._retries = tries
        self._time_limit = time_limit
        self._expected: Expected | None = None

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Call it. Inside a task the call takes its number now; outside it is the function as it is."""
        call = functools.partial(self._function, *args, **kwargs)
        found = here()
        if found is None:
            return self._once(call, StepInfo(name=self.name, attempt=1, idempotency_key=uuid.uuid4().hex), None)
        return self._in_run(call, *found)

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    async def _in_run(self, call: Callable[[], Any], execution: Execution, position: str) -> R:
        known = await execution.recall(position, self.name)
        if known is None:
            outcome = await self._outcome(call, execution, position)
            known = await execution.record(position, self.name, outcome)
        return self._given(known, execution, position)

    async def _outcome(self, call: Callable[[], Any], execution: Execution, position: str) -> Any:
        """What is recorded of it: its result, or the error of its last attempt."""
        key = f"{execution.owner.run}/{position}"
        attempt = 0
        with execution.busy():
            while True:
                attempt += 1
                try:
                    info = StepInfo(name=self.name, attempt=attempt, idempotency_key=key)
                    result = names.recorded(
                        f"The result of {self.name}", await self._once(call, info, execution.engine.channel)
                    )
                    self._read(result)
                    return result
                except (Exception, Exited) as error:  # noqa: BLE001 (whatever a step raises is its outcome)
                    pause = self._retries.pause_after(attempt)
                    if execution.is_closed:
                        raise RunEvicted from None
                    if pause is None or isinstance(error, InvalidInput | Exited):
                        return failure_of(error)
                await execution.engine.pause(pause)

    async def _once(self, call: Callable[[], Any], info: StepInfo, channel: Channel | None) -> Any:
        """One attempt, in a context of its own: what it sets there does not reach the task, as after a replay."""
        context = copy_context()
        context.run(branch_here.set, None)
        context.run(run_here.set, None)
        context.run(channel_here.set, channel)
        context.run(step_here.set, info)
        work = asyncio.get_running_loop().create_task(_whichever(self._function, call), context=context)
        limit = asyncio.timeout(self._time_limit)
        try:
            async with limit:
                return await work
        except TimeoutError:
            if not limit.expired():
                raise
            raise TimeLimitExceeded(f"The step {self.name} was at work for more than {self._time_limit:g} s.") from None

    def _given(self, checkpoint: Checkpoint, execution: Execution, position: str) -> R:
        if isinstance(checkpoint.error, Failure):
            execution.step_failed(position)
            raise _failed(self.name, checkpoint.error, execution.owner.run, position)
        return cast("R", self._read(checkpoint.result))

    def _read(self, result: Any) -> Any:
        if self._expected is None:
            self._expected = expected_result(self._function)
        return self._expected.convert(result)


class StepDecorator(Protocol):
    """`@step(…)`, before it is given its function."""

    @overload
    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...

    @overload
    def __call__(self, function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(function: Callable[P, Coroutine[Any, Any, R]], /) -> Step[P, R]: ...


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...


@overload
def step(
    *,
    name: str | None = None,
    retries: int = 0,
    backoff: Duration | float = 1.0,
    time_limit: Duration | float | None = None,
) -> StepDecorator: ...


def step(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    retries: int = 0,
    backoff: Duration | float = 1.0,
    time_limit: Duration | float | None = None,
) -> Any:
    """Record what a function gives, so that it is done once for a run, however often the run is replayed.

    The function may be `async def`, or `def`, which runs in a thread. It is tried `retries` more times, after
    pauses that begin with `backoff` and double; what it raises at last comes out as `StepFailed`. An attempt may
    take `time_limit`. The result must be JSON, or what JSON can be made of; the annotation says what it is read into.
    """
    tries = retries_of(retries, backoff)
    limit = None if time_limit is None else arguments.lasting("time_limit", time_limit)

    def decorated(function: Callable[..., Any]) -> Step[..., Any]:
        if inspect.isasyncgenfunction(function) or inspect.isgeneratorfunction(function):
            raise InvalidInput(f"{function!r} cannot be a step. A step is a function, `def` or `async def`.")
        return Step(function, name or str(getattr(function, "__name__", "step")), tries, limit)

    return decorated if function is None else decorated(function)


async def _whichever(function: Callable[..., Any], call: Callable[[], Any]) -> Any:
    if inspect.iscoroutinefunction(function):
        return await call()
    result = await asyncio.to_thread(call)
    return await result if inspect.isawaitable(result) else result


def _failed(name: str, failure: Failure, run: str, position: str) -> StepFailed:
    error = StepFailed(f"The step {name} failed: {failure.type}: {failure.message}")
    error.step, error.type, error.error_message = name, failure.type, failure.message
    error.traceback, error.run, error.position = failure.traceback, run, position
    return error
