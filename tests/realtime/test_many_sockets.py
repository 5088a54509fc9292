"""Two thousand programs on one server process: everybody hears everything, soon, and it costs little."""

import asyncio
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.cast import headers_of
from tests.makers import TOKENS
from tests.realtime.crowds import Crowd
from tests.servers import RunningServer

NUMBER = 2000
EACH = 100  # as many as one public access token may open
MEMORY = 64 * 1024  # bytes of the server for one socket


@pytest.fixture(autouse=True)
def enough_files() -> Iterator[None]:
    """Two thousand sockets here and in the server, which inherits the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 3 * NUMBER)), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.slow
def test_two_thousand_sockets(enough_files: None, server: RunningServer) -> None:
    asyncio.run(_everybody_hears_everything(server))


async def _everybody_hears_everything(server: RunningServer) -> None:
    crowd = Crowd(server.url)
    async with httpx.AsyncClient(
        base_url=server.url, headers=headers_of(server.key), timeout=30, trust_env=False
    ) as ada:
        before = memory_of(server.pid)
        for _ in range(NUMBER // EACH):
            await crowd.gather(EACH, await _reader(ada), {"type": "subscribe"})
        await crowd.have_heard("ready", NUMBER)
        each = (memory_of(server.pid) - before) / NUMBER

        made, took = [], []
        for number in range(1, 4):
            begun = time.monotonic()
            made.append((await ada.post(TOKENS, json={})).json()["id"])
            await crowd.have_heard("event", number * NUMBER)
            took.append(time.monotonic() - begun)
    crowd.leave()

    assert all(made == [event["token"] for event in somebody.events] for somebody in crowd.people)
    assert min(took) < 3
    assert each < MEMORY


async def _reader(ada: httpx.AsyncClient) -> str:
    """A public access token that reads everything."""
    answer = await ada.post("/api/v1/auth/public-tokens", json={"scopes": ["read:waitpoints"]})
    return str(answer.json()["token"])


def memory_of(pid: int) -> int:
    """Bytes of a process that are in memory."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize()
