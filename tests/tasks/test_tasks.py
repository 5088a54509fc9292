"""A task waits, goes on where it stopped, and does nothing recorded twice."""

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel

from waitpoint import (
    AlreadySettled,
    InvalidInput,
    RunCancelled,
    RunFailed,
    RunHasEnded,
    StepFailed,
    TokenNotFound,
    WaitpointCancelledError,
    WaitpointTimeoutError,
    current_run,
    current_step,
    step,
    task,
    wait,
)
from waitpoint.testing import Rehearsal


@dataclass
class Approval:
    approved: bool


class Order(BaseModel):
    number: int
    due: datetime


def test_the_example_of_the_design(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """As written there: the moderators are told once, and the answer decides."""

    @step
    async def send_to_moderators(content: str, token_id: str) -> None:
        ledger.append(f"{content} {token_id}")

    @task(id="moderation")
    async def moderate(content: str) -> str:
        token = await wait.create_token(timeout="24h", tags=["moderation"])
        await send_to_moderators(content, token.id)
        approval = await wait.for_token(token, Approval).unwrap()
        return "published" if approval.approved else "held"

    run = rehearsal.start(moderate, "Hello")
    assert run.is_waiting
    assert rehearsal.retrieve(run.token).tags == ["moderation"]

    rehearsal.complete(run.token, {"approved": True})

    assert ("COMPLETED", "published") == (run.status, run.output)
    assert 1 == len(ledger)
    assert ["1 create_token", "2 send_to_moderators", "3 wait"] == run.calls


def test_what_is_alive_is_not_run_again(ledger: list[str]) -> None:
    """With the worker alive nothing before the wait runs twice, even what is no step. A replay begins at the top."""

    @task
    async def ask() -> None:
        ledger.append("top")
        await wait.for_token(await wait.create_token())

    for always_replay, tops in ((False, 1), (True, 2)):
        ledger.clear()
        with Rehearsal(always_replay=always_replay) as rehearsal:
            run = rehearsal.start(ask)
            rehearsal.complete(run.token)
            assert (tops, "COMPLETED") == (ledger.count("top"), run.status)


def test_an_answer_that_came_first_is_simply_returned(rehearsal: Rehearsal) -> None:
    """Nobody waits for what is there."""

    @task
    async def ask() -> Any:
        token = await wait.create_token()
        await wait.complete_token(token, {"early": True})
        return await wait.for_token(token).unwrap()

    run = rehearsal.start(ask)

    assert {"early": True} == run.output


def test_a_timeout_comes_to_the_task(rehearsal: Rehearsal) -> None:
    """As a result that says so, or as an exception from `unwrap`. The clock of the rehearsal brings it about."""

    @task
    async def ask() -> str:
        token = await wait.create_token(timeout="1h")
        result = await wait.for_token(token)
        assert not result.ok
        try:
            await wait.for_token(token).unwrap()
        except WaitpointTimeoutError as late:
            return str(late.at)
        return "never"

    began = rehearsal.now
    run = rehearsal.start(ask)
    rehearsal.advance("59m")
    assert run.is_waiting

    rehearsal.advance("1m")

    assert str(began + timedelta(hours=1)) == run.output


def test_a_cancelled_token_comes_to_the_task(rehearsal: Rehearsal) -> None:
    """With the reason that was given."""

    @task
    async def ask() -> str | None:
        try:
            await wait.for_token(await wait.create_token(timeout=None)).unwrap()
        except WaitpointCancelledError as cancelled:
            return cancelled.reason
        return "never"

    run = rehearsal.start(ask)
    rehearsal.cancel(run.token, "withdrawn")

    assert "withdrawn" == run.output


def test_a_timeout_that_nobody_catches_is_not_tried_again(rehearsal: Rehearsal) -> None:
    """It would time out again."""

    @task(retries=3)
    async def ask() -> None:
        await wait.for_token(await wait.create_token(timeout="1m")).unwrap()

    run = rehearsal.start(ask)
    rehearsal.advance("2m")

    assert ("FAILED", 1) == (run.status, run.attempt)
    assert "WaitpointTimeoutError" in (run.error or "")


@pytest.mark.parametrize("failures", [0, 1, 2])
def test_a_step_is_tried_again(rehearsal: Rehearsal, ledger: list[str], failures: int) -> None:
    """Each time with the same idempotency key."""

    @step(retries=2)
    async def send() -> str:
        info = current_step()
        ledger.append(info.idempotency_key)
        if info.attempt <= failures:
            raise ConnectionError("down")
        return f"attempt {info.attempt}"

    @task
    async def deliver() -> str:
        return await send()

    run = rehearsal.start(deliver)

    assert f"attempt {failures + 1}" == run.output
    assert [f"{run.id}/1"] * (failures + 1) == ledger


def test_an_error_is_the_same_the_first_time_and_on_a_replay(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """It is read from the record both times, so code that looks at it takes the same way."""

    @step
    async def charge() -> None:
        raise KeyError("no card")

    @task
    async def pay() -> str:
        try:
            await charge()
        except StepFailed as failed:
            where = "in charge" in failed.traceback
            ledger.append(f"{failed.step} {failed.type} {failed.error_message} {failed} {failed.__cause__} {where}")
        await wait.sleep("1h")
        return "done"

    run = rehearsal.start(pay)
    rehearsal.crash()
    rehearsal.advance("1h")

    assert "done" == run.output
    assert len(ledger) >= 2
    assert 1 == len(set(ledger))


def test_a_task_that_is_tried_again_keeps_its_journal(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Only the step that failed runs again."""

    @step
    async def reserve() -> str:
        ledger.append("reserve")
        return "seat 7"

    @step
    async def charge() -> str:
        ledger.append("charge")
        if ledger.count("charge") < 3:
            raise ConnectionError("down")
        return "paid"

    @task(retries=2)
    async def buy() -> list[str]:
        return [await reserve(), await charge(), str(current_run().attempt)]

    run = rehearsal.start(buy)

    assert ["seat 7", "paid", "3"] == run.output
    assert ["reserve", "charge", "charge", "charge"] == ledger


def test_a_failed_step_that_was_caught_stays_failed(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """The task has gone another way because of it; a later attempt goes that way, too."""

    @step
    async def first_choice() -> None:
        ledger.append("first")
        raise ValueError("sold out")

    @step
    async def second_choice() -> str:
        ledger.append("second")
        if ledger.count("second") == 1:
            raise ConnectionError("down")
        return "second"

    @task(retries=1)
    async def buy() -> str:
        with suppress(StepFailed):
            await first_choice()
        return await second_choice()

    run = rehearsal.start(buy)

    assert "second" == run.output
    assert ["first", "second", "second"] == ledger


def test_a_failure_that_was_answered_stays_a_failure(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """The code has made calls because of it. Were the step to work now, those would have no place."""

    @step
    async def book() -> None:
        ledger.append("book")
        if len(ledger) == 1:
            raise ValueError("sold out")

    @step
    async def apologise() -> None:
        ledger.append("apologise")

    @task(retries=1)
    async def travel() -> None:
        try:
            await book()
        except StepFailed as failed:
            await apologise()
            raise RuntimeError("no journey") from failed

    run = rehearsal.start(travel)

    assert (None, "RuntimeError: no journey", 2) == (run.problem, run.error, run.attempt)
    assert ["book", "apologise"] == ledger


def test_a_failure_that_was_only_reworded_is_tried_again(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Side by side with others, too."""

    @step
    async def book(name: str) -> str:
        ledger.append(name)
        if ledger.count(name) == 1:
            raise ValueError("sold out")
        return name

    @task(retries=2)
    async def travel() -> list[str]:
        try:
            return list(await asyncio.gather(book("train"), book("hotel")))
        except StepFailed:
            raise RuntimeError("no journey") from None

    assert ["train", "hotel"] == rehearsal.start(travel).output


def test_a_task_that_fails_says_what_it_raised(rehearsal: Rehearsal) -> None:
    """With a traceback that shows the user's code."""

    @task
    async def fail() -> None:
        raise LookupError("nothing there")

    run = rehearsal.start(fail)

    assert "LookupError: nothing there" == run.error
    assert "in fail" in run.traceback


def test_results_are_what_json_makes_of_them(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """The first time, too: an annotation says what they are read into."""

    @step
    async def plain() -> Any:
        return (1, Approval(approved=True))

    @step
    async def typed() -> Approval:
        return Approval(approved=True)

    @step
    def order() -> Order:
        return Order(number=2**70, due=datetime(2026, 5, 1, tzinfo=UTC))

    @task
    async def show() -> str:
        shown = f"{await plain()} {await typed()} {(await order()).number == 2**70}"
        ledger.append(shown)
        await wait.sleep(1)
        return shown

    run = rehearsal.start(show)
    rehearsal.advance(2)

    assert f"[1, {{'approved': True}}] {Approval(approved=True)} True" == run.output
    assert 1 == len(set(ledger))


@pytest.mark.parametrize("result", [{1, 2}, b"bytes", float("nan"), object()])
def test_what_json_cannot_hold_fails_the_step(rehearsal: Rehearsal, result: object) -> None:
    """With the sentence that says what to do, and without a further attempt."""

    @step(retries=5)
    async def give() -> Any:
        return result

    @task
    async def take() -> None:
        await give()

    run = rehearsal.start(take)

    assert "InvalidInput: The result of give is" in (run.error or "")


def test_what_is_large_is_recorded_as_everything_is(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Results, payloads of children and outputs: whatever is larger than a frame takes another way."""
    large = "x" * 2_000_000

    @step
    async def give() -> str:
        ledger.append("given")
        return large

    @task(id="child")
    async def child(text: str) -> str:
        await wait.sleep("1h")
        return text

    @task(id="parent")
    async def parent() -> str:
        return await child.trigger_and_wait(await give())

    rehearsal.deploy(child)
    run = rehearsal.start(parent)
    rehearsal.advance("1h")

    assert large == run.output
    assert ["given"] == ledger


def test_what_is_too_large_is_refused(rehearsal: Rehearsal) -> None:
    """With a sentence that says how large it was, and what to do."""

    @step
    async def give() -> str:
        return "x" * 3_200_000

    @task
    async def work() -> None:
        await give()

    assert "the limit is 3,145,728" in (rehearsal.start(work).error or "")


def test_steps_may_be_plain_functions(rehearsal: Rehearsal) -> None:
    """They run in a thread, so they may block."""
    import threading  # noqa: PLC0415 (for this claim only)

    @step
    def blocking() -> bool:
        return threading.current_thread() is threading.main_thread()

    @task
    async def work() -> bool:
        return await blocking()

    assert rehearsal.start(work).output is False


def test_a_step_has_a_context_of_its_own(rehearsal: Rehearsal) -> None:
    """What it sets does not reach the task, since on a replay it would not either."""
    from contextvars import ContextVar  # noqa: PLC0415 (for this claim only)

    colour = ContextVar("colour", default="grey")

    @step
    async def paint() -> str:
        colour.set("red")
        return colour.get()

    @task
    async def work() -> list[str]:
        return [await paint(), colour.get()]

    assert ["red", "grey"] == rehearsal.start(work).output


def test_what_is_random_stays_what_it_was(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Time, UUIDs and numbers are recorded."""

    @task
    async def draw() -> bool:
        drawn = (await wait.now(), await wait.uuid(), await wait.random())
        ledger.append(repr(drawn))
        await wait.sleep("3d")
        assert isinstance(drawn[1], UUID)
        return (await wait.now()) - drawn[0] == timedelta(days=3)

    run = rehearsal.start(draw)
    rehearsal.crash()
    rehearsal.advance("3d")

    assert run.output is True
    assert 1 == len(set(ledger))
    assert len(ledger) >= 2


def test_a_sleep_is_not_prolonged_by_a_replay(rehearsal: Rehearsal) -> None:
    """The instant that was meant the first time counts."""

    @task
    async def rest() -> str:
        await wait.sleep(timedelta(hours=10))
        await wait.until(began + timedelta(hours=5))  # long over
        return "rested"

    began = rehearsal.now
    run = rehearsal.start(rest)
    rehearsal.advance("9h")
    rehearsal.crash()
    assert run.is_waiting

    rehearsal.advance("1h")

    assert "rested" == run.output


def test_a_sleep_under_a_key_is_slept_once(rehearsal: Rehearsal) -> None:
    """By whatever run: who comes later waits for what is left of it, and not at all when it is over."""

    @task
    async def rest(key: str) -> str:
        await wait.sleep("2h", idempotency_key=key, idempotency_key_ttl="1d")
        return str(await wait.now())

    began = rehearsal.now
    runs = [rehearsal.start(rest, "nap")]
    rehearsal.advance("1h")
    runs.append(rehearsal.start(rest, "nap"))
    rehearsal.crash()
    rehearsal.advance("1h")
    assert [str(began + timedelta(hours=2))] * 2 == [run.output for run in runs]

    late, other = rehearsal.start(rest, "nap"), rehearsal.start(rest, "another")
    assert (str(began + timedelta(hours=2)), True) == (late.output, other.is_waiting)

    rehearsal.advance("1d")
    assert rehearsal.start(rest, "nap").is_waiting  # the key has expired


def test_a_key_on_a_sleep_is_for_tasks() -> None:
    """Elsewhere nobody remembers."""
    with pytest.raises(InvalidInput, match="tasks"):
        asyncio.run(wait.sleep(1, idempotency_key="nap"))


def test_a_failed_run_is_tried_once_more(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """By whoever put right what was wrong: only what failed runs again. A completed run stays as it is."""

    @step
    async def charge() -> str:
        ledger.append("charge")
        if len(ledger) == 1:
            raise ConnectionError("down")
        return "paid"

    @task
    async def buy() -> list[Any]:
        return [await wait.for_token(await wait.create_token()).unwrap(), await charge()]

    run = rehearsal.start(buy)
    rehearsal.complete(run.token, "yes")
    assert "StepFailed" in (run.error or "")

    rehearsal.retry_run(run)

    assert ("COMPLETED", ["yes", "paid"], 2) == (run.status, run.output, run.attempt)
    with pytest.raises(RunHasEnded):
        rehearsal.retry_run(run)


def test_a_cancelled_run_is_tried_once_more(rehearsal: Rehearsal) -> None:
    """It waits again for what it waited for."""

    @task
    async def ask() -> Any:
        return await wait.for_token(await wait.create_token()).unwrap()

    run = rehearsal.start(ask)
    token = run.token
    rehearsal.cancel_run(run)
    rehearsal.retry_run(run)
    assert token == run.token

    rehearsal.complete(token, "yes")

    assert "yes" == run.output


def test_what_a_cancelled_run_asks_is_withdrawn(rehearsal: Rehearsal) -> None:
    """With a reason, for it and for its children; answered before, shared by a key, or nobody's question, it stays."""

    @task
    async def child() -> None:
        await wait.for_token(await wait.create_token(tags=["of the child"], request={"title": "And this?"}))

    @task
    async def ask() -> None:
        answered = await wait.create_token(tags=["answered"], request={"title": "Really?"})
        await wait.for_token(answered)
        await wait.create_token(tags=["shared"], request={"title": "Shared?"}, idempotency_key="shared")
        await wait.create_token(tags=["bare"])
        await child.trigger()
        await wait.for_token(await wait.create_token(tags=["open"], request={"title": "And now?"}))

    rehearsal.deploy(child)
    run = rehearsal.start(ask)
    rehearsal.complete(run.token, {"approved": True})
    rehearsal.cancel_run(run)

    ends = {token.tags[0]: (token.status, token.cancel_reason) for token in rehearsal.tokens}
    withdrawn = ("TIMED_OUT", "The run that asked was cancelled.")
    assert {"open": withdrawn, "of the child": withdrawn} == {tag: end for tag, end in ends.items() if end[1]}
    assert ["COMPLETED", "WAITING", "WAITING"] == [ends[tag][0] for tag in ("answered", "shared", "bare")]


def test_a_cancelled_run_that_is_tried_once_more_asks_anew(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """What was answered stays answered, and what was withdrawn is asked once more: a replay finds it again."""

    @task
    async def ask() -> list[Any]:
        answers = []
        for title in ("First?", "Second?"):
            token = await wait.create_token(request={"title": title})
            answers.append(await wait.for_token(token).unwrap())
        return answers

    run = rehearsal.start(ask)
    rehearsal.complete(run.token, {"approved": True})
    withdrawn = run.token
    for _ in range(2):
        rehearsal.cancel_run(run)
        rehearsal.retry_run(run)
        assert withdrawn != run.token
        withdrawn = run.token
    rehearsal.crash()
    assert withdrawn == run.token
    rehearsal.complete(run.token, {"approved": False})

    assert [{"approved": True}, {"approved": False}] == run.output


def test_a_failed_run_leaves_its_questions_open(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Whoever tries it once more goes on with what was answered meanwhile, and nobody is asked twice."""

    @step(retries=0)
    async def publish() -> None:
        ledger.append("publish")
        if len(ledger) == 1:
            raise ConnectionError("down")

    @task
    async def ask() -> Any:
        token = await wait.create_token(request={"title": "Really?"})
        await publish()
        return await wait.for_token(token).unwrap()

    run = rehearsal.start(ask)
    (token,) = rehearsal.tokens
    assert ("FAILED", "WAITING") == (run.status, token.status)
    rehearsal.complete(token, {"approved": True})
    rehearsal.retry_run(run)

    assert ({"approved": True}, 1) == (run.output, len(rehearsal.tokens))


def test_the_first_of_several_wins(rehearsal: Rehearsal) -> None:
    """And stays the winner, whatever is settled later."""

    @task
    async def race() -> list[str]:
        tokens = [await wait.create_token(timeout=None) for _ in range(3)]
        first = await wait.for_any(tokens)
        await wait.sleep("1h")
        return [tokens.index(next(t for t in tokens if t.id == first.token.id)), first.output]  # type: ignore[list-item]

    run = rehearsal.start(race)
    _, second, third = run.waits_for
    rehearsal.complete(third, "third")
    rehearsal.complete(second, "second")
    rehearsal.crash()
    rehearsal.advance("1h")

    assert [2, "third"] == run.output


def test_all_of_several(rehearsal: Rehearsal) -> None:
    """In the order in which they were named, whoever answers first."""

    @task
    async def collect() -> list[str]:
        tokens = [await wait.create_token() for _ in range(3)]
        return await wait.for_all(tokens, str).unwrap()

    run = rehearsal.start(collect)
    for token in reversed(run.waits_for):
        assert run.is_waiting
        rehearsal.complete(token, f"answer to {token}")

    assert [f"answer to {token.id}" for token in rehearsal.tokens] == run.output


def test_branches_wait_side_by_side(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """`gather` and `TaskGroup` replay: each branch numbers its own calls."""

    @step
    async def note(text: str) -> str:
        ledger.append(text)
        return text

    async def branch(name: str) -> str:
        token = await wait.create_token(tags=[name])
        answer = await wait.for_token(token).unwrap()
        return await note(f"{name} {answer}")

    @task
    async def both() -> list[str]:
        gathered = await asyncio.gather(branch("a"), branch("b"))
        async with asyncio.TaskGroup() as group:
            begun = [group.create_task(branch(name)) for name in ("c", "d")]
        return [*gathered, *(task.result() for task in begun)]

    run = rehearsal.start(both)
    for answer in ("1", "2"):
        rehearsal.crash()
        for token in reversed(run.waits_for):
            rehearsal.complete(token, answer)

    assert ["a 1", "b 1", "c 2", "d 2"] == run.output
    assert 4 == len(ledger)
    assert {"1/1 create_token", "2/2 wait", "3/3 note"} < set(run.calls)


def test_a_call_has_the_number_of_its_call(rehearsal: Rehearsal) -> None:
    """Not that of its turn: what is called first and awaited last keeps its place."""

    @step
    async def say(text: str) -> str:
        return f"{text} {current_step().idempotency_key.rpartition('/')[2]}"

    @task
    async def speak() -> list[str]:
        first, second = say("first"), say("second")
        later = [await second, await first]
        return [*later, *await asyncio.gather(say("third"), say("fourth"))]

    run = rehearsal.start(speak)

    assert ["second 2", "first 1", "third 3", "fourth 4"] == run.output
    assert ["1 say", "2 say", "3 say", "4 say"] == sorted(run.calls)


def test_a_branch_that_fails_ends_its_group(rehearsal: Rehearsal) -> None:
    """The others are cancelled, as asyncio does it, and the run goes on."""

    @step
    async def fail() -> None:
        raise ValueError("no")

    async def wait_long() -> None:
        await wait.for_token(await wait.create_token())

    @task
    async def group() -> str:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(wait_long())
                group.create_task(fail())
        except* StepFailed:
            pass
        await wait.sleep("1h")
        return "went on"

    run = rehearsal.start(group)
    rehearsal.advance("1h")

    assert "went on" == run.output


def test_plain_awaits_in_a_branch_keep_the_run_at_work(rehearsal: Rehearsal) -> None:
    """A run is parked when all its branches wait, not before; then it goes on from there."""

    async def slow() -> Any:
        await asyncio.sleep(0.02)
        return await wait.for_token(await wait.create_token()).unwrap()

    async def quick() -> Any:
        return await wait.for_token(await wait.create_token()).unwrap()

    @task
    async def both() -> list[str]:
        return list(await asyncio.gather(slow(), quick()))

    run = rehearsal.start(both)
    for number, token in enumerate(run.waits_for):
        rehearsal.complete(token, str(number))

    assert sorted(run.output) == ["0", "1"]


def test_tasks_begin_tasks(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Once, however often they are replayed, and their output comes back typed."""

    @task
    async def child(name: str) -> Approval:
        ledger.append(name)
        return Approval(approved=await wait.for_token(await wait.create_token()).unwrap())

    @task
    async def parent() -> list[bool]:
        await wait.sleep(1)
        handle = await child.options(tags="x").trigger("first")
        second = await child.trigger_and_wait("second")
        return [(await handle.result()).approved, second.approved]

    rehearsal.deploy(child)
    run = rehearsal.start(parent)
    rehearsal.advance(1)
    assert ["x"] == list(rehearsal.runs[1].tags)
    for answer, child_run in zip((True, False), rehearsal.runs[1:], strict=True):
        rehearsal.complete(child_run.token, answer)

    assert [True, False] == run.output
    assert 3 == len(rehearsal.runs)


def test_the_end_of_a_child_is_told(rehearsal: Rehearsal) -> None:
    """Failed and cancelled are exceptions of their own."""

    @task
    async def child(how: str) -> None:
        if how == "fail":
            raise ValueError("no")
        await wait.sleep("1d")

    @task
    async def parent() -> list[str]:
        told = []
        for how in ("fail", "wait"):
            try:
                await child.trigger_and_wait(how)
            except (RunFailed, RunCancelled) as end:
                told.append(f"{type(end).__name__}: {end}")
        return told

    rehearsal.deploy(child)
    run = rehearsal.start(parent)
    rehearsal.cancel_run(rehearsal.runs[-1])

    failed, cancelled = run.output
    assert f"RunFailed: {rehearsal.runs[1].id} failed: ValueError: no" == failed
    assert "RunCancelled: " in cancelled


def test_a_cancelled_run_does_nothing_more(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """Its `finally` blocks run, and have no effect on it."""

    @step
    async def clean_up() -> None:
        ledger.append("cleaned")

    @task
    async def ask() -> None:
        try:
            await wait.for_token(await wait.create_token())
        finally:
            await clean_up()

    run = rehearsal.start(ask)
    token = run.token
    rehearsal.cancel_run(run)
    rehearsal.complete(token)

    assert ("CANCELED", []) == (run.status, ledger)


def test_the_end_of_a_parent_is_the_end_of_its_children(rehearsal: Rehearsal) -> None:
    """Those that wait and those that have not begun, and theirs. What has ended has ended; others go on."""

    @task(id="ask")
    async def ask() -> Any:
        return await wait.for_token(await wait.create_token(timeout=None)).unwrap()

    @task(id="family")
    async def family(depth: int) -> list[Any]:
        if depth:
            return [await family.trigger_and_wait(depth - 1)]
        await ask.options(delay="1h").trigger()
        done = await ask.trigger_and_wait()
        return [done, await ask.trigger_and_wait()]

    rehearsal.deploy(ask, family)
    other = rehearsal.start(ask)
    run = rehearsal.start(family, 1)
    rehearsal.complete(rehearsal.runs[-1].token, "done")

    rehearsal.cancel_run(run)

    statuses = [each.status for each in rehearsal.runs[1:]]
    assert ["CANCELED", "CANCELED", "CANCELED", "COMPLETED", "CANCELED"] == statuses
    assert other.is_waiting
    rehearsal.advance("1h")
    assert statuses == [each.status for each in rehearsal.runs[1:]]


def test_a_parent_that_is_tried_again_begins_its_cancelled_children_anew(rehearsal: Rehearsal) -> None:
    """It has not heard of their end. What it has heard stands."""

    @task(id="ask")
    async def ask() -> Any:
        return await wait.for_token(await wait.create_token(timeout=None)).unwrap()

    @task(id="parent")
    async def parent() -> list[Any]:
        return [await ask.trigger_and_wait(), await ask.trigger_and_wait()]

    rehearsal.deploy(ask)
    run = rehearsal.start(parent)
    rehearsal.complete(rehearsal.runs[-1].token, "first")
    for _ in range(2):
        rehearsal.cancel_run(run)
        rehearsal.retry_run(run)

    rehearsal.complete(rehearsal.runs[-1].token, "second")

    assert ["first", "second"] == run.output
    assert 5 == len(rehearsal.runs)


def test_a_run_that_was_there_before_may_be_waited_for(rehearsal: Rehearsal) -> None:
    """The same key gives the same run, whoever has begun it, and its output comes to all who wait."""

    @task(id="ask")
    async def ask() -> Any:
        return await wait.for_token(await wait.create_token(timeout=None)).unwrap()

    @task(id="parent")
    async def parent() -> Any:
        return await ask.options(idempotency_key="once").trigger_and_wait()

    rehearsal.deploy(ask)
    rehearsal.start(starter(ask))
    runs = [rehearsal.start(parent) for _ in range(2)]
    assert ["WAITING", "WAITING"] == [run.status for run in runs]

    rehearsal.complete(rehearsal.runs[1].token, "yes")

    assert ["yes", "yes", "yes"] == [run.output for run in (*runs, rehearsal.start(parent))]
    assert 5 == len(rehearsal.runs)


def starter(other: Any) -> Any:
    """A task that begins another as a program does: in a step, so the run is nobody's child."""

    @step
    async def begin() -> None:
        await other.options(idempotency_key="once").trigger()

    @task(id="starter")
    async def start() -> None:
        await begin()

    return start


def test_calls_about_tokens_are_recorded(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """On a replay the world has moved on, and the code does not notice. Errors are what they were, too."""

    @task
    async def look() -> str:
        token = await wait.create_token(timeout=None)
        before = await wait.retrieve_token(token)
        first = await wait.complete_token(token, 1)
        try:
            await wait.complete_token(token, 2, if_waiting=True)
        except AlreadySettled as settled:
            ledger.append(f"{before.status} {first.already_completed} {settled.status}")
        await wait.sleep("1h")
        return ledger[-1]

    run = rehearsal.start(look)
    rehearsal.crash()
    rehearsal.advance("1h")

    assert "WAITING False COMPLETED" == run.output
    assert 1 == len(set(ledger))


def test_a_token_that_is_not_there(rehearsal: Rehearsal) -> None:
    """Is said so when it is waited for."""

    @task
    async def ask() -> str:
        try:
            await wait.for_token("waitpoint_of_cleo")
        except TokenNotFound as missing:
            return str(missing)
        return ""

    assert "waitpoint_of_cleo" in rehearsal.start(ask).output


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"order": {"number": 1, "due": "2026-01-01T00:00:00Z"}, "copies": 2}, "1 2"),
        ({"args": [{"number": 1, "due": "2026-01-01T00:00:00Z"}], "kwargs": {"copies": 3}}, "1 3"),
        ({"number": 4, "due": "2026-01-01T00:00:00Z"}, "InvalidInput"),
        ({"order": {"number": "four", "due": "2026-01-01T00:00:00Z"}}, "InvalidInput"),
    ],
)
def test_arguments_are_read_into_their_types(rehearsal: Rehearsal, payload: Any, expected: str) -> None:
    """What comes from a program in another language, too. What does not fit fails the run, and is not tried again."""

    @task(id="print", retries=3)
    async def print_order(order: Order, copies: int = 1) -> str:
        return f"{order.number} {copies}"

    run = rehearsal.start_with_payload(print_order, payload)

    assert expected in (run.output or run.error or "")
    assert 1 == run.attempt


def test_an_object_may_be_the_one_parameter(rehearsal: Rehearsal) -> None:
    """Of a task that takes one."""

    @task
    async def read(order: Order) -> int:
        return order.number

    assert 5 == rehearsal.start_with_payload(read, {"number": 5, "due": "2026-01-01T00:00:00Z"}).output
    assert 6 == rehearsal.start(read, Order(number=6, due=datetime(2026, 1, 1, tzinfo=UTC))).output


def test_a_delayed_run_begins_later(rehearsal: Rehearsal) -> None:
    """At its moment, and once for its idempotency key."""

    @task
    async def child() -> None:
        pass

    @task
    async def parent() -> bool:
        later = child.options(delay="1h", idempotency_key="once")
        return (await later.trigger()).id == (await later.trigger()).id

    rehearsal.deploy(child)
    assert rehearsal.start(parent).output is True
    assert not rehearsal.runs[1].is_finished

    rehearsal.advance("1h")

    assert "COMPLETED" == rehearsal.runs[1].status


def test_a_plain_function_is_refused_as_a_task() -> None:
    """With a sentence that says what to write."""
    with pytest.raises(InvalidInput, match="async def"):

        @task  # type: ignore[arg-type]
        def plain() -> None: ...


def test_outside_a_run_functions_are_what_they_are() -> None:
    """A step is called, a task is awaited: so they can be tested like any function."""

    @step
    def double(number: int) -> int:
        return number * 2

    @task
    async def work(number: int) -> int:
        await wait.sleep(0)
        return await double(number)

    assert 4 == asyncio.run(work(2))


def test_nothing_is_said_that_nobody_asked(caplog: pytest.LogCaptureFixture, rehearsal: Rehearsal) -> None:
    """No exception that was never retrieved, when runs are evicted in the middle of their branches."""
    caplog.set_level(logging.DEBUG, "asyncio")

    async def branch() -> None:
        await wait.for_token(await wait.create_token())

    @task
    async def ask() -> None:
        await asyncio.gather(branch(), branch(), branch())

    run = rehearsal.start(ask)
    rehearsal.crash()
    for token in run.waits_for:
        rehearsal.complete(token)

    assert "COMPLETED" == run.status
    assert [] == [record for record in caplog.records if record.levelno >= logging.ERROR]
