"""A callback from a service that takes its time: Replicate, which posts to a webhook when a prediction is done.

The token's callback URL is the webhook. Whatever is posted there first is the answer; services repeat themselves,
and what comes again or too late changes nothing.

    python replicate_stand_in.py            a service for you to play with, on port 5055
    waitpoint worker replicate_webhook      or with REPLICATE_URL=https://api.replicate.com and REPLICATE_API_TOKEN
    python replicate_webhook.py "a red kite over the sea"
"""

import asyncio
import os
import sys

import httpx
from msgspec import Struct

from waitpoint import current_step, step, task, wait

REPLICATE = os.environ.get("REPLICATE_URL", "http://127.0.0.1:5055")
TOKEN = os.environ.get("REPLICATE_API_TOKEN", "r8_example")
VERSION = os.environ.get("REPLICATE_VERSION", "example")


class Prediction(Struct):
    """What Replicate posts, as far as it matters here."""

    id: str
    status: str
    output: list[str] | str | None = None
    error: str | None = None


@step(retries=3, backoff="1s")
async def start_prediction(prompt: str, webhook: str) -> str:
    """Gives the prediction's id. Tried again, it says by its key that it is the same request."""
    body = {
        "version": VERSION,
        "input": {"prompt": prompt},
        "webhook": webhook,
        "webhook_events_filter": ["completed"],
    }
    headers = {"Authorization": f"Bearer {TOKEN}", "Idempotency-Key": current_step().idempotency_key}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{REPLICATE}/v1/predictions", json=body, headers=headers)
        answer.raise_for_status()
        return str(answer.json()["id"])


@task(id="draw")
async def draw(prompt: str, patience: str = "10m") -> str:
    token = await wait.create_token(timeout=patience, tags=["replicate"])
    await start_prediction(prompt, token.url)
    result = await wait.for_token(token, Prediction)
    if not result.ok:
        return f"no picture within {patience}"
    prediction = result.output
    if prediction.status != "succeeded":
        return f"no picture: {prediction.error or prediction.status}"
    return prediction.output[0] if isinstance(prediction.output, list) else str(prediction.output)


async def main(prompt: str) -> None:
    print(await (await draw.trigger(prompt)).result())


if __name__ == "__main__":
    asyncio.run(main(" ".join(sys.argv[1:]) or "a red kite over the sea"))
