"""Many want to end the same token at the same moment: one does, and everybody else is told the truth."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cast import ADAS_KEY
from tests.databases import DatabaseMaker
from tests.fixtures import KINDS, running
from tests.makers import TOKENS, unique
from tests.servers import RunningServer

MANY = 1_000  # tokens
COMPLETERS = 16
AT_ONCE = 4  # tokens
CONNECTIONS = AT_ONCE * COMPLETERS
COMPLETER_KINDS = ("complete", "callback", "public", "cancel")


@pytest.fixture(scope="module", params=KINDS)
def servers(
    request: pytest.FixtureRequest, make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[RunningServer]]:
    """Real processes: one on SQLite, two beside each other on PostgreSQL. Links of both are good at both."""
    number = 2 if request.param == "postgresql" else 1
    with make_database(request.param) as url, ExitStack() as stack:
        folder = tmp_path_factory.mktemp("racing-servers")
        yield [stack.enter_context(running(RunningServer(url, folder))) for _ in range(number)]


@pytest.mark.slow
def test_of_sixteen_who_contradict_each_other_one_ends_the_token(servers: list[RunningServer]) -> None:
    """1,000 tokens × 16: exactly 1,000 winners; every loser hears the winner's status and instant."""
    races = asyncio.run(run_races(servers, MANY))

    assert MANY == len(races) == sum(len(race.winners) for race in races)
    wrong = [race for race in races if not race.is_told_truly]
    assert [] == wrong[:3]
    # The guard of this test: all kinds of completers must have won now and then, or nothing was raced.
    assert set(COMPLETER_KINDS) == {race.winners[0].kind for race in races}


@pytest.mark.parametrize("scope", ["idempotency key", "request"])
def test_of_32_first_uses_one_makes_the_token(servers: list[RunningServer], scope: str) -> None:
    """One token; exactly one caller hears that it is new (and of a repeated request all hear the same)."""
    for _ in range(10):
        key = unique("key-")
        answers = asyncio.run(create_at_once(servers, key, 32, as_request=scope == "request"))

        assert [200] * 32 == [status for status, _ in answers]
        assert 1 == len({body["id"] for _, body in answers})
        news = sum(not body["isCached"] for _, body in answers)
        assert news == (32 if scope == "request" else 1)


def test_an_expired_key_moves_to_one_new_token(servers: list[RunningServer]) -> None:
    """32 who use a key again after its time make one token, not 32, and no error."""
    key = unique("key-")
    (first,) = asyncio.run(create_at_once(servers, key, 1, idempotencyKeyTTL="1s"))

    asyncio.run(asyncio.sleep(1.1))
    answers = asyncio.run(create_at_once(servers, key, 32))

    assert [200] * 32 == [status for status, _ in answers]
    assert 1 == len({body["id"] for _, body in answers})
    assert first[1]["id"] != answers[0][1]["id"]
    assert 1 == sum(not body["isCached"] for _, body in answers)


@dataclass
class Attempt:
    """One who wants to end a token, and what they were told."""

    kind: str
    value: Any
    path: str
    body: bytes
    headers: dict[str, str]
    status: int = 0
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def has_won(self) -> bool:
        return self.told == {"success": True}


@dataclass
class Race:
    """All who wanted to end one token, and how it ended."""

    attempts: list[Attempt]
    final: dict[str, Any] = field(default_factory=dict)

    @property
    def winners(self) -> list[Attempt]:
        return [attempt for attempt in self.attempts if attempt.has_won]

    @property
    def is_told_truly(self) -> bool:
        (winner,) = self.winners
        if winner.kind == "cancel":
            ended_so = self.final["status"] == "TIMED_OUT" and self.final["cancelReason"] == winner.value
        else:
            ended_so = self.final["status"] == "COMPLETED" and json.loads(self.final["output"]) == winner.value
        return ended_so and all(self._is_true(loser) for loser in self.attempts if not loser.has_won)

    def _is_true(self, loser: Attempt) -> bool:
        ended = (self.final["status"], self.final["completedAt"])
        if loser.status == 409:
            return (loser.told["tokenStatus"], loser.told["completedAt"]) == ended
        told = {"success": True, "alreadyCompleted": True, "status": ended[0], "completedAt": ended[1]}
        return loser.status == 200 and loser.told == told


