"""What triggering a task gives: a hold on the run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from typing import Any, Generic, NoReturn, TypeVar, cast

from waitpoint._errors import RunCancelled, RunFailed, UnexpectedOutput
from waitpoint._outputs import Expected
from waitpoint._outputs import read as read_output
from waitpoint._surroundings import Surroundings
from waitpoint._tasks import calls
from waitpoint._tasks.branches import here
from waitpoint._tasks.calls import Run
from waitpoint._values import Token

R = TypeVar("R")


class RunHandle(Generic[R]):
    """A run that was begun. Ask it how the run stands, wait for its output, or cancel it."""

    def __init__(self, id: str, expected: Expected | None = None, *, token_id: str | None = None) -> None:
        self.id = id
        self._expected = expected or Expected()
        self._token_id = token_id

    def retrieve(self) -> Coroutine[Any, Any, Run]:
        """The run as it stands now: status, output, error."""
        return Surroundings().ask(calls.retrieve_run(self.id))

    async def subscribe(self) -> AsyncGenerator[Run]:
        """The run as it stands, and again whenever that is another than before: `async for run in handle.subscribe()`.

        Changes that follow each other quickly may be told as one. The last run is the finished one.
        """
        async with aclosing(Surroundings().changes(self.id)) as changes:
            async for run in changes:
                yield run

    async def cancel(self) -> None:
        """End the run. One that is finished stays as it is."""
        await Surroundings().ask(calls.cancel_run(self.id))

    async def retry(self) -> None:
        """Have a failed or cancelled run tried once more. It keeps its journal, so only what failed runs again."""
        await Surroundings().ask(calls.retry_run(self.id))

    def result(self) -> Coroutine[Any, Any, R]:
        """Wait for the output of the run. Raises `RunFailed` or `RunCancelled` where there is none."""
        found = here() if self._token_id is not None else None
        return self.result_at(None if found is None else found[1])

    async def result_at(self, position: str | None) -> R:
        """The same, for a wait that has its place in a task already."""
        found = here()
        if position is None or self._token_id is None or found is None:
            return await self._looked_for()
        (token,) = await found[0].wait(position, [self._token_id], "all")
        return self._output_of(token)

    async def _looked_for(self) -> R:
        run = None
        async with aclosing(self.subscribe()) as changes:
            async for run in changes:  # noqa: B007 (the last one counts)
                pass
        assert run is not None  # noqa: S101 (how it stands is the first thing that is told)
        if run.status == "CANCELED":
            self._was_cancelled()
        if run.status == "FAILED":
            error = run.error or calls.RunError()
            self._has_failed(error.name, error.message)
        return self._read(run.output)

    def _output_of(self, token: Token) -> R:
        """The end of a child run is told by the token that it settles."""
        output = read_output(token.raw_output, token.output_type)
        if token.output_is_error:
            known = output if isinstance(output, dict) else {}
            if known.get("type") == calls.CANCELED:
                self._was_cancelled()
            self._has_failed(known.get("type", "Error"), known.get("message", ""))
        return self._read(output)

    def _read(self, output: Any) -> R:
        try:
            return cast("R", self._expected.convert(output))
        except ValueError as misfit:
            error = UnexpectedOutput(f"{self.id} gave an output that is not what its task promises: {misfit}")
            error.output = output
            raise error from misfit

    def _was_cancelled(self) -> NoReturn:
        error = RunCancelled(f"{self.id} was cancelled.")
        error.run = self.id
        raise error

    def _has_failed(self, kind: str, message: str) -> NoReturn:
        error = RunFailed(f"{self.id} failed: {kind}: {message}")
        error.run, error.type, error.error_message = self.id, kind, message
        raise error

    def __repr__(self) -> str:
        return f"<run {self.id}>"
