"""Races between two server processes on PostgreSQL, forced: each has a writer, connections and a clock of its own.

Each rule has its control: the same race without the rule, which must go wrong.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from sqlalchemy import text

from app.database import LAST, Database, DatabaseUnavailable, Unit
from app.database.failures import was_unlucky
from app.database.writer import Writer
from app.events import hold, since
from app.opening import prepare
from app.settings import Settings
from app.tokens import lifecycle
from app.tokens.lifecycle import AlreadySettled, Answer, NewToken, Settled
from app.tokens.models import TIMED_OUT, Token, TokenRow
from app.tokens.search import Search, certain, retrieve, search
from tests.database.worlds import ADA, Gate, HandClock, complete, create, environment_in, opened, say
from tests.databases import DatabaseMaker

pytestmark = pytest.mark.anyio


@pytest.fixture
async def processes(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two servers on one PostgreSQL, as far as storage can tell."""
    async with opened(postgresql_url) as first, opened(postgresql_url) as second:
        yield first, second


@pytest.fixture
def deadlocks(monkeypatch: pytest.MonkeyPatch) -> list[BaseException]:
    """Every deadlock that a writer meets; it is tried again, so nobody else hears of it."""
    met: list[BaseException] = []
    attempt = Writer._attempt

    def attempting(self: Writer, jobs: Any) -> BaseException | None:
        failure = attempt(self, jobs)
        if failure is not None and was_unlucky(failure):
            met.append(failure)
        return failure

    monkeypatch.setattr(Writer, "_attempt", attempting)
    return met


class TestLockOrder:
    """Two processes that lock the same tokens must not wait for each other in a circle."""

    async def test_batches_that_lock_by_key_do_not_deadlock(
        self, processes: tuple[Database, Database], deadlocks: list[BaseException]
    ) -> None:
        """Whatever order the calls came in, each process locks in the order of the keys."""
        await self._lock_in_opposite_orders(processes, keys=("a", "b"))

        assert not deadlocks

    async def test_batches_that_lock_as_they_came_deadlock(
        self, processes: tuple[Database, Database], deadlocks: list[BaseException]
    ) -> None:
        """The control: without keys the order of arrival decides, and each waits for what the other holds."""
        await self._lock_in_opposite_orders(processes, keys=("", ""))

        assert deadlocks

    async def test_a_sweep_and_answers_do_not_deadlock(
        self, processes: tuple[Database, Database], deadlocks: list[BaseException]
    ) -> None:
        """The sweeper locks what it finds, so it runs behind the answers of its batch, and waits for nobody."""
        await self._sweep_and_answer(processes, key=LAST)

        assert not deadlocks

    async def test_a_sweep_in_front_of_answers_deadlocks(
        self, processes: tuple[Database, Database], deadlocks: list[BaseException]
    ) -> None:
        """The control: it holds a token that the other process wants, and its answers want one that the other holds."""
        await self._sweep_and_answer(processes, key="")

        assert deadlocks

    async def _lock_in_opposite_orders(self, processes: tuple[Database, Database], keys: tuple[str, str]) -> None:
        first, second = processes
        environment_id = await environment_in(first)
        low, high = sorted([(await create(first, environment_id)).token.id for _ in range(2)])
        meeting = _Meeting()
        async with _both_held(first, second) as release:
            calls = [
                first.write(_lock, low, meeting, key=keys[0]),
                first.write(_lock, high, meeting, key=keys[1]),
                second.write(_lock, high, meeting, key=keys[1]),
                second.write(_lock, low, meeting, key=keys[0]),
            ]
            release()
            await asyncio.gather(*calls)

    async def _sweep_and_answer(self, processes: tuple[Database, Database], key: str) -> None:
        first, second = processes
        environment_id = await environment_in(first)
        waiting = (await create(first, environment_id)).token.id
        await asyncio.sleep(0.002)  # so that the overdue one has the higher id
        overdue = (await create(first, environment_id, timeout=timedelta(milliseconds=1))).token.id
        await asyncio.sleep(0.01)
        meeting = _Meeting()

        def sweep(db: Unit) -> None:
            lifecycle.time_out_overdue(db, 500)
            meeting.after_a_lock()

        async with _both_held(first, second) as release:
            calls = [
                first.write(sweep, key=key),
                first.write(_lock, waiting, meeting, key=f"token:{waiting}"),
                second.write(_lock, waiting, meeting, key=f"token:{waiting}"),
                second.write(_lock, overdue, meeting, key=f"token:{overdue}"),
            ]
            release()
            await asyncio.gather(*calls)


