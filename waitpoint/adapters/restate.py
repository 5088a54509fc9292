"""Restate owns the run, Waitpoint the question.

The run waits on an awakeable of Restate, so Restate suspends it and nothing is held. A bridge, one process for all
runs, hears of every answer and resolves the awakeable that belongs to it::

    python -m waitpoint.adapters.restate --ingress http://127.0.0.1:8080 --place bridge.json

Both sides may be away at any time. The bridge notes how far it has come after each delivery; what it delivers twice
has no effect, for an awakeable is resolved once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, Unpack, overload

import httpx
import msgspec

from waitpoint import wait
from waitpoint._calls import CreateOptions
from waitpoint._errors import TokenNotFound
from waitpoint._settings import Settings, settings
from waitpoint._values import Token
from waitpoint.adapters._questions import Question, make

if TYPE_CHECKING:
    import restate

T = TypeVar("T")

TAG = "restate"
LONGEST_PAUSE = 5.0  # seconds between two tries

_SETTLED = {"token.completed", "token.timed_out", "token.cancelled"}

log = logging.getLogger("waitpoint")


@overload
async def ask(ctx: restate.Context, output_type: type[T], **options: Unpack[CreateOptions]) -> Question[T]: ...


@overload
async def ask(ctx: restate.Context, output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]: ...


async def ask(ctx: restate.Context, output_type: Any = None, **options: Unpack[CreateOptions]) -> Question[Any]:
    """Make a token from within a handler. Tell somebody of its `id`, then await what this gives."""
    awakeable, answered = ctx.awakeable(type_hint=dict)

    async def create() -> dict[str, str]:
        return await make(awakeable, TAG, **options)

    async def settled() -> Token:
        return msgspec.convert(await answered, Token)

    return Question(await ctx.run_typed("create a token", create), output_type, settled)


async def bridge(ingress: str, place: Path) -> None:
    """Tell Restate of every answer, for ever. `place` is a file that says how far the bridge has come."""
    where = settings()
    async with httpx.AsyncClient(base_url=ingress, timeout=30) as client:
        pause = 0.2
        while True:
            try:
                async for number, token_id in _settlements(where, _read(place)):
                    await _deliver(client, token_id)
                    _note(place, number)
                    pause = 0.2
            except Exception as problem:  # noqa: BLE001 (whatever it is, what was not delivered is delivered later)
                log.warning("The bridge to Restate begins anew: %s", problem)
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 (nobody gains by guessing it)
            pause = min(LONGEST_PAUSE, pause * 2)


async def _settlements(where: Settings, since: int) -> AsyncIterator[tuple[int, str]]:
    """The numbers and tokens of what was settled behind number `since`, until the line breaks."""
    from websockets.asyncio.client import connect  # noqa: PLC0415 (only the bridge needs it)

    url = f"{where.websocket_url}/api/v1/realtime?since={since}"
    async with connect(url, additional_headers={"authorization": f"Bearer {where.key}"}) as socket:
        await socket.send(json.dumps({"type": "subscribe", "tags": [TAG]}))
        async for text in socket:
            message = json.loads(text)
            if message["type"] == "reload":  # another database: what it knows is all new
                async for each in _settlements(where, 0):
                    yield each
                return
            if message["type"] == "event" and message["kind"] in _SETTLED:
                yield message["seq"], message["token"]


async def _deliver(client: httpx.AsyncClient, token_id: str) -> None:
    try:
        token = await wait.retrieve_token(token_id)
    except TokenNotFound:
        return
    body = msgspec.json.encode(token)
    path = f"/restate/awakeables/{token.idempotency_key}/resolve"
    answer = await client.post(path, content=body, headers={"content-type": "application/json"})
    if answer.status_code in {400, 404}:
        log.warning("Restate has no awakeable for %s: %s", token_id, answer.text)
        return
    answer.raise_for_status()


def _read(place: Path) -> int:
    return int(json.loads(place.read_text())["seq"]) if place.exists() else 0


def _note(place: Path, number: int) -> None:
    """Whole or not at all. After a power cut it may be an older number, which costs a few deliveries and no answer."""
    unfinished = place.with_name(f"{place.name}.{os.getpid()}")
    unfinished.write_text(json.dumps({"seq": number}))
    unfinished.replace(place)


def main() -> None:
    parser = argparse.ArgumentParser(
        "python -m waitpoint.adapters.restate", description="Tell Restate of every answer."
    )
    parser.add_argument("--ingress", default="http://127.0.0.1:8080", help="where Restate takes calls")
    parser.add_argument(
        "--place", type=Path, default=Path("waitpoint-restate.json"), help="where to note how far it is"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    asyncio.run(bridge(options.ingress, options.place))


if __name__ == "__main__":
    main()
