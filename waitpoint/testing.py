"""Rehearse tasks in memory: no server, no network, no sleep.

::

    from waitpoint.testing import Rehearsal

    def test_a_post_is_published():
        with Rehearsal() as rehearsal:
            run = rehearsal.start(moderate, "Hello")

            rehearsal.complete(run.token, {"approved": True})

            assert run.output == "published"

Every call returns when all runs have come to their next wait or to their end. A rehearsal keeps the promises of the
real server: the same journal, the same positions, the same replay. With `always_replay=True` no run survives a wait in
memory, so each goes on by replay, as it does after a crash or a deploy: run your tests both ways.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration, TokenOrId
from waitpoint._tasks.calls import RunStatus
from waitpoint._tasks.inputs import Input
from waitpoint._tasks.memory import Memory, MemoryRun
from waitpoint._tasks.payloads import payload_of
from waitpoint._tasks.tasks import Task
from waitpoint._values import Token

__all__ = ["Rehearsal", "RehearsedRun"]

T = TypeVar("T")


class RehearsedRun:
    """A run in a rehearsal, as it stands."""

    def __init__(self, run: MemoryRun) -> None:
        self._run = run

    @property
    def id(self) -> str:
        return self._run.id

    @property
    def task(self) -> str:
        """The id of its task."""
        return self._run.task

    @property
    def status(self) -> RunStatus:
        return self._run.status

    @property
    def attempt(self) -> int:
        return self._run.attempt

    @property
    def tags(self) -> Sequence[str]:
        return self._run.tags

    @property
    def output(self) -> Any:
        """What the task returned, as JSON."""
        return self._run.output

    @property
    def error(self) -> str | None:
        """What the task raised, as `ValueError: no such order`."""
        failure = self._run.failure
        return None if failure is None else f"{failure.type}: {failure.message}"

    @property
    def traceback(self) -> str:
        """Where the task raised it."""
        return "" if self._run.failure is None else self._run.failure.traceback

    @property
    def problem(self) -> str | None:
        """Why the run cannot go on with the code as it is."""
        return self._run.problem

    @property
    def is_waiting(self) -> bool:
        return self.status == "WAITING"

    @property
    def is_finished(self) -> bool:
        return self._run.is_finished

    @property
    def waits_for(self) -> list[str]:
        """The ids of the tokens that the run waits for."""
        return [token_id for wait in self._run.waits.values() if wait.input is None for token_id in wait.tokens]

    @property
    def waits_for_inputs(self) -> list[str]:
        """The names of the inputs that the run waits for."""
        return [wait.input for wait in self._run.waits.values() if wait.input is not None]

    @property
    def token(self) -> str:
        """The id of the one token that the run waits for."""
        if len(self.waits_for) != 1:
            raise AssertionError(f"{self!r} waits for {self.waits_for or 'no token'}, not for one.")
        return self.waits_for[0]

    @property
    def calls(self) -> list[str]:
        """What is recorded of the run so far: `1 send`, `2 wait`, in the order of the records."""
        return [f"{checkpoint.position} {checkpoint.name}" for checkpoint in self._run.journal.values()]

    def __repr__(self) -> str:
        return f"<run {self.id} of {self.task}: {self.status}>"


class Rehearsal:
    """A server and a worker in memory. Use it as a context manager, from code that is not asynchronous itself."""

    def __init__(self, *, always_replay: bool = False, patience: float = 10.0) -> None:
        self._memory = Memory(always_replay=always_replay)
        self._runner = asyncio.Runner()
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close what is parked, and the event loop."""
        self._runner.run(self._memory.close())
        self._runner.close()

    def start(self, task: Task[Any, Any], *args: Any, **kwargs: Any) -> RehearsedRun:
        """Trigger a task with these arguments, and run it to its first wait."""
        return self.start_with_payload(task, payload_of(task.work.function, args, kwargs))

    def start_with_payload(self, task: Task[Any, Any], payload: Any) -> RehearsedRun:
        """Trigger a task with any JSON, as a program in another language would."""
        self._memory.works[task.id] = task.work
        run = self._memory.trigger_run(task.id, payload, {})
        self._go_on()
        return RehearsedRun(run)

    def complete(self, token: TokenOrId, data: Any = None) -> None:
        """Complete a token, and run on to the next wait. A settled token keeps its first answer."""
        text = arguments.body("data", arguments.plain("data", data), arguments.MAX_OUTPUT_BYTES).decode()
        self._do(lambda: self._memory.settle(arguments.token_id(token), "COMPLETED", output=text))

    def cancel(self, token: TokenOrId, reason: str | None = None) -> None:
        """End a token without an answer, and run on to the next wait."""
        now = self._memory.now()
        self._do(
            lambda: self._memory.settle(arguments.token_id(token), "TIMED_OUT", cancelled_at=now, cancel_reason=reason)
        )

    def send(self, run: RehearsedRun, input: Input[T], value: T) -> None:
        """Send a run a value, and run on to the next wait."""
        call = input.sending(run.id, value)
        self._do(lambda: self._memory.channel.answer(call))

    def retry_run(self, run: RehearsedRun) -> None:
        """Try a run once more that has failed or was cancelled."""
        self._do(lambda: self._memory.retry_run(self._memory.runs[run.id]))

    def cancel_run(self, run: RehearsedRun) -> None:
        """End a run from outside."""
        self._do(lambda: self._memory.cancel_run(self._memory.runs[run.id]))

    def advance(self, duration: Duration | float) -> None:
        """Let time pass. What is due on the way happens in its order, each at its moment."""
        end = self._memory.now() + timedelta(seconds=arguments.lasting("duration", duration))
        while (due := self._memory.next_moment()) is not None and due <= end:
            self._memory.clock = max(due, self._memory.clock)
            self._do(self._memory.sweep)
        self._memory.clock = end

    def evict(self) -> None:
        """Forget the memory of every parked run. They go on by replay."""
        self._do(self._memory.evict_parked)

    def crash(self) -> None:
        """Let the worker die and come back: nothing is left of any run but its journal."""
        self._do(self._memory.crash)

    def deploy(self, *tasks: Task[Any, Any]) -> None:
        """From now on these are the code of their ids. Runs with a problem are tried again."""
        self._memory.works.update({task.id: task.work for task in tasks})
        self._do(self._memory.deploy)

    def retrieve(self, token: TokenOrId) -> Token:
        """A token as it stands."""
        return self._memory.token(arguments.token_id(token))

    @property
    def now(self) -> datetime:
        """The time of this rehearsal. It stands still but for `advance`."""
        return self._memory.now()

    @property
    def tokens(self) -> list[Token]:
        """All tokens that were created, oldest first."""
        return [token for token in self._memory.tokens.values() if token.id not in self._memory.hidden]

    @property
    def runs(self) -> list[RehearsedRun]:
        """All runs, oldest first."""
        return [RehearsedRun(run) for run in self._memory.runs.values()]

    def _do(self, change: Callable[[], object]) -> None:
        self._runner.run(self._changed(change))
        self._go_on()

    async def _changed(self, change: Callable[[], object]) -> None:
        change()

    def _go_on(self) -> None:
        try:
            self._runner.run(self._until_quiet())
        except TimeoutError:
            busy = [run for run in self.runs if run.status == "EXECUTING"]
            raise AssertionError(
                f"{busy} neither waited nor ended within {self._patience:g} s. "
                "What the task itself awaits there is no wait of Waitpoint."
            ) from None

    async def _until_quiet(self) -> None:
        async with asyncio.timeout(self._patience):
            await self._memory.until_quiet()
