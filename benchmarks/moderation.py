"""The task of the benchmarks: it makes a token, tells somebody of it, and waits."""

import time
from dataclasses import dataclass

from waitpoint import step, task, wait


@dataclass
class Approval:
    """What is answered."""

    approved: bool
    comment: str = ""


@step
async def send_to_moderators(token_id: str) -> None:
    """Where a program would send a mail."""


@task(id="moderation")
async def moderate(content: str) -> float:
    """Gives the moment at which it went on."""
    token = await wait.create_token(timeout="7d", tags=["moderation"])
    await send_to_moderators(token.id)
    await wait.for_token(token, Approval).unwrap()
    return time.time()