class _Meeting:
    """Holds each process after its first lock until the other has its first lock, or clearly cannot get one."""

    def __init__(self) -> None:
        self._barrier = threading.Barrier(2)
        self._seen: set[int] = set()

    def after_a_lock(self) -> None:
        thread = threading.get_ident()
        if thread in self._seen:
            return
        self._seen.add(thread)
        try:
            self._barrier.wait(0.7)
        except threading.BrokenBarrierError:
            return


def _lock(db: Unit, token_id: str, meeting: _Meeting) -> None:
    db.execute(text("SELECT id FROM tokens WHERE id = :id FOR UPDATE"), {"id": token_id})
    meeting.after_a_lock()


class _both_held:  # noqa: N801 - reads as the verb it is
    """Both writers stand still, so that what is asked meanwhile makes one batch in each."""

    def __init__(self, *databases: Database) -> None:
        self._databases = databases
        self._gates = [Gate() for _ in databases]
        self._calls: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Any:
        for database, gate in zip(self._databases, self._gates, strict=True):
            self._calls.append(asyncio.ensure_future(database.write(lambda _db, gate=gate: gate.pass_through())))
            await gate.reached()
        return self._release

    async def __aexit__(self, *_: object) -> None:
        self._release()
        await asyncio.gather(*self._calls)

    def _release(self) -> None:
        for gate in self._gates:
            gate.open()


class TestNumbersFollowCommits:
    """A reader that has seen number n has seen everything up to n."""

    async def test_a_reader_never_passes_an_event_that_is_still_to_be_committed(
        self, processes: tuple[Database, Database]
    ) -> None:
        """A batch takes its numbers last and holds the counter until its commit: the next one waits."""
        first, second = processes
        at_the_commit = Gate()
        first._writer._seal = _sealing_slowly(first._writer._seal, at_the_commit)

        slow = asyncio.ensure_future(first.write(say, "slow"))
        await at_the_commit.reached()
        quick = asyncio.ensure_future(second.write(say, "quick"))
        await asyncio.sleep(0.2)
        reader = [event.subject for event in await second.read(since, 0)]
        position = len(reader)
        at_the_commit.open()
        await asyncio.gather(slow, quick)
        reader += [event.subject for event in await second.read(since, position)]

        assert ["slow", "quick"] == reader

    async def test_with_a_sequence_a_reader_loses_an_event_for_good(self, postgresql_url: str) -> None:
        """The control: a sequence gives numbers before the commit, so a lower one can come after a higher."""
        with ExitStack() as stack:
            slow, quick, reader = (stack.enter_context(psycopg.connect(postgresql_url)) for _ in range(3))
            reader.autocommit = True
            reader.execute("CREATE TABLE numbered (seq bigserial PRIMARY KEY, subject text)")
            add, read = "INSERT INTO numbered (subject) VALUES (%s)", "SELECT seq, subject FROM numbered WHERE seq > %s"

            slow.execute(add, ["slow"])
            quick.execute(add, ["quick"])
            quick.commit()
            seen = reader.execute(read, [0]).fetchall()
            slow.commit()
            seen += reader.execute(read, [seen[-1][0]]).fetchall()

        assert [(2, "quick")] == seen

    async def test_numbers_have_no_gaps(self, processes: tuple[Database, Database]) -> None:
        """Two processes write as fast as they can: every number exists, once."""
        await asyncio.gather(*(processes[n % 2].write(_says_or_fails, n) for n in range(400)), return_exceptions=True)

        numbers = [event.seq for event in await processes[0].read(since, 0, 1000)]
        assert list(range(1, len(numbers) + 1)) == numbers
        assert len(numbers) == 400 - len(range(0, 400, 40))


