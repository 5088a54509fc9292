"""Typed inputs: values that somebody sends to a run while it runs, each read once and in order."""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from typing import Any, Generic, Protocol, TypeVar, overload

from waitpoint import _arguments as arguments
from waitpoint._arguments import Timeout
from waitpoint._calls import Call
from waitpoint._errors import InvalidInput
from waitpoint._outputs import Expected
from waitpoint._surroundings import Surroundings
from waitpoint._tasks import calls
from waitpoint._tasks.branches import here
from waitpoint._values import WaitResult, result_of

T = TypeVar("T")

LONGEST_NAME = 128  # characters


class HasRunId(Protocol):
    """A handle of a run, or anything else with its id."""

    @property
    def id(self) -> str: ...


class Input(Generic[T]):
    """A door into the runs of a task: `approvals = wait.Input("approval", Approval)`.

    The task waits at it, `await approvals.wait()`; anybody sends through it, `await approvals.send(run, value)`.
    A value that comes before the task waits is kept, and every value is read once, in the order of sending.
    """

    @overload
    def __init__(self, name: str, type: type[T]) -> None: ...

    @overload
    def __init__(self, name: str, type: Any = None) -> None: ...

    def __init__(self, name: str, type: Any = None) -> None:
        self.name = _checked(name)
        self._expected = Expected(type)

    def wait(self, *, timeout: Timeout | None = None) -> InputWait[T]:
        """The next value, for the code of a task: `await` it for a result, or give `.unwrap()` for the value.

        Without a `timeout` it waits for ever.
        """
        return InputWait(self, self._expected, arguments.timeout(timeout))

    def send(self, run: str | HasRunId, value: T) -> Coroutine[Any, Any, None]:
        """Give a run a value, which has to be of the type of this input. Inside a task it is sent once."""
        return Surroundings().ask(self.sending(run, value))

    def sending(self, run: str | HasRunId, value: T) -> Call[None]:
        """The call that sends a value."""
        plain = arguments.plain("value", value)
        try:
            self._expected.convert(plain)
        except ValueError as misfit:
            raise InvalidInput(f"The value is not what {self!r} takes: {misfit}") from None
        return calls.send_input(run if isinstance(run, str) else run.id, self.name, plain)

    def __repr__(self) -> str:
        return f"<input {self.name}>"


class InputWait(Generic[T]):
    """A wait for the next value of an input."""

    def __init__(self, input: Input[T], expected: Expected, timeout: str | None) -> None:
        found = here()
        if found is None:
            raise InvalidInput(f"{input!r}.wait() is for the code of a task. To give a run a value, use .send().")
        self._input = input
        self._expected = expected
        self._timeout = timeout
        self._here = found

    def __await__(self) -> Generator[Any, None, WaitResult[T]]:
        return self._wait().__await__()

    async def _wait(self) -> WaitResult[T]:
        execution, position = self._here
        token = await execution.input(position, self._input.name, self._timeout)
        return result_of(token, self._expected)

    async def unwrap(self) -> T:
        """The value. Raises `WaitpointTimeoutError` when none came in time."""
        return (await self).unwrap()

    def __repr__(self) -> str:
        return f"<wait for {self._input!r}: await it, or give .unwrap() to create_task>"


def _checked(name: str) -> str:
    if not arguments.text("name", name).strip() or len(name) > LONGEST_NAME or not name.isprintable() or "/" in name:
        raise InvalidInput(f"The name of an input is {name!r}. Use 1 to {LONGEST_NAME} characters, and no slash.")
    return name
