"""Answers that meet the deadline: whoever was first, everybody is told the same, at every server and for good."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.clients import TOKENS, RawClient
from tests.databases import DatabaseMaker
from tests.fixtures import running
from tests.servers import RunningServer

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

TOKEN_COUNT = 100
BEFORE, AFTER = 0.2, 0.02  # seconds around the deadline in which an answer is sent
LEAST_OF_EACH = 5  # completed and timed out: fewer, and nothing was raced


@pytest.fixture(params=["sqlite", "postgresql"])
def servers(
    request: pytest.FixtureRequest, make_database: DatabaseMaker, tmp_path: Path
) -> Iterator[list[RunningServer]]:
    """One server on SQLite, two on PostgreSQL."""
    with ExitStack() as stack:
        url = stack.enter_context(make_database(request.param))
        count = 1 if request.param == "sqlite" else 2
        yield [stack.enter_context(running(RunningServer(url, tmp_path))) for _ in range(count)]


async def test_what_one_reader_saw_no_other_sees_undone(servers: list[RunningServer]) -> None:
    """Completions arrive around the deadline while readers ask server after server, each after the other's answer."""
    stories = await asyncio.gather(*(_story(servers, number) for number in range(TOKEN_COUNT)))

    outcomes = Counter(status for status, _, _ in stories)
    for final, seen, told in stories:
        assert [status for status in seen if status != "WAITING"] == [final] * (len(seen) - seen.count("WAITING"))
        assert sorted(seen, key=lambda status: status != "WAITING") == seen
        assert told == final
    assert min(outcomes["COMPLETED"], outcomes["TIMED_OUT"]) >= LEAST_OF_EACH, outcomes


async def _story(servers: list[RunningServer], number: int) -> tuple[str, list[str], str]:
    """What a token became, what a reader saw of it, and what the one who answered was told."""
    dice = random.Random(number)
    clients = [RawClient(server.url) for server in servers]
    answering = RawClient(servers[number % len(servers)].url)
    await asyncio.sleep(number * 0.03)  # not all at once: the race is with the deadline, not with the others
    made = await clients[0].post(TOKENS, {"timeout": "1s"})
    path = f"{TOKENS}/{made.json['id']}"
    deadline = datetime.fromisoformat((await clients[0].get(path)).json["timeoutAt"]).timestamp()

    answer = asyncio.create_task(_answer(answering, path, deadline + dice.uniform(-BEFORE, AFTER)))
    await _sleep_until(deadline - BEFORE)
    seen: list[str] = []
    while datetime.now(UTC).timestamp() < deadline + 0.2:
        seen += [(await client.get(path)).json["status"] for client in clients]
        await asyncio.sleep(dice.random() * 0.05)
    told = await answer
    await asyncio.sleep(0.7)  # the sweeper has come by
    final = (await clients[-1].get(path)).json["status"]
    for client in (*clients, answering):
        client.close()
    return final, seen, told


async def _answer(client: RawClient, path: str, moment: float) -> str:
    await _sleep_until(moment)
    done: dict[str, Any] = (await client.post(f"{path}/complete", {"data": "in time"})).json
    assert done["success"]
    return str(done["status"]) if done.get("alreadyCompleted") else "COMPLETED"


async def _sleep_until(moment: float) -> None:
    await asyncio.sleep(max(0.0, moment - datetime.now(UTC).timestamp()))
