"""The one thread that writes: it groups, it keeps order, it answers everybody, and it does not die."""

import asyncio
import errno
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Any, Self

import pytest
from sqlalchemy import Connection

from app.database import Database, DatabaseUnavailable, Record, Unit
from app.database.writer import Writer
from app.events import append, head, since
from tests.database.worlds import Gate, create, opened, say, until

pytestmark = pytest.mark.anyio


async def test_calls_that_wait_together_share_one_commit(database: Database) -> None:
    """Group commit: a hundred callers pay for one fsync, not for a hundred."""
    async with held(database) as gate:
        before = database._writer.batches
        calls = [database.write(say, f"call-{number}") for number in range(100)]
        gate.open()
        await asyncio.gather(*calls)

    assert database._writer.batches - before == 2  # the one that was held, and the hundred
    assert await committed_subjects(database) >= {f"call-{number}" for number in range(100)}


async def test_every_caller_is_given_its_own_result(database: Database) -> None:
    """In one batch or in a hundred, replayed or not, nobody is given somebody else's answer."""
    async with held(database) as gate:
        calls = [database.write(_fails_for_seven, number) for number in range(50)]
        gate.open()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert [number for number in range(50) if number != 7] == [result for result in results if isinstance(result, int)]
    assert isinstance(results[7], ZeroDivisionError)


def _fails_for_seven(db: Unit, number: int) -> int:
    db.record("test.numbered", f"number-{number}")
    if number == 7:
        raise ZeroDivisionError
    return number


async def test_a_function_that_raises_fails_alone(database: Database) -> None:
    """Its neighbours in the batch are committed, once each; of itself nothing is left."""
    async with held(database) as gate:
        calls = [database.write(_fails_for_seven, number) for number in range(20)]
        gate.open()
        await asyncio.gather(*calls, return_exceptions=True)

    subjects = [event.subject for event in await database.read(since, 0) if event.kind == "test.numbered"]
    assert sorted(f"number-{number}" for number in range(20) if number != 7) == sorted(subjects)