async def run_races(servers: list[RunningServer], number: int) -> list[Race]:
    """Race for `number` tokens, a few at a time."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with connections(servers, CONNECTIONS) as pool:

        async def one(index: int) -> Race:
            async with gate:
                return await run_race(pool, index)

        return list(await asyncio.gather(*(one(index) for index in range(number))))


async def run_race(pool: "Pool", index: int) -> Race:
    _, token = await pool.ask("POST", TOKENS, b'{"tags":["race"]}', key())
    race = Race(attempts_on(token, index))

    async def attempt(one: Attempt) -> None:
        one.status, one.told = await pool.ask("POST", one.path, one.body, one.headers)

    first, *others = race.attempts
    leading = asyncio.create_task(attempt(first))
    if has_head_start(index):
        await pool.ask("GET", "/healthz", b"", {})  # the server has read the first by now, and not yet answered it
    await asyncio.gather(leading, *map(attempt, others))
    _, race.final = await pool.ask("GET", f"{TOKENS}/{token['id']}", b"", key())
    return race


def attempts_on(token: dict[str, Any], index: int) -> list[Attempt]:
    """Six with the key (one asks to be told of a conflict), four callbacks, three forms, three cancellations."""
    path = f"{TOKENS}/{token['id']}"
    public = {"authorization": f"Bearer {token['publicAccessToken']}"}
    attempts = []
    for number in range(COMPLETERS):
        value: Any = {"by": number, "of": index}
        if number < 6:
            headers = key() | ({"x-waitpoint-if-waiting": "true"} if number == 0 else {})
            attempts.append(
                Attempt("complete", value, f"{path}/complete", json.dumps({"data": value}).encode(), headers)
            )
        elif number < 10:
            attempts.append(Attempt("callback", value, urlsplit(token["url"]).path, json.dumps(value).encode(), {}))
        elif number < 13:
            attempts.append(Attempt("public", value, f"{path}/complete", json.dumps({"data": value}).encode(), public))
        else:
            reason = f"by {number}"
            attempts.append(Attempt("cancel", reason, f"{path}/cancel", json.dumps({"reason": reason}).encode(), key()))
    random.Random(index).shuffle(attempts)
    if has_head_start(index):
        kind = COMPLETER_KINDS[index // 4 % len(COMPLETER_KINDS)]
        attempts.sort(key=lambda attempt: attempt.kind != kind)
    return attempts


def has_head_start(index: int) -> bool:
    """In every fourth race one kind after the other goes first: by chance alone the slower ways in hardly ever win."""
    return index % 4 == 0


async def create_at_once(
    servers: list[RunningServer], name: str, number: int, *, as_request: bool = False, **options: str
) -> list[tuple[int, dict[str, Any]]]:
    """So many creates with one key, all sent before the first is answered."""
    body = options if as_request else {"idempotencyKey": name, **options}
    headers = key() | ({"x-trigger-request-idempotency-key": name} if as_request else {})
    async with connections(servers, number) as pool:
        return list(
            await asyncio.gather(*(pool.ask("POST", TOKENS, json.dumps(body).encode(), headers) for _ in range(number)))
        )


def key() -> dict[str, str]:
    return {"authorization": f"Bearer {ADAS_KEY}"}


class Pool:
    """Kept-alive connections to all servers in turn. A client library would be slower than the server."""

    def __init__(self, free: "asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]") -> None:
        self._free = free

    async def ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
        reader, writer = await self._free.get()
        lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        answer = json.loads(await reader.readexactly(length))
        self._free.put_nowait((reader, writer))
        return int(head.split()[1]), answer


@asynccontextmanager
async def connections(servers: list[RunningServer], number: int) -> AsyncIterator[Pool]:
    """A pool of open connections."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    opened = [await asyncio.open_connection("127.0.0.1", servers[index % len(servers)].port) for index in range(number)]
    for connection in opened:
        free.put_nowait(connection)
    try:
        yield Pool(free)
    finally:
        for _, writer in opened:
            writer.close()
        await asyncio.gather(*(writer.wait_closed() for _, writer in opened), return_exceptions=True)
