"""Timing out: never early, hardly late, each token once, and nobody has to wait for a bad neighbour."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from app.database import Database, Unit
from app.events import since
from app.tokens import lifecycle
from app.tokens.lifecycle import NO_RULES, NewToken, Rules
from app.tokens.models import By, Token
from app.tokens.search import time_left
from app.tokens.sweeper import sweep_for_ever
from tests.database.worlds import ADA, HandClock, create, environment_in, opened

pytestmark = pytest.mark.anyio

LATE = timedelta(seconds=1)


@asynccontextmanager
async def sweeping(*databases: Database, rules: Rules = NO_RULES) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(sweep_for_ever(database, rules)) for database in databases]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()


async def timed_out(database: Database) -> list[Any]:
    """The events of tokens that timed out, in the order in which they were written."""
    return [event for event in await database.read(since, 0, 100_000) if event.kind == "token.timed_out"]


async def all_timed_out(database: Database, count: int, limit: float = 60) -> list[Any]:
    async with asyncio.timeout(limit):
        while len(found := await timed_out(database)) < count:  # noqa: ASYNC110 - the log is asked, not told
            await asyncio.sleep(0.05)
    return found


async def test_tokens_time_out_at_their_deadline_and_not_before(database: Database, environment_id: str) -> None:
    """Short and long ones, made while the sweeper sleeps: none early, none more than a second late."""
    async with sweeping(database):
        deadlines = {}
        for number in range(30):
            token = (await create(database, environment_id, timeout=timedelta(milliseconds=50 + 67 * number))).token
            deadlines[token.id] = token.timeout_at
        events = await all_timed_out(database, 30)

    lateness = [event.at - deadlines[event.subject] for event in events]
    assert 30 == len({event.subject for event in events})
    assert min(lateness) >= timedelta(0)
    assert max(lateness) <= LATE


async def test_an_earlier_deadline_than_the_one_slept_for_is_met(database: Database, environment_id: str) -> None:
    """The sweeper does not oversleep a token that was made after it lay down."""
    async with sweeping(database):
        await create(database, environment_id, timeout=timedelta(hours=1))
        await asyncio.sleep(0.2)
        token = (await create(database, environment_id, timeout=timedelta(milliseconds=300))).token
        (event,) = await all_timed_out(database, 1)

    assert event.subject == token.id
    assert timedelta(0) <= event.at - (token.timeout_at or event.at) <= LATE


async def test_what_became_due_while_nothing_ran_is_caught_up_in_the_order_of_the_deadlines(database_url: str) -> None:
    """After a restart the longest overdue comes first, and each comes once."""
    async with opened(database_url) as database:
        environment_id = await environment_in(database)
        tokens = [
            (await create(database, environment_id, timeout=timedelta(milliseconds=1 + (number * 37) % 200))).token
            for number in range(200)
        ]
    await asyncio.sleep(0.25)

    async with opened(database_url) as database, sweeping(database):
        events = await all_timed_out(database, 200)

    deadlines = {token.id: token.timeout_at for token in tokens}
    caught_up = [deadlines[event.subject] for event in events]
    assert sorted(caught_up, key=lambda deadline: deadline or environment_id) == caught_up
    assert 200 == len({event.subject for event in events})


@pytest.mark.slow
async def test_ten_thousand_at_once_time_out_once_each(sqlite_url: str, clock: HandClock) -> None:
    """Others get their turn meanwhile: a write waits for one piece of the work, not for all of it."""
    async with opened(sqlite_url, clock) as database:
        environment_id = await environment_in(database)
        await database.write(_make_many, environment_id, 10_000)
        clock.move(minutes=2)
        async with sweeping(database):
            slowest = 0.0
            async with asyncio.timeout(90):
                while (left := await database.read(time_left)) is not None and left <= timedelta(0):
                    begun = asyncio.get_running_loop().time()
                    await create(database, environment_id)
                    slowest = max(slowest, asyncio.get_running_loop().time() - begun)
            events = await timed_out(database)

    assert 10_000 == len(events)
    assert 10_000 == len({event.subject for event in events})
    assert slowest < 2


def _make_many(db: Unit, environment_id: str, count: int) -> None:
    new = NewToken(timeout=timedelta(minutes=1))
    for _ in range(count):
        lifecycle.create(db, environment_id, new, ADA)


async def test_two_processes_share_the_work(postgresql_url: str) -> None:
    """Five hundred due at once under two sweepers: each token times out once."""
    async with opened(postgresql_url) as first, opened(postgresql_url) as second:
        environment_id = await environment_in(first)
        await asyncio.gather(*(create(first, environment_id, timeout=timedelta(milliseconds=300)) for _ in range(500)))
        async with sweeping(first, second):
            events = await all_timed_out(first, 500)
            await asyncio.sleep(0.2)

        assert 500 == len({event.subject for event in events}) == len(await timed_out(second))


async def test_a_server_whose_clock_is_wrong_sweeps_in_time(postgresql_url: str) -> None:
    """On PostgreSQL its clock decides when a token is due, so it also decides when the sweeper wakes."""
    an_hour_slow = HandClock()
    async with opened(postgresql_url, an_hour_slow) as database:
        environment_id = await environment_in(database)
        token = (await create(database, environment_id, timeout=timedelta(milliseconds=700))).token
        async with sweeping(database):
            (event,) = await all_timed_out(database, 1)

    assert timedelta(0) <= event.at - (token.timeout_at or event.at) <= LATE


async def test_a_token_that_cannot_be_settled_keeps_no_other_waiting(
    database: Database, environment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A follower that fails for one token fails for that one."""
    monkeypatch.setattr("app.tokens.sweeper._RETRY", 0.05)
    tokens = [(await create(database, environment_id, timeout=timedelta(milliseconds=5))).token for _ in range(10)]
    poisoned = {tokens[0].id}

    async with sweeping(database, rules=Rules(on_settled=(_failing_for(poisoned),))):
        events = await all_timed_out(database, 9)
        assert {token.id for token in tokens[1:]} == {event.subject for event in events}

        poisoned.clear()
        assert 10 == len(await all_timed_out(database, 10))


def _failing_for(poisoned: set[str]) -> Callable[[Unit, Token, By], None]:
    def follow(_db: Unit, token: Token, _by: By) -> None:
        if token.id in poisoned:
            raise ZeroDivisionError

    return follow


async def test_a_sweeper_with_nothing_to_do_hardly_works(
    database: Database, environment_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It asks twice a second, writes nothing, and does not spin on a token that somebody else holds."""
    writes: list[object] = []
    write = database.write

    def counted(function: Callable[..., Any], *arguments: Any, key: str = "") -> Any:
        writes.append(function)
        return write(function, *arguments, key=key)

    monkeypatch.setattr(database, "write", counted)
    async with sweeping(database):
        await asyncio.sleep(1.2)

    assert not writes
