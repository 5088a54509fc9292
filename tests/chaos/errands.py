"""A task whose every step leaves a trace that cannot be repeated: what it gave, and what it was given.

Held against each other, the traces of one run say whether a record was lost, altered or made twice.
"""

import asyncio
import json
import os
import time
from pathlib import Path
from uuid import uuid4

from waitpoint import current_step, step, task, wait

WORK = 0.01  # seconds that a step takes, so that some are cut off in the middle


def note(**traces: object) -> None:
    """One line in the ledger that all workers share. A line this short is written whole or not at all."""
    info = current_step()
    line = {"run": info.idempotency_key.partition("/")[0], "worker": os.getpid(), **traces}
    ledger = os.open(os.environ["LEDGER"], os.O_APPEND | os.O_WRONLY)
    os.write(ledger, json.dumps(line).encode() + b"\n")
    os.close(ledger)


@step
async def do(part: int, given: str) -> str:
    gave = uuid4().hex
    note(part=part, given=given, gave=gave)
    await asyncio.sleep(WORK)
    return gave


@step
async def ask(part: int, given: str, token_id: str) -> str:
    gave = uuid4().hex
    note(part=part, given=given, gave=gave, token=token_id)
    return gave


@task(id="errand")
async def run_errand(number: int) -> list[str]:
    first = await do(1, str(number))
    token = await wait.create_token(timeout="1d")
    asked = await ask(2, first, token.id)
    answer = await wait.for_token(token, str).unwrap()
    both = await asyncio.gather(do(3, asked + answer), do(4, asked + answer))
    await wait.sleep(0.05)
    return [first, asked, answer, *both, await do(5, "".join(both))]


@step
async def stand_at_the_gate() -> str:
    """Says that it has come, and goes on when the gate is open."""
    gave = uuid4().hex
    note(part=1, given="", gave=gave)
    await asyncio.to_thread(_until_the_gate_is_open)
    return gave


def _until_the_gate_is_open() -> None:
    while not Path(os.environ["GATE"]).exists():
        time.sleep(0.02)


@task(id="gate")
async def pass_the_gate() -> list[str]:
    first = await stand_at_the_gate()
    return [first, await do(2, first)]
