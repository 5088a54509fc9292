"""A run is sent values while it runs: each is read once, in order, and none is lost."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from waitpoint import InvalidInput, RunHasEnded, RunNotFound, UnexpectedOutput, step, task, wait
from waitpoint.testing import Rehearsal


@dataclass
class Approval:
    approved: bool


approvals = wait.Input("approval", Approval)
messages = wait.Input("message", str)


@task
async def chat(count: int) -> list[str]:
    return [await messages.wait().unwrap() for _ in range(count)]


def test_a_run_waits_for_a_value_and_goes_on_with_it(rehearsal: Rehearsal) -> None:
    """Typed, as the input says."""

    @task
    async def ask() -> str:
        result = await approvals.wait()
        assert result.ok
        return f"{result.output} {result.token.is_completed}"

    run = rehearsal.start(ask)
    assert run.is_waiting
    assert (["approval"], []) == (run.waits_for_inputs, run.waits_for)

    rehearsal.send(run, approvals, Approval(approved=True))

    assert f"{Approval(approved=True)} True" == run.output
    assert ["1 input approval"] == run.calls
    assert [] == rehearsal.tokens


def test_what_is_sent_before_the_wait_is_kept(rehearsal: Rehearsal, ledger: list[str]) -> None:
    """And read in the order in which it was sent, once, whatever crashes."""

    @task
    async def listen() -> list[str]:
        await wait.sleep("1h")
        heard = [await messages.wait().unwrap() for _ in range(2)]
        await wait.sleep("1h")
        ledger.append(" ".join(heard))
        return [*heard, await messages.wait().unwrap()]

    run = rehearsal.start(listen)
    rehearsal.send(run, messages, "first")
    rehearsal.send(run, messages, "second")
    rehearsal.crash()
    rehearsal.advance("1h")
    rehearsal.crash()
    rehearsal.send(run, messages, "third")
    rehearsal.advance("1h")

    assert ["first", "second", "third"] == run.output
    assert {"first second"} == {*ledger}


def test_inputs_are_told_apart_by_their_names(rehearsal: Rehearsal) -> None:
    """What nobody reads is in nobody's way."""

    @task
    async def listen() -> str:
        return f"{await approvals.wait().unwrap()} {await messages.wait().unwrap()}"

    run = rehearsal.start(listen)
    rehearsal.send(run, messages, "hello")
    assert run.is_waiting
    rehearsal.send(run, approvals, Approval(approved=False))

    assert f"{Approval(approved=False)} hello" == run.output


def test_branches_share_an_input(rehearsal: Rehearsal) -> None:
    """Each value goes to one of them."""

    @task
    async def share() -> list[str]:
        return sorted(await asyncio.gather(messages.wait().unwrap(), messages.wait().unwrap()))

    run = rehearsal.start(share)
    rehearsal.send(run, messages, "b")
    rehearsal.crash()
    assert run.is_waiting
    rehearsal.send(run, messages, "a")

    assert ["a", "b"] == run.output


def test_an_input_may_come_too_late(rehearsal: Rehearsal) -> None:
    """The wait says so, and the value is kept for the next one."""

    @task
    async def listen() -> list[Any]:
        first = await messages.wait(timeout="1h")
        return [first.ok, type(first.error).__name__, await messages.wait().unwrap()]

    run = rehearsal.start(listen)
    rehearsal.advance("1h")
    rehearsal.send(run, messages, "late")

    assert [False, "WaitpointTimeoutError", "late"] == run.output


def test_only_what_fits_is_sent(rehearsal: Rehearsal) -> None:
    """The sender hears of it, and the run goes on waiting."""
    run = rehearsal.start(chat, 1)
    with pytest.raises(InvalidInput, match="message"):
        rehearsal.send(run, messages, 5)  # type: ignore[misc]
    assert run.is_waiting

    rehearsal.send(run, messages, "five")

    assert ["five"] == run.output


def test_what_another_program_sent_need_not_fit(rehearsal: Rehearsal) -> None:
    """It knows nothing of our types. Then the task hears of it."""

    @task
    async def listen() -> str:
        try:
            await approvals.wait().unwrap()
        except UnexpectedOutput as misfit:
            return str(misfit.output)
        return ""

    run = rehearsal.start(listen)
    rehearsal.send(run, wait.Input("approval"), "yes")

    assert "yes" == run.output


def test_an_ended_run_takes_nothing_more(rehearsal: Rehearsal) -> None:
    """And neither does one that is nowhere."""
    run = rehearsal.start(chat, 0)
    assert run.is_finished

    with pytest.raises(RunHasEnded):
        rehearsal.send(run, messages, "anybody?")
    with pytest.raises(RunNotFound):
        rehearsal.send(type("Nowhere", (), {"id": "run_" + "0" * 36})(), messages, "anybody?")


def test_a_task_sends_to_another_once(rehearsal: Rehearsal) -> None:
    """It is recorded as every call is."""

    @task
    async def greet(run: str) -> None:
        await messages.send(run, "hello")
        await wait.sleep("1h")
        await messages.send(run, "goodbye")

    run = rehearsal.start(chat, 3)
    rehearsal.start(greet, run.id)
    rehearsal.crash()
    rehearsal.advance("1h")
    assert run.is_waiting
    rehearsal.send(run, messages, "the end")

    assert ["hello", "goodbye", "the end"] == run.output


def test_another_input_at_the_same_place_is_noticed(rehearsal: Rehearsal) -> None:
    """The names of inputs are part of the journal."""

    @task(id="listen")
    async def listen() -> None:
        await messages.wait()
        await wait.sleep("1h")

    @task(id="listen")
    async def changed() -> None:
        await approvals.wait()

    run = rehearsal.start(listen)
    rehearsal.send(run, messages, "x")
    rehearsal.deploy(changed)
    rehearsal.advance("1h")

    assert "step 1: expected `input message`, found `input approval`" == run.problem


def test_a_retried_run_reads_what_is_unread(rehearsal: Rehearsal) -> None:
    """Its journal holds what it has read; what was sent since is still there."""
    failures = [1]

    @step
    async def work() -> None:
        if failures:
            raise ValueError(failures.pop())

    @task
    async def listen() -> list[str]:
        first = await messages.wait().unwrap()
        await work()
        return [first, await messages.wait().unwrap()]

    run = rehearsal.start(listen)
    rehearsal.send(run, messages, "first")
    assert "FAILED" == run.status
    rehearsal.retry_run(run)
    rehearsal.send(run, messages, "second")

    assert (["first", "second"], 2) == (run.output, run.attempt)


def test_a_wait_for_an_input_is_for_tasks() -> None:
    """Elsewhere nobody would send anything."""
    with pytest.raises(InvalidInput, match=r"\.send"):
        messages.wait()


@pytest.mark.parametrize("name", ["", " ", "a/b", "a\n", "x" * 129])
def test_a_name_is_a_name(name: str) -> None:
    """It stands in a path."""
    with pytest.raises(InvalidInput):
        wait.Input(name)
