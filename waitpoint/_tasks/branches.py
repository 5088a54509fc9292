"""Where in the code a call is made: the strand of the run that makes it, and the number it has there.

Each asyncio task that is begun inside a run is a branch, numbered inside its parent when it is created, and a call
takes its number when it is called. So `gather` gives the same positions however its parts take turns.

What lets the clock, or the order in which branches end, decide how the code goes on cannot be replayed:
`asyncio.wait`, `as_completed` and time-outs. They are noticed here and refused once a durable call is inside.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar, copy_context
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from waitpoint._tasks.execution import Execution

T = TypeVar("T")

branch_here: ContextVar[Branch | None] = ContextVar("branch_here", default=None)
is_contained: ContextVar[bool] = ContextVar("is_contained", default=False)

_INSTEAD_OF_RACES = (
    "which of several ends first is not the same on a replay. "
    "For tokens there is `wait.for_any`; to wait for all branches use `asyncio.gather` or a `TaskGroup`"
)
_INSTEAD_OF_TIMEOUTS = (
    "time that passes is not the same on a replay. Give the token a timeout (`wait.create_token(timeout=…)`), "
    "or the step (`@step(time_limit=…)`)"
)


class Branch:
    """One strand of a run: the task function itself, or an asyncio task that it has begun."""

    def __init__(self, execution: Execution, path: str = "", parent: Branch | None = None) -> None:
        self.execution = execution
        self.has_called = False
        self.task: BranchTask[Any] | None = None
        self._path = path
        self._parent = parent
        self._calls = 0
        self._children = 0
        self._rival: str | None = None

    def next_position(self) -> str:
        """The position of the call that is being made: `3`, or `2.1/3` in a branch."""
        self._calls += 1
        self.execution.calls_of[self._path] = self._calls
        return f"{self._path}/{self._calls}" if self._path else str(self._calls)

    def child(self) -> Branch:
        self._children += 1
        path = f"{self._path}.{self._children}" if self._path else str(self._children)
        return Branch(self.execution, path, self)

    def race(self, rival: str) -> None:
        """Somebody watches this branch in a way that a replay cannot repeat."""
        self._rival = rival

    def refusal(self) -> str | None:
        """Why no durable call may be made here; None where it may."""
        if self._rival is not None:
            return self._rival
        if self.task is not None and self.task.is_timed:
            return f"asyncio.timeout around a durable call: {_INSTEAD_OF_TIMEOUTS}."
        return self._parent.refusal() if self._parent is not None else None


class Exited(BaseException):
    """The code of a run has called `sys.exit()`. That ends the run, or the step, and not its worker."""


class Contained(Coroutine[Any, Any, T]):
    """A coroutine that raises `Exited` in the place of `SystemExit`, which asyncio lets end the whole event loop."""

    def __init__(self, coro: Coroutine[Any, Any, T]) -> None:
        self._coro = coro

    def send(self, value: Any) -> Any:
        try:
            return self._coro.send(value)
        except SystemExit as end:
            raise _exited(end) from end

    def throw(self, *error: Any) -> Any:
        try:
            return self._coro.throw(*error)
        except SystemExit as end:
            raise _exited(end) from end

    def close(self) -> None:
        self._coro.close()

    def __await__(self) -> Generator[Any, Any, T]:
        return self._coro.__await__()


def _exited(end: SystemExit) -> Exited:
    return Exited(f"sys.exit({'' if end.code is None else repr(end.code)})")


class BranchTask(asyncio.Task[T]):
    """An asyncio task that knows its branch, and notices who watches it."""

    def __init__(self, coro: Coroutine[Any, Any, T], branch: Branch, **options: Any) -> None:
        self.branch = branch
        self.groups: set[asyncio.TaskGroup] = set()
        self._timeouts: list[asyncio.Timeout] = []
        branch.task = self
        super().__init__(coro, **options)

    @property
    def is_timed(self) -> bool:
        """True inside `asyncio.timeout`, unless it has no deadline."""
        self._timeouts = [limit for limit in self._timeouts if "[active]" in repr(limit)]
        return any(limit.when() is not None for limit in self._timeouts)

    def add_done_callback(self, fn: Callable[..., object], /, **options: Any) -> None:
        owner = getattr(fn, "__self__", None)
        if isinstance(owner, asyncio.TaskGroup):
            self.groups.add(owner)
        rival = _rival(fn)
        if rival is not None:
            self.branch.race(rival)
            if self.branch.has_called:
                self.branch.execution.refuse(rival)
        super().add_done_callback(fn, **options)

    def cancelling(self) -> int:
        """Asked by `asyncio.timeout` when it begins, which is how a time-out is noticed before it is over."""
        limit = _timeout_of(sys._getframe(1))  # noqa: SLF001 (there is no other door)
        if limit is not None:
            self._timeouts.append(limit)
        return super().cancelling()


def here() -> tuple[Execution, str] | None:
    """The run that this code belongs to, and the position of the call that is being made. None outside tasks."""
    branch = branch_here.get()
    return None if branch is None else (branch.execution, branch.next_position())


def number_branches(loop: asyncio.AbstractEventLoop) -> None:
    """Let asyncio tasks that are created inside a run be branches of it. Others are what they were."""
    before = loop.get_task_factory()
    if not getattr(before, "numbers_branches", False):
        loop.set_task_factory(_Factory(before))


class _Factory:
    numbers_branches = True

    def __init__(self, before: Callable[..., Any] | None) -> None:
        self._before = before or _plain_task

    def __call__(self, loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
        context = options.get("context")
        parent = branch_here.get() if context is None else context.get(branch_here)
        is_of_a_run = is_contained.get() if context is None else context.get(is_contained, False)
        if is_of_a_run and asyncio.iscoroutine(coro):  # what is none is refused below
            coro = Contained(coro)
        if parent is None:
            return self._before(loop, coro, **options)
        branch = parent.child()
        options["context"] = own = copy_context() if context is None else context.copy()
        own.run(branch_here.set, branch)
        task = BranchTask(coro, branch, loop=loop, **options)
        branch.execution.began(task)
        return task


def _plain_task(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Any:
    return asyncio.Task(coro, loop=loop, **options)


def _rival(fn: Any) -> str | None:
    if isinstance(fn, functools.partial):
        fn = fn.func
    if getattr(fn, "__module__", None) != "asyncio.tasks":
        return None
    match fn.__qualname__.split(".")[0]:
        case "_wait":
            return f"asyncio.wait around a durable call: {_INSTEAD_OF_RACES}."
        case "as_completed" | "_AsCompletedIterator":
            return f"asyncio.as_completed around a durable call: {_INSTEAD_OF_RACES}."
        case "_release_waiter":
            return f"asyncio.wait_for around a durable call: {_INSTEAD_OF_TIMEOUTS}."
    return None


def _timeout_of(frame: FrameType) -> asyncio.Timeout | None:
    caller = frame.f_locals.get("self") if frame.f_code.co_name == "__aenter__" else None
    return caller if isinstance(caller, asyncio.Timeout) else None
