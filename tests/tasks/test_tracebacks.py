"""Tracebacks show the code of whoever wrote the task, and none of what carried it out."""

import pytest

from waitpoint import Task, step, task, wait
from waitpoint._errors import StepFailed
from waitpoint._tasks.tracebacks import readable
from waitpoint.testing import Rehearsal


def pay(amount: int) -> str:
    raise ConnectionError(f"the bank does not answer for {amount}")


@step
async def charge(amount: int) -> str:
    return pay(amount)


@step
def charge_in_a_thread(amount: int) -> str:
    return pay(amount)


@task
async def at_once(amount: int) -> str:
    return pay(amount)


@task
async def in_a_step(amount: int) -> str:
    await wait.now()
    return await charge(amount)


@task
async def in_a_thread(amount: int) -> str:
    return await charge_in_a_thread(amount)


@task
async def from_another(amount: int) -> str:
    try:
        return await charge(amount)
    except StepFailed as failed:
        raise LookupError("no money") from failed


def functions_in(text: str) -> list[str]:
    """The functions of its frames, and that none of them is ours."""
    frames = [line for line in text.splitlines() if line.startswith("  File ")]
    assert not [frame for frame in frames if "/waitpoint/_" in frame or "/asyncio/" in frame], text
    return [frame.rpartition(" in ")[2] for frame in frames]


@pytest.mark.parametrize(
    ("work", "functions"),
    [
        (at_once, ["at_once", "pay"]),
        (in_a_step, ["charge", "pay", "in_a_step"]),
        (in_a_thread, ["charge_in_a_thread", "pay", "in_a_thread"]),
        (from_another, ["from_another", "from_another"]),
    ],
)
def test_only_the_users_code_is_in_it(work: Task[..., str], functions: list[str], rehearsal: Rehearsal) -> None:
    """First where a step failed, then where it was called."""
    run = rehearsal.start(work, 20)

    assert functions == functions_in(run.traceback)
    assert "the bank does not answer for 20" in run.traceback


def test_members_of_a_group_are_told_too() -> None:
    text = readable(ExceptionGroup("both", [ValueError("one"), LookupError("two")]))

    assert "ValueError: one" in text
    assert "LookupError: two" in text
