"""Reads: never an old snapshot, never a write, and a lost connection is nobody's business."""

import asyncio
import threading
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.database import Database, DatabaseUnavailable, Unit
from app.events import head, since
from tests.database.worlds import Gate, opened, say

pytestmark = pytest.mark.anyio


async def test_what_was_acknowledged_is_read(database: Database) -> None:
    """Whoever was answered, and asks, is shown it: by every reading thread, however old its connection is."""
    await asyncio.gather(*(database.read(head) for _ in range(50)))

    for number in range(50):
        await database.write(say, f"number-{number}")
        numbers = await asyncio.gather(*(database.read(head) for _ in range(8)))
        assert {number + 1} == {seq for seq, _ in numbers}


async def test_a_read_that_was_left_half_way_does_not_keep_its_snapshot(database: Database) -> None:
    """A function that takes one row of many, or raises in the middle, leaves no open statement behind."""
    for number in range(5):
        await database.write(say, f"number-{number}")

    def takes_one(db: Unit) -> int:
        return int(next(iter(db.execute(text("SELECT seq FROM events ORDER BY seq")))).seq)

    def fails_half_way(db: Unit) -> None:
        for _ in db.execute(text("SELECT seq FROM events")):
            raise ZeroDivisionError

    assert {1} == set(await asyncio.gather(*(database.read(takes_one) for _ in range(20))))
    await asyncio.gather(*(database.read(fails_half_way) for _ in range(20)), return_exceptions=True)
    await database.write(say, "after")

    assert {6} == {seq for seq, _ in await asyncio.gather(*(database.read(head) for _ in range(20)))}


async def test_a_connection_that_keeps_its_transaction_sees_an_old_world(database: Database) -> None:
    """The control: read in one transaction, as connections do by default, and yesterday is all there is."""
    connection = database._engines[1].connect().execution_options(isolation_level=_serial(database))
    try:
        if not database.is_postgresql:
            connection.exec_driver_sql("BEGIN")
        before = connection.execute(text("SELECT seq FROM log_head")).scalar_one()
        await database.write(say, "news")
        after = connection.execute(text("SELECT seq FROM log_head")).scalar_one()
    finally:
        connection.close()

    assert before == after
    assert before + 1 == (await database.read(head))[0]


def _serial(database: Database) -> Any:
    return "REPEATABLE READ" if database.is_postgresql else "AUTOCOMMIT"


async def test_a_read_cannot_write(database: Database) -> None:
    """A reading function that changes something is a mistake, and finds out at once."""
    with pytest.raises(DatabaseUnavailable):
        await database.read(lambda db: db.execute(text("UPDATE log_head SET seq = 99")))

    assert 0 == (await database.read(head))[0]


async def test_reads_run_beside_each_other_and_beside_writes(database: Database) -> None:
    """A slow write keeps nobody from reading; four slow reads keep each other from nothing."""
    writing, meeting = Gate(), threading.Barrier(4)
    write = asyncio.ensure_future(database.write(lambda _db: writing.pass_through()))
    await writing.reached()

    async with asyncio.timeout(60):
        await asyncio.gather(*(database.read(lambda _db: meeting.wait(50)) for _ in range(4)))

    writing.open()
    await write