def _says_or_fails(db: Unit, number: int) -> None:
    say(db, f"number-{number}")
    if number % 40 == 0:
        raise ZeroDivisionError


def _sealing_slowly(seal: Any, gate: Gate) -> Any:
    def sealing(connection: Any, records: Any) -> Any:
        number = seal(connection, records)
        gate.pass_through()
        return number

    return sealing


class TestTheDeadlinePassesDuringACommit:
    """A token that was read as TIMED_OUT never becomes COMPLETED afterwards."""

    @pytest.fixture(params=["sqlite", "postgresql"])
    async def world(self, request: pytest.FixtureRequest, make_database: DatabaseMaker) -> AsyncIterator["_InFlight"]:
        """An answer that was accepted before the deadline, and whose commit is still on its way behind it."""
        with make_database(request.param) as url:
            clock = HandClock() if request.param == "sqlite" else None
            async with opened(url, clock) as answering:
                if clock is not None:
                    yield await _InFlight(answering, answering, clock).begun()
                else:
                    async with opened(url) as other:
                        yield await _InFlight(answering, other, None).begun()

    async def test_a_plain_read_is_in_doubt(self, world: "_InFlight") -> None:
        """It sees a waiting token whose deadline has passed, and claims nothing."""
        seen = await world.other.read(retrieve, world.token_id)

        assert not isinstance(seen, Token)
        assert (await world.finished()).is_completed

    async def test_believing_the_plain_read_would_be_wrong(self, world: "_InFlight") -> None:
        """The control: whoever works out from the row alone that the token timed out tells a lie."""
        seen = await world.other.read(_believing_the_row, world.token_id)

        assert TIMED_OUT == seen.status
        assert (await world.finished()).is_completed

    async def test_a_retrieval_waits_for_the_answer(self, world: "_InFlight") -> None:
        """It is answered behind the commit that is on its way."""
        retrieval = asyncio.ensure_future(certain(world.other, retrieve, world.token_id))
        await asyncio.sleep(0.1)
        assert not retrieval.done()

        final = await world.finished()
        seen = await retrieval
        assert seen is not None
        assert (final.status, final.output) == (seen.status, seen.output)

    @pytest.mark.parametrize("statuses", [(), ("TIMED_OUT",), ("COMPLETED",), ("WAITING",)])
    @pytest.mark.parametrize("tags", [(), ("race",)])
    async def test_a_list_waits_for_the_answer(
        self, world: "_InFlight", statuses: tuple[Any, ...], tags: tuple[str, ...]
    ) -> None:
        """A list never shows the token as timed out either."""
        wanted = Search(statuses=statuses, tags=tags)
        listing = asyncio.ensure_future(certain(world.other, search, world.environment_id, wanted))
        await asyncio.sleep(0.1)

        final = await world.finished()
        seen = [token for token in (await listing).tokens if token.id == world.token_id]
        assert all(token.status in {final.status, "WAITING"} for token in seen)

    async def test_a_late_answer_is_told_who_was_first(self, world: "_InFlight") -> None:
        """The second answer came after the deadline, but what it lost against is the first answer."""
        late = asyncio.ensure_future(complete(world.other, world.environment_id, world.token_id, '"late"'))
        await asyncio.sleep(0.1)

        final = await world.finished()
        settlement = await late
        assert isinstance(settlement, AlreadySettled)
        assert (final.status, final.output) == (settlement.token.status, settlement.token.output)

    async def test_a_sweep_leaves_the_answer_alone(self, world: "_InFlight") -> None:
        """The sweeper of another process passes over a token that somebody is answering."""
        sweep = asyncio.ensure_future(world.other.write(lifecycle.time_out_overdue, 500, key="~"))
        await asyncio.sleep(0.1)

        assert (await world.finished()).is_completed
        assert 0 == await sweep