async def test_without_the_replay_one_failure_would_undo_its_neighbours(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control of the claim above: a writer that gives the whole batch its first exception loses nineteen writes."""

    def without_replay(self: Writer, jobs: list[Any]) -> None:
        failure = self._attempt(jobs)
        for job in jobs if failure else ():
            job.loop.call_soon_threadsafe(job.future.set_exception, failure)

    async with held(database) as gate:
        monkeypatch.setattr(Writer, "_write", without_replay)
        calls = [database.write(_fails_for_seven, number) for number in range(20)]
        gate.open()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(result, ZeroDivisionError) for result in results)


async def test_functions_run_again_when_a_neighbour_fails(database: Database) -> None:
    """Replay is why every function must be safe to run twice: what it did the first time was rolled back."""
    runs = {"good": 0, "bad": 0}

    def good(db: Unit) -> int:
        runs["good"] += 1
        db.record("test.said", "good")
        return runs["good"]

    def bad(db: Unit) -> None:
        runs["bad"] += 1
        raise ZeroDivisionError

    async with held(database) as gate:
        first, second = database.write(good), database.write(bad)
        gate.open()
        with pytest.raises(ZeroDivisionError):
            await second

    assert await first == 2
    assert [event.subject for event in await database.read(since, 0)].count("good") == 1


async def test_a_batch_runs_in_the_order_of_its_keys_and_otherwise_as_it_came(database: Database) -> None:
    """Two processes that lock in the same order cannot wait for each other."""
    order: list[str] = []

    async with held(database) as gate:
        calls = [
            database.write(lambda _db, name=name: order.append(name), key=key)
            for name, key in [("b1", "b"), ("a1", "a"), ("b2", "b"), ("none", ""), ("a2", "a")]
        ]
        gate.open()
        await asyncio.gather(*calls)

    assert ["none", "a1", "a2", "b1", "b2"] == order


async def test_a_caller_is_answered_only_after_the_commit(database_url: str) -> None:
    """While the commit is on its way to the disk, nobody is told that it is there."""
    at_the_commit = Gate()

    def seal(connection: Connection, records: Sequence[Record]) -> int | None:
        number = append(connection, records)
        if records[0].subject == "held":
            at_the_commit.pass_through()
        return number

    database = Database(database_url, seal=seal)
    await database.start()
    try:
        call = asyncio.ensure_future(database.write(say, "held"))
        await at_the_commit.reached()
        await asyncio.sleep(0.05)
        assert not call.done()
        assert "held" not in await committed_subjects(database)

        at_the_commit.open()
        await call
        assert "held" in await committed_subjects(database)
    finally:
        at_the_commit.open()
        await database.stop()


async def test_a_caller_that_has_gone_costs_nothing(database: Database) -> None:
    """Who closed the connection while waiting in the queue does not get its write any more."""
    async with held(database) as gate:
        gone = asyncio.ensure_future(database.write(say, "gone"))
        stays = database.write(say, "stays")
        gone.cancel()
        gate.open()
        await stays

    assert gone.cancelled()
    assert await committed_subjects(database) & {"gone", "stays"} == {"stays"}


async def test_a_caller_that_goes_during_the_commit_harms_nobody(database: Database) -> None:
    """Its write is stored, as it was under way; its neighbours are answered."""
    inside = Gate()

    def slow(db: Unit) -> None:
        say(db, "slow")
        inside.pass_through()

    call = asyncio.ensure_future(database.write(slow))
    await inside.reached()
    call.cancel()
    inside.open()

    assert "after" == await database.write(say, "after")
    assert "slow" in await committed_subjects(database)


async def test_a_full_queue_says_so_at_once(database: Database) -> None:
    """Beyond the bound a caller is refused rather than kept waiting; what was accepted is done."""
    database._writer._capacity = 5

    async with held(database) as gate:
        accepted = [database.write(say, f"accepted-{number}") for number in range(5)]
        with pytest.raises(DatabaseUnavailable, match="too many writes are waiting"):
            database.write(say, "one-too-many")
        gate.open()
        await asyncio.gather(*accepted)

    assert {f"accepted-{number}" for number in range(5)} <= await committed_subjects(database)
    assert await database.write(say, "room-again") == "room-again"


async def test_a_writer_that_is_stuck_still_answers_its_callers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk or a lock that hangs hangs one thread, not the people who wait; and the server says it is not ready."""
    monkeypatch.setattr("app.database.database._ANSWER_LIMIT", 0.3)
    async with held(database) as gate:
        running, queued = gate.call, database.write(say, "queued")

        for call in (running, queued):
            with pytest.raises(DatabaseUnavailable, match="did not answer in time"):
                await asyncio.wait_for(asyncio.shield(call), 2)
        assert database.failure is not None

        gate.open()
        await until(lambda: database.failure is None)
    assert "queued" not in await committed_subjects(database)  # its caller was told so, and may have asked again


async def test_stopping_finishes_what_was_accepted(database_url: str) -> None:
    """Whoever was let in is answered with the truth; whoever comes later is sent away."""
    async with opened(database_url) as database:
        async with held(database) as gate:
            accepted = [database.write(say, f"accepted-{number}") for number in range(300)]
            stopping = asyncio.create_task(database.stop())
            await asyncio.sleep(0.05)
            with pytest.raises(DatabaseUnavailable, match="stopping"):
                database.write(say, "late")
            gate.open()
        await stopping
        assert [f"accepted-{number}" for number in range(300)] == await asyncio.gather(*accepted)

    async with opened(database_url) as database:
        assert {f"accepted-{number}" for number in range(300)} <= await committed_subjects(database)


async def test_stopping_leaves_nobody_waiting_for_a_writer_that_is_stuck(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose disk hangs can still be told to stop."""
    monkeypatch.setattr("app.database.database._STOP_LIMIT", 0.2)
    async with opened(database_url) as database, held(database) as gate:
        queued = database.write(say, "queued")
        await asyncio.wait_for(database.stop(), 3)
        with pytest.raises(DatabaseUnavailable):
            await asyncio.wait_for(queued, 1)
        gate.open()


async def test_a_loop_that_closed_does_not_stop_the_writer(database: Database) -> None:
    """A caller may be a thread with a loop of its own, and that loop may be gone when its answer comes."""
    async with held(database) as gate:

        def ask_and_leave() -> None:
            async def ask() -> None:
                database.write(say, "from-a-loop-that-closed")

            asyncio.run(ask())

        await asyncio.to_thread(ask_and_leave)
        gate.open()

    assert await database.write(say, "next") == "next"
    assert "from-a-loop-that-closed" in await committed_subjects(database)


async def test_a_function_that_raises_stop_iteration_is_answered(database: Database) -> None:
    """Futures refuse to carry this one exception; the caller must not wait for ever because of it."""

    def empty(_db: Unit) -> object:
        return next(iter(()))

    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(database.write(empty), 2)
    with pytest.raises(RuntimeError, match="StopIteration"):
        await asyncio.wait_for(database.read(empty), 2)


async def test_an_exception_is_not_shared_between_callers(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """One exception raised in many places would grow with each of them."""
    async with held(database) as gate:
        monkeypatch.setattr(database._writer, "_seal", _lost)
        calls = [database.write(say, f"call-{number}") for number in range(3)]
        gate.open()
        failures = await asyncio.gather(*calls, return_exceptions=True)

    assert all(isinstance(failure, DatabaseUnavailable) for failure in failures)
    assert 3 == len({id(failure) for failure in failures})


def _lost(_connection: Connection, _records: Sequence[Record]) -> int | None:
    raise DatabaseUnavailable("the database cannot be reached")


async def test_reading_in_turn_goes_on_when_writing_does_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A read that must come behind all writes is answered, even when it shares its batch with writes that fail."""
    async with held(database) as gate:
        monkeypatch.setattr(database._writer, "_seal", _lost)
        failing = [database.write(say, "failing") for _ in range(3)]
        reading = database.read_in_turn(head)
        gate.open()
        failures = await asyncio.gather(*failing, return_exceptions=True)
        number, _ = await reading

    assert all(isinstance(failure, DatabaseUnavailable) for failure in failures)
    assert isinstance(number, int)


async def test_only_a_write_that_was_stored_proves_that_writing_works(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a full disk a transaction that changes nothing commits well; readiness must not be fooled by it."""
    monkeypatch.setattr("app.database.database._WATCH_INTERVAL", 60)
    with monkeypatch.context() as patched:
        patched.setattr(database._writer, "_seal", _lost)
        with pytest.raises(DatabaseUnavailable):
            await database.write(say, "failing")

        def nothing(_db: Unit) -> None:
            return

        patched.setattr("app.database.writer._TOUCH", "UPDATE no_such_table SET probed = 0")
        with pytest.raises(Exception, match="no_such_table"):
            await database.write(nothing)
        assert database.failure is not None

    await database.write(nothing)
    assert database.failure is None


class _Held:
    def __init__(self, database: Database) -> None:
        self._gate = Gate()
        self._database = database
        self.call: asyncio.Future[Any]

    def open(self) -> None:
        self._gate.open()

    async def __aenter__(self) -> Self:
        self.call = asyncio.ensure_future(self._database.write(lambda _db: self._gate.pass_through()))
        await self._gate.reached()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gate.open()
        await asyncio.gather(self.call, return_exceptions=True)


def held(database: Database) -> _Held:
    """The writer stands still in a batch of its own, so that whatever is asked meanwhile makes the next batch."""
    return _Held(database)


async def committed_subjects(database: Database) -> set[str]:
    return {event.subject for event in await database.read(since, 0, 100_000)}


async def test_the_writer_is_one_thread(database: Database) -> None:
    """Whoever asks, and from wherever: writes are serial by nature."""
    threads = await asyncio.gather(*(database.write(lambda _db: threading.get_ident()) for _ in range(20)))

    assert 1 == len(set(threads))
    assert threading.get_ident() not in threads


class TestADiskThatFails:
    """One failing write, and what becomes of the writes behind it."""

    async def test_the_writer_goes_on(self, database: Database) -> None:
        """The failing one is refused; whoever comes later finds a writer."""
        with pytest.raises(DatabaseUnavailable):
            await database.write(_fails_like_a_disk)

        assert "later" == await asyncio.wait_for(database.write(say, "later"), 5)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    async def test_a_naive_writer_hangs_every_later_request(self) -> None:
        """The control: a thread that dies of its first error leaves everybody behind it waiting for ever."""
        writer = _NaiveWriter()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.write(_fails_like_a_disk), 0.2)

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(writer.write(lambda _db: "later"), 0.2)


def _fails_like_a_disk(_db: Unit) -> None:
    raise OSError(errno.EIO, "Input/output error")


class _NaiveWriter:
    """A writer as one would write it first."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[tuple[Any, asyncio.Future[Any]]] = SimpleQueue()
        threading.Thread(target=self._run, daemon=True).start()

    def write(self, function: Any) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._queue.put((function, future))
        return future

    def _run(self) -> None:
        while True:
            function, future = self._queue.get()
            result = function(None)
            future.get_loop().call_soon_threadsafe(future.set_result, result)


async def test_inserts_that_were_gathered_fail_alone(database: Database, environment_id: str) -> None:
    """Rows of many creates go in by one statement; one that breaks a rule of the database takes no other with it."""
    async with held(database) as gate:
        calls = [
            asyncio.ensure_future(create(database, "env_nobody" if number == 3 else environment_id, tags=("t",)))
            for number in range(8)
        ]
        await asyncio.sleep(0)
        gate.open()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert [3] == [number for number, result in enumerate(results) if isinstance(result, BaseException)]
    assert not isinstance(results[3], DatabaseUnavailable)
    stored = await committed_subjects(database)
    assert {result.token.id for result in results if not isinstance(result, BaseException)} <= stored