async def test_a_reader_that_is_stuck_is_not_waited_for(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its callers are told so in time, and the server can stop."""
    monkeypatch.setattr("app.database.readers._LIMIT", 0.2)
    stuck = threading.Event()
    calls = [asyncio.ensure_future(database.read(lambda _db: stuck.wait(10))) for _ in range(6)]

    for call in calls:
        with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            await call
    stuck.set()
    assert 0 == (await database.read(head))[0]


async def test_a_statement_that_nobody_waits_for_is_ended(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it would take: whoever asks next is read to."""
    endless = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
    statement = text("SELECT pg_sleep(600)") if database.is_postgresql else endless
    monkeypatch.setattr("app.database.readers._LIMIT", 0.2)
    calls = [asyncio.ensure_future(database.read(lambda db: db.execute(statement).all())) for _ in range(6)]

    for call in calls:
        with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
            await call

    monkeypatch.setattr("app.database.readers._LIMIT", 30)
    assert 0 == (await database.read(head))[0]


async def test_a_server_stops_though_its_readers_hang(database_url: str) -> None:
    """A thread that waits for a database that is gone must not keep the process."""
    stuck = threading.Event()
    async with opened(database_url) as database:
        database._readers.stop(0)  # as `stop` does, without the seconds of patience
        other = Database(database_url, seal=database._writer._seal)
        await other.start()
        call = asyncio.ensure_future(other.read(lambda _db: stuck.wait(30)))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(15):
            await other.stop()
        assert all(thread.daemon for thread in other._readers._threads)
        stuck.set()
        await call


class TestLostConnections:
    """PostgreSQL only: connections end, and nobody who reads notices."""

    async def test_reads_go_on_without_a_word(self, postgresql_url: str) -> None:
        """Reading changes nothing, so it is done again on a fresh connection."""
        async with opened(postgresql_url) as database:
            await database.write(say, "first")
            for _ in range(10):
                await asyncio.gather(*(database.read(head) for _ in range(8)))
                end_sessions(postgresql_url)
                assert {1} == {seq for seq, _ in await asyncio.gather(*(database.read(head) for _ in range(8)))}

    async def test_writes_go_on_where_nothing_was_under_way(self, postgresql_url: str) -> None:
        """A connection that ended while nobody wrote, or before the commit was begun, cannot have stored anything."""
        async with opened(postgresql_url) as database:
            for number in range(5):
                await database.write(say, f"first-{number}")
                end_sessions(postgresql_url)
                await database.write(say, f"second-{number}")
            subjects = [event.subject for event in await database.read(since, 0)]

        assert [f"{which}-{number}" for number in range(5) for which in ("first", "second")] == subjects

    async def test_a_batch_that_was_cut_off_is_stored_once_or_refused(self, postgresql_url: str) -> None:
        """Whatever the callers are told, it is the truth; and the next write is stored."""
        async with opened(postgresql_url) as database:
            await database.write(say, "before")
            for number in range(5):
                gate = Gate()
                calls = [
                    asyncio.ensure_future(database.write(_says_slowly, f"cut-off-{number}", gate)),
                    asyncio.ensure_future(database.write(say, f"neighbour-{number}")),
                ]
                await gate.reached()
                end_sessions(postgresql_url)
                gate.open()
                results = await asyncio.gather(*calls, return_exceptions=True)
                await database.write(say, f"after-{number}")

                stored = [event.subject for event in await database.read(since, 0)]
                for name, result in zip((f"cut-off-{number}", f"neighbour-{number}"), results, strict=True):
                    assert stored.count(name) == (0 if isinstance(result, DatabaseUnavailable) else 1)
                assert f"after-{number}" in stored

    async def test_a_commit_that_was_cut_off_is_refused(self, postgresql_url: str) -> None:
        """Whether it was stored cannot be known from here, so it is not claimed, and not tried again either."""
        async with opened(postgresql_url) as database:
            await database.write(say, "before")
            gate, seal = Gate(), database._writer._seal

            def sealing(connection: Any, records: Any) -> Any:
                number = seal(connection, records)
                if records[0].subject == "cut-off":
                    gate.pass_through()
                return number

            database._writer._seal = sealing
            call = asyncio.ensure_future(database.write(say, "cut-off"))
            await gate.reached()
            end_sessions(postgresql_url)
            gate.open()
            with pytest.raises(DatabaseUnavailable):
                await call
            await database.write(say, "after")
            assert ["before", "after"] == [event.subject for event in await database.read(since, 0)]


def _says_slowly(db: Unit, subject: str, gate: Gate) -> None:
    say(db, subject)
    gate.pass_through()
    db.execute(text("SELECT 1"))


def end_sessions(url: str) -> None:
    """As an administrator ends them, or a restart."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
