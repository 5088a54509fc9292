"""`sys.exit()` ends the run that calls it, and never the worker, which has other runs."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

import pytest

from waitpoint import step, task
from waitpoint.testing import Rehearsal


async def leave() -> None:
    sys.exit(3)


async def leave_in_a_branch() -> None:
    await asyncio.gather(asyncio.sleep(0), leave())


async def leave_in_a_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(leave())


@step(retries=2)
async def leave_in_a_step() -> None:
    await leave()


@step
def leave_in_a_thread() -> None:
    sys.exit(3)


@step
async def leave_in_a_task_of_a_step() -> None:
    await asyncio.gather(leave())


@pytest.mark.parametrize(
    "code",
    [leave, leave_in_a_branch, leave_in_a_group, leave_in_a_step, leave_in_a_thread, leave_in_a_task_of_a_step],
)
def test_the_run_fails_and_others_go_on(rehearsal: Rehearsal, code: Callable[[], Awaitable[None]]) -> None:
    """Wherever in its code it is called: the run is over, and is not tried again for it."""
    attempts: list[str] = []

    @task(id="leaving")
    async def leaving() -> None:
        attempts.append("once")
        await code()

    @task(id="staying")
    async def staying() -> str:
        return "here"

    run = rehearsal.start(leaving)

    assert ("FAILED", 1) == (run.status, len(attempts))
    assert "SystemExit: 3" in f"{run.error} {run.traceback}"
    assert "here" == rehearsal.start(staying).output


def test_a_task_is_not_tried_again_for_it(rehearsal: Rehearsal) -> None:
    """Whoever says so means it."""
    attempts: list[str] = []

    @task(id="leaving", retries=2)
    async def leaving() -> None:
        attempts.append("once")
        sys.exit("no more")

    run = rehearsal.start(leaving)

    assert ("SystemExit: no more", 1) == (run.error, len(attempts))
