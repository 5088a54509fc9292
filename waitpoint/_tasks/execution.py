"""One run in the memory of one worker: its task function at work, parked while it waits, closed when it is evicted.

Everything durable that the function calls comes here. What the journal knows is given back; what it does not know is
done, recorded, and then given. While all that is left of a run is waiting, it is parked: it holds no slot, and its
coroutine stays where it is until the wait is over, or until it is evicted and later replayed from its journal.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar, copy_context
from datetime import datetime
from typing import Any, TypeVar

from msgspec import Struct

from waitpoint import _arguments as arguments
from waitpoint._errors import (
    InvalidInput,
    NotDurable,
    RunEvicted,
    StepFailed,
    TimeLimitExceeded,
    TokenNotFound,
    WaitpointTimeoutError,
)
from waitpoint._surroundings import channel_here
from waitpoint._tasks import journal as names
from waitpoint._tasks.branches import Branch, BranchTask, Exited, branch_here, is_contained, number_branches
from waitpoint._tasks.channel import TaskChannel
from waitpoint._tasks.engine import Ended, Engine, Fenced, Mode, Owner, SleepKey, UnknownToken
from waitpoint._tasks.journal import Checkpoint, CodeHasChanged, Failure, Journal
from waitpoint._tasks.payloads import arguments_of
from waitpoint._tasks.retries import Retries
from waitpoint._tasks.tracebacks import readable
from waitpoint._values import Token

T = TypeVar("T")

run_here: ContextVar[Execution | None] = ContextVar("run_here", default=None)

log = logging.getLogger("waitpoint")

LONGEST_WORDS = 20_000  # characters that are kept of an error


class Work(Struct, frozen=True, kw_only=True):
    """What a task brings to its execution."""

    id: str
    function: Callable[..., Coroutine[Any, Any, Any]]
    retries: Retries
    time_limit: float | None


class RunToDo(Struct, frozen=True, kw_only=True):
    """What the server hands to a worker: a run to start, or one to replay."""

    owner: Owner
    task: str
    payload: Any
    attempt: int = 1
    tags: Sequence[str] = ()
    checkpoints: Sequence[Checkpoint] = ()


class Execution:
    """A task at work on one run."""

    def __init__(self, work: Work, run: RunToDo, engine: Engine) -> None:
        self.owner = run.owner
        self.run = run
        self.work = work
        self.engine = engine
        self.is_parked = False
        self.is_closed = False
        #: How many calls each branch has made, by its path.
        self.calls_of: dict[str, int] = {}
        self._calls_until: dict[str, int] = {}
        self._journal = Journal(run.checkpoints)
        self._loop = asyncio.get_running_loop()
        self._outside = copy_context()
        self._tasks: set[BranchTask[Any]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._open: dict[str, asyncio.Future[Sequence[Token]]] = {}
        self._early: dict[str, Sequence[Token]] = {}
        self._in_flight = 0
        self._may_go_on = asyncio.Event()
        self._may_go_on.set()
        self._one_has_ended = asyncio.Event()
        self._is_looking = False
        self._watched: asyncio.Future[Any] | None = None
        self._seconds_left = work.time_limit
        self._limit: asyncio.TimerHandle | None = None
        self._since = 0.0

    # What the engine does with it.

    def start(self) -> None:
        """Begin at the top of the function, whether it is for the first time or on a replay."""
        number_branches(self._loop)
        branch = Branch(self)
        context = self._outside.copy()
        context.run(branch_here.set, branch)
        context.run(run_here.set, self)
        context.run(channel_here.set, TaskChannel())
        context.run(is_contained.set, True)
        task = BranchTask(self._whole_task(), branch, loop=self._loop, context=context)
        self.began(task)
        self._start_the_clock()

    @property
    def is_parking(self) -> bool:
        """Whether nothing of it is begun until the engine has said whether it is parked."""
        return not self.is_closed and not self._may_go_on.is_set()

    def resume(self, generation: int, ended: Iterable[Ended]) -> None:
        """Go on where the run was parked, or is about to be: the words to go on may overtake those that say so."""
        self.owner = Owner(self.owner.run, generation)
        if self.is_parked:
            self.is_parked = False
            self._start_the_clock()
        self._may_go_on.set()
        self.deliver(ended)

    def deliver(self, ended: Iterable[Ended]) -> None:
        """Tell the waits that are over."""
        for wait in ended:
            future = self._open.pop(wait.position, None)
            if future is None:
                self._early[wait.position] = wait.tokens
            elif not future.done():
                future.set_result(wait.tokens)
        self._look()  # a wait that was given up, by a cancelled branch, wakes nobody

    def evict(self) -> None:
        """Close without effect: the run goes on elsewhere, or later, from its journal."""
        if not self.is_closed:
            self._close()
            self._cancel_what_is_busy()
            self.engine.over(self)

    async def ended(self) -> None:
        """Until the code of the run, its `finally` blocks included, has come to its end."""
        while any(task.branch.has_called for task in self._tasks):
            self._one_has_ended.clear()
            await self._one_has_ended.wait()

    # What its branches do.

    def began(self, task: BranchTask[Any]) -> None:
        """A new branch, which is the reason not to park until it waits or ends."""
        self._tasks.add(task)
        task.add_done_callback(self._branch_ended, context=self._outside)

    def refuse(self, why: str) -> None:
        """End the run: its code asks for something that a replay cannot repeat."""
        self._conclude(lambda: self.engine.fail(self.owner, Failure("NotDurable", why), None))
        raise NotDurable(why)

    async def recall(self, position: str, name: str) -> Checkpoint | None:
        """What this call gave before; None when it is to be made now."""
        branch = branch_here.get()
        await self._turn()
        if branch is not None:
            branch.has_called = True
            why = branch.refusal()
            if why is not None:
                self.refuse(why)
        try:
            checkpoint = self._journal.find(position, name)
        except CodeHasChanged as change:
            self._report(change)
            raise RunEvicted from None
        if checkpoint is not None:
            await asyncio.sleep(0)  # a replay, too, lets other branches take their turns
            self._stay_open()
        return checkpoint

    async def record(self, position: str, name: str, outcome: Any) -> Checkpoint:
        """Add to the journal: a `Failure`, or a result. The answer is what counts from now on."""
        place = self._journal.place_of(position)
        is_error = isinstance(outcome, Failure)
        checkpoint = Checkpoint(place, name, **{"error" if is_error else "result": outcome})
        async with self._message():
            return await self.engine.record(self.owner, checkpoint)

    async def create_token(self, position: str, options: dict[str, Any]) -> Any:
        known = await self.recall(position, names.CREATE_TOKEN)
        if known is None:
            async with self._message():
                known = await self.engine.create_token(self.owner, self._journal.place_of(position), options)
        return known.result

    async def trigger(self, position: str, task: str, payload: Any, options: dict[str, Any]) -> Any:
        arguments.body("The payload", payload, names.LARGEST_RECORD)
        known = await self.recall(position, names.TRIGGER)
        if known is None:
            async with self._message():
                place = self._journal.place_of(position)
                known = await self.engine.trigger(self.owner, place, task, payload, options)
        return known.result

    async def wait(self, position: str, tokens: Sequence[str], mode: Mode) -> Sequence[Token]:
        """The settled tokens, in the order in which they were named."""

        def opened(place: str) -> Awaitable[Ended | None]:
            return self.engine.wait(self.owner, place, tokens, mode)

        try:
            return await self._wait(position, names.WAIT, opened)
        except UnknownToken as unknown:
            raise TokenNotFound(f"There is no token {unknown} in this environment.") from None

    async def sleep(self, position: str, until: datetime, key: SleepKey | None = None) -> None:
        await self._wait(position, names.SLEEP, lambda place: self.engine.sleep(self.owner, place, until, key))

    async def input(self, position: str, name: str, timeout: str | None) -> Token:
        """The token of a value that was sent, or of a wait that came to nothing."""
        (token,) = await self._wait(
            position, names.named_input(name), lambda place: self.engine.input(self.owner, place, name, timeout)
        )
        return token

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Something is in flight, so the run cannot be parked."""
        self._in_flight += 1
        try:
            yield
        finally:
            self._in_flight -= 1
            self._look()

    async def _wait(
        self, position: str, name: str, opened: Callable[[str], Awaitable[Ended | None]]
    ) -> Sequence[Token]:
        known = await self.recall(position, name)
        if known is not None:
            return known.tokens or []
        place = self._journal.place_of(position)
        async with self._message():
            over = await opened(place)
        return over.tokens if over is not None else await self._rest(place)

    async def _rest(self, place: str) -> Sequence[Token]:
        if place in self._early:
            return self._early.pop(place)
        future = self._open[place] = self._loop.create_future()
        self._look()
        try:
            tokens: Sequence[Token] = await future
        finally:
            self._open.pop(place, None)
        return tokens

    @asynccontextmanager
    async def _message(self) -> AsyncIterator[None]:
        """One message to the engine, which may answer that the run is no longer ours."""
        await self._turn()
        try:
            with self.busy():
                yield
        except Fenced:
            self.evict()
        self._stay_open()

    async def _turn(self) -> None:
        """While it is being decided whether the run is parked, nothing is begun."""
        self._stay_open()
        await self._may_go_on.wait()
        self._stay_open()

    def _stay_open(self) -> None:
        if self.is_closed:
            raise RunEvicted

    # Parking.

    def _look(self) -> None:
        """Soon, see whether all that is left is waiting."""
        if self._open and not self._in_flight and not self._is_looking and not self.is_closed:
            self._is_looking = True
            self._loop.call_soon(self._park_when_at_rest, context=self._outside)

    def _look_again(self, _: object) -> None:
        self._watched = None
        self._look()

    def _park_when_at_rest(self) -> None:
        self._is_looking = False
        if self._in_flight or not self._open or self.is_closed or not self._may_go_on.is_set():
            return
        for task in self._tasks:
            blocker = _blocker(task)
            if blocker is None or blocker.done():
                self._look()  # it is about to run
                return
            if not self._rests(blocker):
                if blocker is not self._watched:
                    self._watched = blocker
                    blocker.add_done_callback(self._look_again)
                return
        self._may_go_on.clear()
        self._send(self._park())

    def _rests(self, blocker: asyncio.Future[Any]) -> bool:
        """Whether who waits for this waits, in the end, for nothing but the waits of this run."""
        if any(blocker is future for future in self._open.values()):
            return True
        if isinstance(blocker, BranchTask):
            return not blocker.done()
        parts = getattr(blocker, "_children", None)  # of a gather
        if parts is not None:
            left = [part for part in parts if not part.done()]
            return bool(left) and all(self._rests(part) for part in left)
        groups = {group for task in self._tasks for group in task.groups}
        return any(getattr(group, "_on_completed_fut", None) is blocker for group in groups)

    async def _park(self) -> None:
        owner = self.owner
        try:
            ended = await self.engine.park(owner, list(self._open))
        except Fenced:
            if self.owner is owner:
                self.evict()
            return
        except InvalidInput as refusal:
            log.warning("The run %s keeps its slot while it waits: %s", self.owner.run, refusal)
            self._may_go_on.set()
            return
        if self.is_closed or self.owner is not owner:
            return  # it went on before this answer was heard, which is of its former life
        if ended:
            self._may_go_on.set()
            self.deliver(ended)
        else:
            self._stop_the_clock()
            self.is_parked = True
            self.engine.parked(self)

    # The end.

    async def _whole_task(self) -> None:
        """The task function, and what is said when it has come to its end."""
        try:
            args, kwargs = arguments_of(self.work.function, self.run.payload)
        except InvalidInput as misfit:
            self._conclude_failed(misfit, None)
            return
        try:
            output = names.recorded("The output", await self.work.function(*args, **kwargs))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it is, the run is told; `sys.exit()` ends the run only)
            await self._failed(error)
            return
        if self._is_late:
            self._out_of_time()
        with suppress(RunEvicted):
            await self._turn()
            self._returned(output)

    def _returned(self, output: Any) -> None:
        try:
            self._journal.expect_end()
        except CodeHasChanged as change:
            self._report(change)
            return
        self._conclude(lambda: self.engine.finish(self.owner, output))

    async def _failed(self, error: BaseException) -> None:
        if self.is_closed:
            return
        # After the last attempt, too: a person may yet have the run tried once more.
        afresh = sorted({step.position for step in _steps_that_failed(error) if self._is_unanswered(step)})
        if afresh:
            with suppress(RunEvicted):
                await self.record(self._journal.next_retry, names.RETRY, afresh)
        self._conclude_failed(error, self._retry_in(error))

    def step_failed(self, position: str) -> None:
        """The code is about to be told that this step has failed."""
        self._calls_until[position] = self.calls_of.get(_branch_of(position), 0)

    def _is_unanswered(self, step: StepFailed) -> bool:
        """False when the code went on to other calls because of it: on another attempt it must go there again."""
        calls = self._calls_until.get(step.position) if step.run == self.owner.run else None
        return calls is not None and calls == self.calls_of.get(_branch_of(step.position))

    def _retry_in(self, error: BaseException) -> float | None:
        if not isinstance(error, Exception) or isinstance(error, WaitpointTimeoutError | NotDurable):
            return None
        return self.work.retries.pause_after(self.run.attempt)

    def _conclude_failed(self, error: BaseException, retry_in: float | None) -> None:
        failure = failure_of(error)
        self._conclude(lambda: self.engine.fail(self.owner, failure, retry_in))

    def _report(self, change: CodeHasChanged) -> None:
        self._conclude(lambda: self.engine.problem(self.owner, str(change)))

    def _conclude(self, last_words: Callable[[], Awaitable[None]]) -> None:
        """Say one last thing about the run, and nothing after it."""
        if self.is_closed:
            return
        self._close()
        self._send(self._say(last_words))

    async def _say(self, last_words: Callable[[], Awaitable[None]]) -> None:
        try:
            await last_words()
        except Fenced:
            pass
        except InvalidInput as refusal:  # an output that the server does not take, for one
            with suppress(Fenced, InvalidInput):
                await self.engine.fail(self.owner, failure_of(refusal), None)
        self.engine.over(self)

    def _close(self) -> None:
        """From here on every durable call raises `RunEvicted`, so `finally` blocks have no effect on the run."""
        self.is_closed = True
        self._stop_the_clock()
        self._may_go_on.set()
        for future in self._open.values():
            if not future.done():
                future.set_exception(RunEvicted())

    def _cancel_what_is_busy(self) -> None:
        here = asyncio.current_task()
        for task in self._tasks:
            blocker = _blocker(task)
            if task is not here and blocker is not None and not blocker.done() and not self._rests(blocker):
                task.cancel()

    def _branch_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._one_has_ended.set()
        if self.is_closed and not task.cancelled():
            task.exception()  # nobody need hear of what was closed
        self._look()

    def _send(self, errand: Coroutine[Any, Any, None]) -> None:
        """Outside the run, and whatever becomes of it."""
        sent = self._outside.copy().run(self._loop.create_task, errand)
        self._errands.add(sent)
        sent.add_done_callback(self._errands.discard)

    # The time limit counts what the run executes, and never what it waits.

    def _start_the_clock(self) -> None:
        if self._seconds_left is not None:
            self._since = self._loop.time()
            self._limit = self._loop.call_later(self._seconds_left, self._out_of_time, context=self._outside)

    def _stop_the_clock(self) -> None:
        if self._limit is not None and self._seconds_left is not None:
            self._limit.cancel()
            self._limit = None
            self._seconds_left = max(0.0, self._seconds_left - (self._loop.time() - self._since))

    @property
    def _is_late(self) -> bool:
        """Whether its time is over, although nobody could say so: code that blocks does not let the clock ring."""
        is_running = self._limit is not None and self._seconds_left is not None
        return is_running and self._loop.time() - self._since > (self._seconds_left or 0.0)

    def _out_of_time(self) -> None:
        if self.is_parked or self.is_closed:
            return
        error = TimeLimitExceeded(
            f"The task {self.work.id} was at work for more than {self.work.time_limit:g} seconds, not counting waits."
        )
        self._conclude_failed(error, self._retry_in(error))
        self._cancel_what_is_busy()


def failure_of(error: BaseException) -> Failure:
    """An error as it is recorded."""
    if isinstance(error, Exited) and error.__cause__ is not None:
        error = error.__cause__
    return Failure(
        type=type(error).__name__,
        message=str(error)[:LONGEST_WORDS],
        traceback=readable(error)[-LONGEST_WORDS:],
        answer=dict(getattr(error, "answer", {})),
    )


def _blocker(task: asyncio.Task[Any]) -> asyncio.Future[Any] | None:
    """What a task is waiting for, None while it is about to run. asyncio keeps this to itself, and has for ten years."""
    blocker: asyncio.Future[Any] | None = getattr(task, "_fut_waiter", None)
    return blocker


def _branch_of(position: str) -> str:
    return position.rpartition("/")[0]


def _steps_that_failed(error: BaseException | None) -> Iterator[StepFailed]:
    """The failed steps behind an error: itself, the members of a group, or else what it was raised from."""
    if isinstance(error, StepFailed):
        yield error
    elif isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _steps_that_failed(member)
    elif error is not None:
        yield from _steps_that_failed(error.__cause__ or error.__context__)
