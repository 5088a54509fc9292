"""What a replay could not repeat is refused, with the alternative named; what has changed is reported, never guessed."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from waitpoint import RunEvicted, TimeLimitExceeded, step, task, wait
from waitpoint._tasks.memory import Memory
from waitpoint.testing import Rehearsal


@step
async def send(text: str = "") -> str:
    return text


@step
async def charge() -> None:
    pass


async def ask() -> None:
    await wait.for_token(await wait.create_token())


async def _wait() -> None:
    await asyncio.wait([asyncio.ensure_future(ask()), asyncio.ensure_future(send())], return_when="FIRST_COMPLETED")


async def _wait_for_what_has_begun() -> None:
    begun = asyncio.create_task(send())
    await asyncio.sleep(0.01)
    await asyncio.wait([begun])


async def _as_completed() -> None:
    for first in asyncio.as_completed([ask(), send()]):
        await first


async def _wait_for() -> None:
    await asyncio.wait_for(ask(), 5)


async def _timeout() -> None:
    async with asyncio.timeout(5):
        await asyncio.gather(ask(), ask())


async def _swallowed() -> None:
    with suppress(Exception):
        await _timeout()


@pytest.mark.parametrize(
    ("code", "alternative"),
    [
        (_wait, "wait.for_any"),
        (_wait_for_what_has_begun, "asyncio.gather"),
        (_as_completed, "wait.for_any"),
        (_wait_for, "timeout="),
        (_timeout, "timeout="),
        (_swallowed, "timeout="),
    ],
)
def test_races_around_durable_calls_are_refused(
    rehearsal: Rehearsal, code: Callable[[], Awaitable[None]], alternative: str
) -> None:
    """At once, whether the race would have been lost or not, and even when the error is swallowed."""

    @task(retries=3)
    async def race() -> None:
        await code()

    run = rehearsal.start(race)

    assert ("FAILED", 1) == (run.status, run.attempt)
    assert "NotDurable" in (run.error or "")
    assert alternative in (run.error or "")


def test_races_around_anything_else_are_nobodys_business(rehearsal: Rehearsal) -> None:
    """Libraries race and time out as they like, and a task may, too, where nothing durable is inside."""

    @task
    async def work() -> str:
        plain = asyncio.ensure_future(asyncio.sleep(0))
        await asyncio.wait([plain])
        await asyncio.wait_for(asyncio.sleep(0), 5)
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        async with asyncio.timeout(None):
            return await send("fine")

    assert "fine" == rehearsal.start(work).output


def test_a_wait_is_no_coroutine(rehearsal: Rehearsal) -> None:
    """`create_task` says no by nature, and its message says what to write."""

    @task
    async def work() -> str:
        try:
            asyncio.create_task(wait.for_any([await wait.create_token()]))  # type: ignore[arg-type]  # noqa: RUF006
        except TypeError as refusal:
            return str(refusal)
        return ""

    assert ".unwrap()" in rehearsal.start(work).output


def test_changed_code_is_noticed(rehearsal: Rehearsal) -> None:
    """The run stays as it is, says what is wrong, and goes on once the code is put right."""

    @task(id="pay")
    async def pay() -> str:
        await send()
        await ask()
        await send("last")
        return "paid"

    @task(id="pay")
    async def changed() -> str:
        await charge()
        return "wrong"

    run = rehearsal.start(pay)
    token = run.token
    rehearsal.deploy(changed)
    rehearsal.complete(token)
    assert "step 1: expected `send`, found `charge`" == run.problem
    assert run.is_waiting

    rehearsal.deploy(pay)

    assert [None, "paid"] == [run.problem, run.output]


def test_calls_that_are_gone_are_noticed(rehearsal: Rehearsal) -> None:
    """A task that returns before its recorded calls are made again has changed, too."""

    @task(id="pay")
    async def pay() -> None:
        await send()
        await ask()

    @task(id="pay")
    async def changed() -> None:
        await send()

    run = rehearsal.start(pay)
    token = run.token
    rehearsal.deploy(changed)
    rehearsal.complete(token)

    assert "step 2: expected `create_token`, found the end of the task" == run.problem


def test_evicted_code_has_no_effect(ledger: list[str]) -> None:
    """Closing a coroutine runs its `finally` blocks; what is durable in them raises `RunEvicted`, again and again."""

    @step
    async def clean_up() -> None:
        ledger.append("step")

    @task
    async def work() -> str:
        try:
            await ask()
        except BaseException as end:
            ledger.append(type(end).__name__)
            raise
        finally:
            for _ in range(3):
                try:
                    await clean_up()
                except RunEvicted:
                    ledger.append("refused")
        return "done"

    with Rehearsal() as rehearsal:
        run = rehearsal.start(work)
        calls = run.calls
        rehearsal.evict()
        assert ["RunEvicted", "refused", "refused", "refused"] == ledger
        assert calls == run.calls

        ledger.clear()
        rehearsal.complete(run.token)

        assert "done" == run.output
        assert ["step"] * 3 == ledger


def test_an_execution_that_was_overtaken_commits_nothing(ledger: list[str]) -> None:
    """A worker that was away too long comes back with a step in its hands; the run is somebody else's by now."""

    class Away(Memory):
        def overtake(self, what: str) -> None:
            if what == "before record 1" and not ledger:
                ledger.append("overtaken")
                (run,) = self.runs.values()
                self._requeue(run)

    @task
    async def work() -> str:
        return await send("once")

    with Rehearsal() as rehearsal:
        rehearsal._memory = away = Away()
        away.at_each_call = away.overtake
        run = rehearsal.start(work)

        assert ("once", ["1 send"]) == (run.output, run.calls)
        assert 3 == run._run.generation


def test_time_at_work_is_limited_and_waiting_is_not_work(rehearsal: Rehearsal) -> None:
    """Days of waiting do not count, and a busy task is stopped."""

    @task(time_limit=0.1)
    async def patient() -> str:
        await wait.sleep("30d")
        await asyncio.sleep(0.03)
        await wait.sleep("30d")
        return "patient"

    @task(time_limit=0.05)
    async def busy() -> None:
        await asyncio.sleep(30)

    run = rehearsal.start(patient)
    rehearsal.advance("60d")
    assert "patient" == run.output

    run = rehearsal.start(busy)
    assert "TimeLimitExceeded" in (run.error or "")


def test_time_that_a_task_blocks_is_time_at_work(rehearsal: Rehearsal) -> None:
    """Nobody can stop it, since no clock rings meanwhile; it is told at its end."""

    @task(time_limit=0.05)
    async def blocking() -> str:
        time.sleep(0.2)  # noqa: ASYNC251 (a task that does not let anybody else work)
        return "late"

    assert "TimeLimitExceeded" in (rehearsal.start(blocking).error or "")


def test_a_step_may_be_limited(rehearsal: Rehearsal) -> None:
    """Each attempt for itself."""

    @step(time_limit=0.02, retries=1)
    async def hang() -> None:
        await asyncio.sleep(30)

    @task
    async def work() -> None:
        await hang()

    assert f"StepFailed: The step hang failed: {TimeLimitExceeded.__name__}" in (rehearsal.start(work).error or "")


def test_a_wait_in_a_task_takes_no_timeout_of_its_own(rehearsal: Rehearsal) -> None:
    """The token has one, which survives a restart."""

    @task
    async def work() -> None:
        await wait.for_token(await wait.create_token(), timeout=5)

    assert "give the token a timeout" in (rehearsal.start(work).error or "")
