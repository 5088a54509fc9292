"""The tail: nothing missed, nothing twice, in order; whatever becomes of the doorbell and of those who listen."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import psycopg
import pytest

from app.database import Database, Unit
from app.events import Event, Tail, head, since
from app.events.tail import Listener
from app.events.watching import Watching
from tests.database.worlds import opened, say, until
from tests.databases import DatabaseMaker

pytestmark = pytest.mark.anyio


class Ear:
    """A listener that writes down what it is told."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.subjects: list[str] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.numbers += [event.seq for event in events]
        self.subjects += [event.subject for event in events]

    async def hears(self, subject: str, limit: float = 10.0) -> None:
        await until(lambda: subject in self.subjects, limit)


@pytest.fixture
async def tail(database: Database) -> AsyncIterator[Tail]:
    tail = Tail(database)
    tail.start()
    yield tail
    tail.stop()


async def test_a_listener_is_told_every_event_that_follows(database: Database, tail: Tail) -> None:
    """And none that came before it listened."""
    await database.write(say, "before")
    ear = Ear()
    await tail.listen(ear)

    for number in range(5):
        await database.write(say, f"number-{number}")

    await until(lambda: len(ear.subjects) == 5)
    assert [f"number-{number}" for number in range(5)] == ear.subjects


async def test_more_events_than_are_read_at_once_arrive_in_order(
    database: Database, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A listener that was away for long is given everything, piece by piece."""
    monkeypatch.setattr("app.events.tail._CHUNK", 7)
    ear = Ear()
    await tail.listen(ear)

    await asyncio.gather(*(database.write(say, f"number-{number}") for number in range(100)))

    await until(lambda: len(ear.numbers) == 100)
    assert list(range(1, 101)) == ear.numbers


async def test_a_listener_that_fails_harms_nobody(database: Database, tail: Tail) -> None:
    """Neither the others nor itself: it is told the next time, too."""
    ear, told = Ear(), []

    def fails(events: Sequence[Event]) -> None:
        told.append(len(events))
        raise ZeroDivisionError

    await tail.listen(fails)
    await tail.listen(ear)
    await database.write(say, "first")
    await until(lambda: ear.subjects == ["first"])
    await database.write(say, "second")

    await until(lambda: ear.subjects == ["first", "second"])
    assert [1, 1] == told


async def test_a_read_that_fails_does_not_end_the_tail(
    database: Database, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the tail goes on where it stopped."""
    monkeypatch.setattr("app.events.tail._RETRY", 0.05)
    ear = Ear()
    await tail.listen(ear)
    read, failures = database.read, [ZeroDivisionError(), RuntimeError()]

    async def reads_at_the_third_go(function: Callable[..., Any], *arguments: Any) -> Any:
        if function is since and failures:
            raise failures.pop()
        return await read(function, *arguments)

    monkeypatch.setattr(database, "read", reads_at_the_third_go)
    await database.write(say, "heard")

    await until(lambda: ear.subjects == ["heard"])


async def test_a_doorbell_that_was_lost_costs_time_and_nothing_else(
    database: Database, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody rings; the tail looks by itself."""
    monkeypatch.setattr("app.events.tail._PATIENCE", 0.1)
    database._listeners.clear()
    ear = Ear()
    await tail.listen(ear)
    await asyncio.sleep(0)
    tail._rung.set()  # so that the new patience is taken up

    await database.write(say, "unheard-of")

    await until(lambda: ear.subjects == ["unheard-of"])


async def test_whoever_has_left_is_told_nothing_more(database: Database, tail: Tail) -> None:
    """Not even when it is another listener that makes it leave, in the middle of the telling."""
    ears = [Ear(), Ear()]

    def makes_them_leave(_events: Sequence[Event]) -> None:
        for ear in ears:
            tail.leave(ear)

    stays = Ear()
    listeners: list[Listener] = [makes_them_leave, *ears, stays]
    for listener in listeners:
        await tail.listen(listener)
    await database.write(say, "first")
    await until(lambda: stays.subjects == ["first"])
    heard = [len(ear.subjects) for ear in ears]
    await database.write(say, "second")

    await until(lambda: stays.subjects == ["first", "second"])
    assert heard == [len(ear.subjects) for ear in ears]
    assert tail._listeners == {makes_them_leave, stays}


async def test_while_nobody_listens_nothing_is_read(
    database: Database, tail: Tail, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server without open pages pays nothing for the log."""
    ear = Ear()
    await tail.listen(ear)
    tail.leave(ear)
    reads: list[object] = []
    read = database.read

    def reads_and_notes(function: Callable[..., Any], *arguments: Any) -> Any:
        reads.append(function)
        return read(function, *arguments)

    monkeypatch.setattr(database, "read", reads_and_notes)

    await database.write(say, "unheard")
    await asyncio.sleep(0.05)

    assert since not in reads
    assert tail.position is None


async def test_somebody_who_comes_while_the_last_one_leaves_misses_nothing(database: Database, tail: Tail) -> None:
    """The position is given up and found again while a read is under way."""
    for round_ in range(50):
        leaving, coming = Ear(), Ear()
        await tail.listen(leaving)
        write = asyncio.ensure_future(database.write(say, f"between-{round_}"))
        await asyncio.sleep(random.Random(round_).random() * 0.002)
        tail.leave(leaving)
        await tail.listen(coming)
        after, _ = await database.read(head)
        await write
        await database.write(say, f"after-{round_}")

        await coming.hears(f"after-{round_}")
        assert coming.numbers == list(range(coming.numbers[0], coming.numbers[-1] + 1))
        assert coming.numbers[0] <= after + 1
        tail.leave(coming)


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_is_missed_and_nothing_comes_twice(
    database: Database, tail: Tail, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """Whatever writers and listeners do, and however often the doorbell is lost: each hears every number from its first on."""
    monkeypatch.setattr("app.events.tail._PATIENCE", 0.05)
    monkeypatch.setattr("app.events.tail._CHUNK", 5)
    dice = random.Random(seed)
    ring = database._listeners.pop()
    database.on_commit(lambda: ring() if dice.random() < 0.5 else None)
    tail._rung.set()
    stays: list[tuple[Ear, int]] = []
    done: list[tuple[Ear, int, int]] = []

    async def writes() -> None:
        for number in range(60):
            await database.write(say, f"number-{number}")
            await asyncio.sleep(dice.random() * 0.004)

    async def comes_and_goes() -> None:
        for _ in range(15):
            ear = Ear()
            await tail.listen(ear)
            first, _ = await database.read(head)
            await asyncio.sleep(dice.random() * 0.03)
            if dice.random() < 0.3:
                stays.append((ear, first))
            else:
                last = ear.numbers[-1] if ear.numbers else first
                tail.leave(ear)
                done.append((ear, first, last))

    await asyncio.gather(*(writes() for _ in range(2)), *(comes_and_goes() for _ in range(3)))
    end, _ = await database.read(head)
    await until(lambda: all(not ear.numbers or ear.numbers[-1] == end for ear, _ in stays))

    assert end == 120
    for ear, first, last in [*done, *((ear, first, end) for ear, first in stays)]:
        if ear.numbers:
            assert ear.numbers == list(range(ear.numbers[0], ear.numbers[-1] + 1))
            assert ear.numbers[0] <= first + 1
            assert ear.numbers[-1] >= last
        else:
            assert first >= last or (ear, first) not in stays


class TestBetweenProcesses:
    """PostgreSQL only: what one server writes, the tail of another tells."""

    @pytest.fixture
    async def others(self, make_database: DatabaseMaker) -> AsyncIterator[tuple[Database, Database, str]]:
        with make_database("postgresql") as url:
            async with opened(url) as mine, opened(url) as theirs:
                await until(lambda: _listening(url) == 2)
                yield mine, theirs, url

    @pytest.fixture
    async def ear(self, others: tuple[Database, Database, str]) -> AsyncIterator[Ear]:
        tail, ear = Tail(others[0]), Ear()
        tail.start()
        await tail.listen(ear)
        yield ear
        tail.stop()

    async def test_the_doorbell_is_heard_at_once(self, others: tuple[Database, Database, str], ear: Ear) -> None:
        """Long before anybody would look by themselves."""
        for number in range(5):
            await others[1].write(say, f"theirs-{number}")
            await ear.hears(f"theirs-{number}", 2)

    async def test_a_listener_whose_connection_was_cut_catches_up(
        self, others: tuple[Database, Database, str], ear: Ear
    ) -> None:
        """It connects again by itself, and hears what was said meanwhile."""
        _mine, theirs, url = others
        for number in range(3):
            _cut_doorbells(url)
            await theirs.write(say, f"theirs-{number}")
            await ear.hears(f"theirs-{number}", 4)
        await until(lambda: _listening(url) == 2, 4)

        await theirs.write(say, "last")
        await until(lambda: ear.subjects == ["theirs-0", "theirs-1", "theirs-2", "last"], 2)

    async def test_two_processes_at_once_are_heard_in_the_order_of_their_numbers(
        self, others: tuple[Database, Database, str], ear: Ear
    ) -> None:
        """Each number once, none left out."""
        both = others[:2]
        await asyncio.gather(*(both[number % 2].write(say, f"number-{number}") for number in range(200)))

        await until(lambda: len(ear.numbers) >= 200)
        assert list(range(1, 201)) == ear.numbers

    async def test_a_doorbell_that_cannot_be_rung_holds_up_no_write(
        self, others: tuple[Database, Database, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The one who rings has a thread and a connection of its own."""
        mine = others[0]
        await mine.write(say, "first")
        doorbell: Any = mine._doorbell
        monkeypatch.setattr(doorbell, "_connected", _hangs)
        _cut_doorbells(others[2])

        async with asyncio.timeout(1):
            for number in range(20):
                await mine.write(say, f"number-{number}")


def _hangs() -> psycopg.Connection:
    raise psycopg.OperationalError("nobody answers")


def _listening(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query IN ('LISTEN waitpoint', 'SELECT 1')"
        ).fetchone()
        return int(found[0]) if found else 0


def _cut_doorbells(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
            " AND query IN ('LISTEN waitpoint', 'NOTIFY waitpoint', 'SELECT 1')"
        )


class TestWatching:
    """Waiting for one subject."""

    async def test_only_what_is_watched_rings(self, database: Database, tail: Tail) -> None:
        """The bell of one subject stays silent when another is spoken of."""
        watching = Watching(tail)

        async with watching.subject("mine") as mine, watching.subject("yours") as yours:
            await database.write(say, "mine")
            await asyncio.wait_for(mine.wait(), 5)
            assert not yours.is_set()

    async def test_nobody_watching_means_nobody_listening(self, database: Database, tail: Tail) -> None:
        """However the watching ended."""
        watching = Watching(tail)

        with pytest.raises(ZeroDivisionError):
            async with watching.subject("mine"), watching.subject("mine"):
                raise ZeroDivisionError

        assert tail.position is None
        assert not watching._bells

    async def test_whoever_registers_and_then_looks_misses_no_change(self, database: Database, tail: Tail) -> None:
        """The change comes before the bell, before the look, or rings: there is no fourth possibility."""
        watching = Watching(tail)
        for number in range(30):
            subject = f"subject-{number}"
            change = asyncio.create_task(_later(database, subject, number * 0.0002))
            async with watching.subject(subject) as bell:
                if not await database.read(_was_said, subject):
                    await asyncio.wait_for(bell.wait(), 5)
                assert await database.read(_was_said, subject)
            await change


async def _later(database: Database, subject: str, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await database.write(say, subject)


def _was_said(db: Unit, subject: str) -> bool:
    return any(event.subject == subject for event in since(db, 0))
