"""A job that somebody else does, and sometimes does not: given up on after a while, and begun again.

waitpoint worker third_party_job
python third_party_job.py film.mov
"""

import asyncio
import os
import sys

import httpx
from msgspec import Struct

from waitpoint import current_step, step, task, wait

TRANSCODER = os.environ.get("TRANSCODER_URL", "http://127.0.0.1:5056")


class Transcoded(Struct):
    """What the transcoder posts to the callback URL."""

    url: str


class GaveUp(Exception):
    """No attempt was answered in time."""


@step(retries=2, backoff=0.2, time_limit="10s")
async def submit(file: str, callback: str) -> str:
    """Hand the job over. A refusal is tried again after a pause; the key tells the service that it is the same."""
    body = {"file": file, "callback": callback, "key": current_step().idempotency_key}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{TRANSCODER}/jobs", json=body)
        answer.raise_for_status()
        return str(answer.json()["job"])


@step
async def withdraw(job: str) -> None:
    """Tell the service that nobody waits for this job any more."""
    async with httpx.AsyncClient() as client:
        await client.delete(f"{TRANSCODER}/jobs/{job}")


@task(id="transcode")
async def transcode(file: str, patience: str = "1h", attempts: int = 3, pause: str = "5m") -> str:
    for attempt in range(1, attempts + 1):
        token = await wait.create_token(timeout=patience, tags=["transcoder", f"attempt:{attempt}"])
        job = await submit(file, token.url)
        result = await wait.for_token(token, Transcoded)
        if result.ok:
            return result.output.url
        await withdraw(job)
        if attempt < attempts:
            await wait.sleep(pause)
    raise GaveUp(f"{file} was not transcoded in {attempts} attempts of {patience}")


async def main(file: str) -> None:
    print(await (await transcode.trigger(file)).result())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "film.mov"))
