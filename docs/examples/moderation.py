"""A pipeline with a person in it: what is clear is decided at once, what is not waits for a moderator.

waitpoint worker moderation          in one terminal, in this folder
python moderation.py "Buy now!!!"    in another; it prints the page on which you decide
"""

import asyncio
import os
import sys
from dataclasses import dataclass

from waitpoint import Decision, Request, step, task, wait

URL = os.environ.get("WAITPOINT_URL", "http://127.0.0.1:8000")
LOUD = ("buy", "free", "winner", "!!!")


@dataclass
class Outcome:
    """What a moderator decides, and what the pipeline gives."""

    published: bool
    comment: str = ""


@step
async def suspicion(text: str) -> float:
    """From 0 to 1. A stand-in for your classifier; recorded, so it is asked once, whatever crashes."""
    return min(1.0, sum(word in text.lower() for word in LOUD) / 2)


@step
async def tell_moderators(text: str, link: str) -> None:
    """Where a moderator is told, by mail or chat. Here they read the worker's terminal."""
    print(f"Please decide about {text!r}:\n  {link}", flush=True)


def question(text: str, suspicion: float) -> Request:
    """What the moderator sees: the post as it is, two buttons with their effects, and what happens without an answer."""
    return Request(
        title="Publish this post?",
        context={"post": text, "suspicion": suspicion},
        decisions=[
            Decision(
                value="publish",
                label="Publish",
                effect="Everybody can read it at once.",
                output={"published": True},
            ),
            Decision(
                value="hold",
                label="Hold back",
                effect="Its author reads your comment.",
                output={"published": False},
                require=["comment"],
            ),
        ],
        on_timeout={"published": False, "comment": "no moderator looked at it within a day"},
    )


@task(id="moderation")
async def moderate(text: str) -> Outcome:
    score = await suspicion(text)
    if score < 0.5:
        return Outcome(published=True, comment="nothing suspicious")
    token = await wait.create_token(timeout="24h", tags=["moderation"], request=question(text, score))
    await tell_moderators(text, str(token.approval_url))
    return await wait.for_token(token, Outcome).unwrap()


async def main(text: str) -> None:
    run = await moderate.options(tags=["example"]).trigger(text)
    print(f"See it wait: {URL}/runs/{run.id}")
    outcome = await run.result()
    print("published" if outcome.published else "held back", outcome.comment)


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "Buy now!!!"))
