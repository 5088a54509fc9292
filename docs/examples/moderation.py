"""A pipeline with a person in it: what is clear is decided at once, what is not waits for a moderator.

waitpoint worker moderation          in one terminal, in this folder
python moderation.py "Buy now!!!"    in another; it prints the page on which you decide
"""

import asyncio
import os
import sys
from dataclasses import dataclass

from waitpoint import step, task, wait

URL = os.environ.get("WAITPOINT_URL", "http://127.0.0.1:8000")
LOUD = ("buy", "free", "winner", "!!!")


@dataclass
class Approval:
    """What the approval page gives."""

    approved: bool
    comment: str = ""


@dataclass
class Decision:
    published: bool
    why: str


@step
async def suspicion(text: str) -> float:
    """From 0 to 1. A stand-in for your classifier; recorded, so it is asked once, whatever crashes."""
    return min(1.0, sum(word in text.lower() for word in LOUD) / 2)


@step
async def tell_moderators(text: str, link: str) -> None:
    """Where a moderator is told, by mail or chat. Here they read the worker's terminal."""
    print(f"Please decide about {text!r}:\n  {link}", flush=True)


@task(id="moderation")
async def moderate(text: str) -> Decision:
    if await suspicion(text) < 0.5:
        return Decision(published=True, why="nothing suspicious")
    token = await wait.create_token(timeout="24h", tags=["moderation"])
    await tell_moderators(text, f"{URL}/approve/{token.id}?token={token.public_access_token}")
    answer = await wait.for_token(token, Approval)
    if not answer.ok:
        return Decision(published=False, why="no moderator looked at it within a day")
    return Decision(answer.output.approved, answer.output.comment or "a moderator decided")


async def main(text: str) -> None:
    run = await moderate.options(tags=["example"]).trigger(text)
    print(f"See it wait: {URL}/runs/{run.id}")
    decision = await run.result()
    print("published:" if decision.published else "held:", decision.why)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Buy now!!!"))