class _InFlight:
    def __init__(self, answering: Database, other: Database, clock: HandClock | None) -> None:
        self.other = other
        self._answering = answering
        self._clock = clock
        self._gate = Gate()
        self.environment_id = ""
        self.token_id = ""
        self._answer: asyncio.Future[Any]

    async def begun(self) -> "_InFlight":
        self.environment_id = await environment_in(self._answering)
        await self._warmed_up()
        lifetime = timedelta(milliseconds=300)
        created = await create(self._answering, self.environment_id, timeout=lifetime, tags=("race",))
        self.token_id = created.token.id
        self._answer = asyncio.ensure_future(self._answering.write(self._answers_slowly))
        await self._gate.reached()
        if self._clock is None:
            await asyncio.sleep(0.35)
        else:
            self._clock.move(seconds=1)
        return self

    async def _warmed_up(self) -> None:
        """Connections and statements take time when they are made; a race must not be won by that."""
        token_id = (await create(self.other, self.environment_id, tags=("warm",))).token.id
        for function in (retrieve, search):
            first = token_id if function is retrieve else self.environment_id
            more = () if function is retrieve else (Search(),)
            await self.other.read_in_turn(function, first, *more)
        for _ in range(2):
            await complete(self.other, self.environment_id, token_id)

    async def finished(self) -> Token:
        """Let the answer be committed; gives what the token is for good."""
        self._gate.open()
        assert isinstance(await self._answer, Settled)
        token = await certain(self.other, retrieve, self.token_id)
        assert token is not None
        return token

    def _answers_slowly(self, db: Unit) -> Any:
        settlement = lifecycle.settle(db, self.token_id, self.environment_id, Answer(output='"first"'), ADA)
        self._gate.pass_through()
        return settlement


def _believing_the_row(db: Unit, token_id: str) -> Token:
    table = TokenRow.__table__  # type: ignore[attr-defined]  # SQLModel adds it
    row = db.execute(table.select().where(table.c.id == token_id)).one()
    stored = Token(
        id=row.id,
        environment_id=row.environment_id,
        status=row.status,
        tags=(),
        created_at=row.created_at,
        timeout_at=row.timeout_at,
    )
    return lifecycle.as_of(stored, db.now)


class TestIdempotency:
    """A key makes one token, in however many processes it is used at once."""

    @pytest.mark.parametrize("scope", ["idempotency_key", "request_key"])
    async def test_concurrent_first_uses_make_one_token(self, processes: tuple[Database, Database], scope: str) -> None:
        """Sixty-four callers in two processes: one of them made the token, and all are given that one."""
        environment_id = await environment_in(processes[0])
        created = await asyncio.gather(
            *(create(processes[n % 2], environment_id, **{scope: "order-1"}) for n in range(64))
        )

        assert 1 == len({made.token.id for made in created})
        if scope == "idempotency_key":
            assert 1 == sum(not made.is_cached for made in created)

    async def test_an_expired_key_moves_once(self, processes: tuple[Database, Database]) -> None:
        """Two processes find the same expired key: one makes the new token, the other is given it."""
        environment_id = await environment_in(processes[0])
        lifetime = timedelta(milliseconds=50)
        old = await create(processes[0], environment_id, idempotency_key="k", idempotency_key_ttl=lifetime)
        await asyncio.sleep(0.06)

        created = await asyncio.gather(
            *(create(processes[n % 2], environment_id, idempotency_key="k") for n in range(32))
        )

        assert 1 == len({made.token.id for made in created})
        assert 1 == sum(not made.is_cached for made in created)
        assert old.token.id not in {made.token.id for made in created}

    async def test_a_first_use_waits_for_one_that_is_on_its_way(self, processes: tuple[Database, Database]) -> None:
        """The second process learns whether the first one's token came to be, before it answers."""
        first, second = processes
        environment_id = await environment_in(first)
        inside = Gate()
        new = NewToken(timeout=None, idempotency_key="k")

        def slowly(db: Unit) -> Any:
            made = lifecycle.create(db, environment_id, new, ADA)
            inside.pass_through()
            return made

        slow = asyncio.ensure_future(first.write(slowly))
        await inside.reached()
        waiting = asyncio.ensure_future(create(second, environment_id, idempotency_key="k"))
        await asyncio.sleep(0.1)
        assert not waiting.done()

        inside.open()
        assert (await slow).token.id == (await waiting).token.id
        assert (await waiting).is_cached

    async def test_checking_first_and_inserting_then_makes_two_tokens(
        self, processes: tuple[Database, Database]
    ) -> None:
        """The control: who looks for the key before claiming it finds nothing, in both processes."""
        environment_id = await environment_in(processes[0])
        both_have_looked = threading.Barrier(2)

        def look_then_insert(db: Unit) -> str:
            known = db.execute(text("SELECT id FROM tokens WHERE idempotency_key = 'k'")).scalar_one_or_none()
            both_have_looked.wait(5)
            if known is not None:
                return str(known)
            return lifecycle.create(db, environment_id, NewToken(timeout=None), ADA).token.id

        made = await asyncio.gather(*(database.write(look_then_insert) for database in processes))

        assert 2 == len(set(made))


