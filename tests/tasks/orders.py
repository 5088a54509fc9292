"""Tasks as somebody would write them. What they do in the world is a line in the file that `LEDGER` names."""

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

from waitpoint import RunFailed, current_step, step, task, wait


@dataclass
class Approval:
    approved: bool


def note(line: str) -> None:
    """Something happened, once and for all."""
    with Path(os.environ["LEDGER"]).open("a") as ledger:
        ledger.write(f"{line}\n")


def noted() -> list[str]:
    """All that has happened so far."""
    return Path(os.environ["LEDGER"]).read_text().splitlines()


@step
async def send_to_moderators(content: str, token_id: str) -> None:
    note(f"sent {content} {current_step().idempotency_key}")


@task(id="moderation")
async def moderate(content: str) -> str:
    note(f"top {content}")
    token = await wait.create_token(timeout="24h", tags=["moderation"])
    await send_to_moderators(content, token.id)
    approval = await wait.for_token(token, Approval).unwrap()
    return "published" if approval.approved else "held"


@step
def count(number: int) -> int:
    note(f"counted {number} {current_step().idempotency_key}")
    time.sleep(0.02)
    return number


@task(id="counting")
async def add_up(numbers: int) -> int:
    return sum([await count(number) for number in range(numbers)])


async def ask(who: str) -> str:
    token = await wait.create_token(tags=[who], timeout=None)
    answer = await wait.for_token(token, str).unwrap()
    return f"{who} {answer} {await count(len(who))}"


@task(id="branches")
async def ask_many(people: list[str]) -> list[str]:
    answers = await asyncio.gather(*map(ask, people))
    await wait.sleep(0.1)
    return answers


@task(id="parent")
async def publish(content: str) -> str:
    return f"child: {await moderate.trigger_and_wait(content)}"


@task(id="guardian")
async def guard(content: str) -> str:
    handle = await fail_at_once.trigger(content)
    try:
        await handle.result()
    except RunFailed as failed:
        return f"{failed.type} {failed.error_message}"
    return "nothing happened"


@task(id="failing")
async def fail_at_once(content: str) -> None:
    raise LookupError(content)


@task(id="busy")
async def block(seconds: float) -> str:
    time.sleep(seconds)  # noqa: ASYNC251 (a task that does not let anybody else work)
    return "blocked"


@task(id="flaky", retries=2, backoff=0.1)
async def fail_twice() -> int:
    await count(0)
    return await succeed_the_third_time()


@task(id="brittle")
async def fail_without_retries() -> int:
    await count(0)
    return await succeed_the_third_time()


@step
async def succeed_the_third_time() -> int:
    note("tried")
    tries = noted().count("tried")
    if tries < 3:
        raise ConnectionError("not yet")
    return tries
