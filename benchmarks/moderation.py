"""The task of the benchmarks: it makes a token, tells somebody of it, and waits.

What happens when is noted in the file that `NOTES` names, if there is one: `told <token> <seconds>`.
"""

import os
import time
from dataclasses import dataclass

from waitpoint import step, task, wait

_NOTES = os.open(path, os.O_APPEND | os.O_CREAT | os.O_WRONLY) if (path := os.environ.get("NOTES")) else None


@dataclass
class Approval:
    """What is answered."""

    approved: bool
    comment: str = ""


def note(what: str, token_id: str) -> None:
    """One line, now."""
    if _NOTES is not None:
        os.write(_NOTES, f"{what} {token_id} {time.time()}\n".encode())


@step
async def tell_a_moderator(token_id: str) -> None:
    """Where a program would send a mail."""
    note("told", token_id)


@task(id="moderation")
async def moderate(content: str) -> str:
    """As benchmarks/restate/moderation.mjs."""
    token = await wait.create_token(timeout="7d", tags=["moderation"])
    await tell_a_moderator(token.id)
    await wait.for_token(token, Approval).unwrap()
    note("resumed", token.id)
    return "done"