async def test_a_token_has_one_winner_over_two_processes(processes: tuple[Database, Database]) -> None:
    """Sixteen answers to each of twenty tokens, through two processes: one is kept, and every loser is told which."""
    environment_id = await environment_in(processes[0])
    tokens = [(await create(processes[0], environment_id)).token.id for _ in range(20)]

    async def race(token_id: str) -> tuple[str, list[Any]]:
        answers = (complete(processes[n % 2], environment_id, token_id, f'"answer {n}"') for n in range(16))
        return token_id, list(await asyncio.gather(*answers))

    for token_id, settlements in await asyncio.gather(*map(race, tokens)):
        winners = [settlement for settlement in settlements if isinstance(settlement, Settled)]
        final = await processes[0].read(retrieve, token_id)
        assert isinstance(final, Token)
        assert 1 == len(winners)
        assert {final.output} == {settlement.token.output for settlement in settlements}


async def test_two_servers_may_start_on_a_new_database_at_once(postgresql_url: str) -> None:
    """They agree on the environments and on the secrets; above all on the one that is in every callback URL."""
    settings = Settings(database_url=postgresql_url, secret_key=None)
    for _ in range(5):
        async with opened(postgresql_url) as first, opened(postgresql_url) as second:
            await first.write(_forget_everything)
            secrets = await asyncio.gather(prepare(first, settings), prepare(second, settings))

        assert 1 == len(set(secrets))


def _forget_everything(db: Unit) -> None:
    for table in ("signing_keys", "api_keys", "environments"):
        db.execute(text(f"DELETE FROM {table}"))


async def test_a_process_that_was_stopped_in_mid_transaction_holds_up_nobody_for_long(
    processes: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its locks are taken from it; meanwhile the others answer 503, and afterwards they write again."""
    first, second = processes
    gate = Gate()

    def stands_still(db: Unit) -> None:
        say(db, "stopped")
        hold(db)
        gate.pass_through()

    stopped = asyncio.ensure_future(first.write(stands_still))
    await gate.reached()

    async def written() -> bool:
        try:
            await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(second.write(say, "other"))), 5)
        except DatabaseUnavailable:
            return False
        return True

    async with asyncio.timeout(9):
        while not await written():  # noqa: ASYNC110 - it is another process that is waited for
            await asyncio.sleep(0.1)
    gate.open()
    with pytest.raises(DatabaseUnavailable):
        await stopped

    assert ["other"] == [event.subject for event in await second.read(since, 0)]


@pytest.fixture
def postgresql_url(make_database: DatabaseMaker) -> Iterator[str]:
    with make_database("postgresql") as url:
        yield url
