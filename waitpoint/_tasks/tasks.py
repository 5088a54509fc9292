"""`@task`: a durable function, and how runs of it are begun from anywhere."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, Unpack, overload

from msgspec import Struct

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration
from waitpoint._errors import InvalidInput
from waitpoint._outputs import Expected
from waitpoint._surroundings import Surroundings
from waitpoint._tasks import calls
from waitpoint._tasks.branches import here
from waitpoint._tasks.calls import TriggerOptions
from waitpoint._tasks.execution import Execution, Work, run_here
from waitpoint._tasks.handles import RunHandle
from waitpoint._tasks.payloads import expected_result, payload_of
from waitpoint._tasks.retries import retries_of

P = ParamSpec("P")
R = TypeVar("R")

_ID = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")


class RunInfo(Struct, frozen=True, kw_only=True):
    """About the run that this code belongs to."""

    id: str
    task: str
    attempt: int
    tags: Sequence[str]


def current_run() -> RunInfo:
    """The run that this code belongs to."""
    run = run_here.get()
    if run is None:
        raise InvalidInput("current_run() is for the code of a task, and there is no run here.")
    return RunInfo(id=run.owner.run, task=run.work.id, attempt=run.run.attempt, tags=run.run.tags)


class Task(Generic[P, R]):
    """A durable function, made by `@task`. Called, it is the function as it is; triggered, it becomes a run."""

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]], work: Work, slots: int | None) -> None:
        functools.update_wrapper(self, function)
        self.id = work.id
        self.slots = slots
        self.work = work
        self._function = function

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Run the function here and now: durable inside a task, a plain call elsewhere."""
        return self._function(*args, **kwargs)

    def trigger(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, RunHandle[R]]:
        """Begin a run with these arguments. Inside a task the run is begun once, however often it is replayed."""
        return self.options().trigger(*args, **kwargs)

    def trigger_and_wait(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Begin a run and wait for its output. Raises `RunFailed` or `RunCancelled` where there is none."""
        return self.options().trigger_and_wait(*args, **kwargs)

    def options(self, **options: Unpack[TriggerOptions]) -> TaskWithOptions[P, R]:
        """How the runs that are triggered on the answer begin: `task.options(tags="eu").trigger(…)`."""
        return TaskWithOptions(self._function, self.id, calls.trigger_options(**options))

    def __repr__(self) -> str:
        return f"<task {self.id}>"


class TaskWithOptions(Generic[P, R]):
    """A task with options for the runs that are triggered through it."""

    def __init__(self, function: Callable[P, Coroutine[Any, Any, R]], task_id: str, options: dict[str, Any]) -> None:
        self._function = function
        self._id = task_id
        self._options = options

    def trigger(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, RunHandle[R]]:
        """Begin a run with these arguments."""
        payload = payload_of(self._function, args, kwargs)
        found = here()
        return self._outside(payload) if found is None else self._inside(payload, *found)

    def trigger_and_wait(self, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, R]:
        """Begin a run and wait for its output."""
        triggered = self.trigger(*args, **kwargs)
        found = here()
        return self._output(triggered, None if found is None else found[1])

    async def _outside(self, payload: Any) -> RunHandle[R]:
        run = await Surroundings().ask(calls.trigger(self._id, payload, self._options))
        return RunHandle(run, self._expected)

    async def _inside(self, payload: Any, execution: Execution, position: str) -> RunHandle[R]:
        made = await execution.trigger(position, self._id, payload, self._options)
        return RunHandle(made["run"], self._expected, token_id=made["token"])

    async def _output(self, triggered: Coroutine[Any, Any, RunHandle[R]], position: str | None) -> R:
        return await (await triggered).result_at(position)

    @property
    def _expected(self) -> Expected:
        return expected_result(self._function)


class TaskDecorator(Protocol):
    """`@task(…)`, before it is given its function."""

    def __call__(self, function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...


@overload
def task(function: Callable[P, Coroutine[Any, Any, R]], /) -> Task[P, R]: ...


@overload
def task(
    *,
    id: str | None = None,
    retries: int = 0,
    backoff: Duration | float = 1.0,
    slots: int | None = None,
    time_limit: Duration | float | None = None,
) -> TaskDecorator: ...


def task(
    function: Callable[..., Any] | None = None,
    /,
    *,
    id: str | None = None,
    retries: int = 0,
    backoff: Duration | float = 1.0,
    slots: int | None = None,
    time_limit: Duration | float | None = None,
) -> Any:
    """Make a function durable: its runs wait without holding anything, and survive crashes and deploys.

    A run that fails is tried `retries` more times, after pauses that begin with `backoff` and double, with its
    journal: only the step that failed runs again. One worker executes at most `slots` runs of it at once. A run may
    be at work for `time_limit`, which never counts what it waits.
    """
    tries = retries_of(retries, backoff)
    limit = None if time_limit is None else arguments.lasting("time_limit", time_limit)
    if slots is not None and slots < 1:
        raise InvalidInput(f"slots is {slots!r}. Pass how many runs a worker may execute at once: 1 or more.")

    def decorated(function: Callable[..., Any]) -> Task[..., Any]:
        if not inspect.iscoroutinefunction(function):
            raise InvalidInput(
                f"{getattr(function, '__name__', function)} cannot be a task: a task waits, so write `async def`. "
                "What blocks belongs in a step, which may be a plain `def`."
            )
        work = Work(id=_checked(id or function.__name__), function=function, retries=tries, time_limit=limit)
        return Task(function, work, slots)

    return decorated if function is None else decorated(function)


def _checked(task_id: str) -> str:
    if not _ID.fullmatch(task_id):
        raise InvalidInput(f"The id of a task is {task_id!r}. Use up to 128 letters, digits and any of _ . : -")
    return task_id
