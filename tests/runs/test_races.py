"""Two server processes on one PostgreSQL that touch the same run at the same moment, each race forced.

The first transaction has done its work and not committed; the second is on its way meanwhile.
"""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import Engine, bindparam, select

from app.database import Prepared, Unit
from app.database.engines import parse_url, writing_engine
from app.database.tables import table_of
from app.events import append
from app.runs import inputs, lifecycle, waits
from app.runs.models import Run
from app.runs.waits import Ended, GoOn, Parked, Waiting
from app.tokens import lifecycle as tokens
from app.tokens.lifecycle import AlreadySettled, Answer
from app.tokens.models import COLUMNS, TokenRow
from tests.database.worlds import ADA, HandClock
from tests.databases import DatabaseMaker
from tests.runs.worlds import LEASE, RULES, TASK, World

PATIENCE = 60.0  # seconds
WITHOUT_A_LOCK = Prepared(select(*COLUMNS).where(table_of(TokenRow).c.id == bindparam("b_id")), COLUMNS)


class Process:
    """One server process, as far as the database can tell: a transaction that ends when the test says so."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._unit: Unit
        self._thread: threading.Thread | None = None
        self.result: Any = None

    def does(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Work in a transaction that is not committed yet."""
        self._connection.begin()
        self._unit = Unit(self._connection, lambda _: datetime.now(UTC), writes=True)
        self.result = function(self._unit, *arguments)
        self._unit.flush()
        return self.result

    def goes_on(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Work on in the same transaction."""
        result = function(self._unit, *arguments)
        self._unit.flush()
        return result

    def commits(self) -> None:
        if self._unit.records:
            append(self._connection, self._unit.records)
        self._connection.commit()

    def does_meanwhile(self, function: Callable[..., Any], *arguments: Any) -> bool:
        """Work and commit on a thread of its own; gives whether it has to wait for somebody."""

        def work() -> None:
            self.does(function, *arguments)
            self.commits()

        self._thread = threading.Thread(target=work)
        self._thread.start()
        self._thread.join(0.3)
        return self._thread.is_alive()

    def is_done(self) -> Any:
        assert self._thread is not None
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.result

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def engine(make_database: DatabaseMaker) -> Iterator[Engine]:
    with make_database("postgresql") as url:
        engine = writing_engine(parse_url(url))
        yield engine
        engine.dispose()


@pytest.fixture
def world(engine: Engine) -> Iterator[World]:
    with engine.connect() as connection:
        yield World(connection, HandClock(datetime.now(UTC).replace(microsecond=0)))


@pytest.fixture
def processes(engine: Engine) -> Iterator[tuple[Process, Process]]:
    first, second = Process(engine), Process(engine)
    yield first, second
    first.close()
    second.close()


def completing(world: World, token_id: str) -> tuple[Any, ...]:
    return (tokens.settle, token_id, world.environment_id, Answer(output='"yes"'), ADA, RULES)


def waiting(world: World, run: Run, *token_ids: str, mode: str = "all") -> tuple[Any, ...]:
    return (waits.open_wait, world.owner(run), "0", token_ids, mode)


class TestAWaitBeginsWhileTheAnswerComes:
    """The token's row is locked before its status is read, so one of the two sees the other."""

    def test_the_answer_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        token, run = world.token(), world.start()
        answering, beginning = processes
        answering.does(*completing(world, token.id))
        assert beginning.does_meanwhile(*waiting(world, run, token.id))
        answering.commits()

        ended = beginning.is_done()

        assert isinstance(ended, Ended)
        assert ['"yes"'] == [token.output for token in ended.tokens]

    def test_the_wait_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        token, run = world.token(), world.start()
        beginning, answering = processes
        assert Waiting() == beginning.does(*waiting(world, run, token.id))
        assert answering.does_meanwhile(*completing(world, token.id))
        beginning.commits()
        answering.is_done()

        assert [("0", "wait")] == [(checkpoint.position, checkpoint.name) for checkpoint in world.journal(run)]
        assert isinstance(world.park(run, "0"), GoOn)

    def test_reading_without_the_lock_loses_the_answer(
        self, world: World, processes: tuple[Process, Process], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: the wait sees a waiting token, the answer sees no wait, and the run waits for ever."""
        monkeypatch.setattr(waits, "LOCK_TOKEN", WITHOUT_A_LOCK)
        token, run = world.token(), world.start()
        answering, beginning = processes
        answering.does(*completing(world, token.id))
        # The foreign key alone would make it wait behind the answer, too late: the status is read by then.
        beginning.does_meanwhile(*waiting(world, run, token.id))
        answering.commits()

        assert Waiting() == beginning.is_done()
        assert Parked() == world.park(run, "0")
        assert "WAITING" == world.read(run).status
        assert "waits are open although their tokens are settled" in world.broken_rules()


def test_the_last_two_of_all_come_at_the_same_moment(world: World, processes: tuple[Process, Process]) -> None:
    """Neither sees the other's answer before the lock on the run; behind it the second sees both."""
    one, other, run = world.token(), world.token(), world.start()
    world.wait(run, "0", one.id, other.id)
    world.park(run, "0")
    first, second = processes
    first.does(*completing(world, one.id))
    assert second.does_meanwhile(*completing(world, other.id))
    first.commits()
    second.is_done()
    world.clock.move(minutes=1)  # it stood still meanwhile

    assert [run.id] == [claimed.id for claimed in world.claim()]
    assert [(one.id, other.id)] == [checkpoint.token_ids for checkpoint in world.journal(run)]


def test_two_of_any_come_at_the_same_moment(world: World, processes: tuple[Process, Process]) -> None:
    """The first one is the winner; the second finds that there is nothing left to end."""
    one, other, run = world.token(), world.token(), world.start()
    world.wait(run, "0", one.id, other.id, mode="any")
    world.park(run, "0")
    first, second = processes
    first.does(*completing(world, other.id))
    assert second.does_meanwhile(*completing(world, one.id))
    first.commits()
    second.is_done()

    assert [(other.id,)] == [checkpoint.token_ids for checkpoint in world.journal(run)]
    assert ["COMPLETED"] * 2 == [world.do(_status, token.id) for token in (one, other)]


@pytest.mark.parametrize("first_is", ["park", "answer"])
def test_a_run_is_parked_while_the_answer_comes(
    world: World, processes: tuple[Process, Process], first_is: str
) -> None:
    """Parked first: it is queued. Answered first: it goes on where it is."""
    token, run = world.token(), world.start()
    world.wait(run, "0", token.id)
    parking = (waits.park, world.owner(run), ("0",))
    calls = [parking, completing(world, token.id)]
    if first_is == "answer":
        calls.reverse()
    first, second = processes
    first.does(*calls[0])
    assert second.does_meanwhile(*calls[1])
    first.commits()
    second.is_done()

    if first_is == "park":
        world.clock.move(minutes=1)  # it stood still meanwhile
        assert [run.id] == [claimed.id for claimed in world.claim()]
    else:
        assert isinstance(second.result, GoOn)
        assert run == world.read(run)


def test_two_processes_share_a_queue_and_never_wait_for_each_other(
    world: World, processes: tuple[Process, Process]
) -> None:
    runs = {world.trigger().id for _ in range(4)}
    first, second = processes
    first.does(lifecycle.claim, world.environment_id, "w1", (TASK,), 2, LEASE)
    assert not second.does_meanwhile(lifecycle.claim, world.environment_id, "w2", (TASK,), 4, LEASE)
    first.commits()

    claimed = [run.id for run in [*first.result, *second.is_done()]]

    assert 4 == len(claimed)
    assert runs == {*claimed}


def test_a_lease_is_taken_back_while_the_worker_speaks(world: World, processes: tuple[Process, Process]) -> None:
    """Whoever is second sees what the first has done: a record is kept, or its sender is fenced."""
    run = world.start(delay=None)
    world.clock.move(seconds=9)
    taking, speaking = processes
    assert 1 == len(taking.does(_take_back, world))
    assert speaking.does_meanwhile(lifecycle.finish, world.owner(run), "1")
    taking.commits()

    assert lifecycle.FENCED == speaking.is_done()
    assert "QUEUED" == world.read(run).status


def _take_back(db: Unit, world: World) -> list[Run]:
    late = Unit(db.connection, lambda _: world.clock.now(), writes=True)
    return lifecycle.take_back_lost(late, 10)


def _status(db: Unit, token_id: str) -> str:
    (row,) = db.run(WITHOUT_A_LOCK, {"b_id": token_id})
    return str(dict(zip((column.name for column in COLUMNS), row, strict=True))["status"])


class TestARunIsCancelledWhileItsQuestionIsAnswered:
    """The token's row decides who was first, and the run is not touched before: so nobody waits in a ring."""

    def test_the_answer_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        run = world.start()
        asked = world.asked(run, "0")
        world.wait(run, "1", asked.id)
        answering, cancelling = processes
        answering.does(waits_lock, asked.id)
        assert cancelling.does_meanwhile(lifecycle.cancel, run.id, world.environment_id, ADA, RULES)
        assert answering.goes_on(lifecycle.found, lifecycle.LOCKED, run.id) is not None
        answering.goes_on(tokens.cancel, asked.id, world.environment_id, "by hand", ADA, RULES)
        answering.commits()
        cancelling.is_done()

        assert "CANCELED" == world.read(run).status
        assert "by hand" == world.settled(asked.id).cancel_reason
        assert {} == world.broken_rules()

    def test_the_cancellation_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        run = world.start()
        asked = world.asked(run, "0")
        cancelling, answering = processes
        cancelling.does(lifecycle.cancel, run.id, world.environment_id, ADA, RULES)
        assert answering.does_meanwhile(tokens.time_out, asked.id, world.environment_id, ADA, RULES)
        cancelling.commits()

        assert isinstance(answering.is_done(), AlreadySettled)
        assert world.settled(asked.id).is_cancelled

    def test_a_question_that_comes_meanwhile_is_withdrawn_too(
        self, world: World, processes: tuple[Process, Process]
    ) -> None:
        run = world.start()
        asking, cancelling = processes
        new = tokens.NewToken(timeout=None, request="a request")
        made = asking.does(waits.create_token, world.owner(run), "0", new, lifecycle.WORKER, RULES)
        assert cancelling.does_meanwhile(lifecycle.cancel, run.id, world.environment_id, ADA, RULES)
        asking.commits()
        cancelling.is_done()

        assert world.settled(msgspec.json.decode(made.result)["id"]).is_cancelled


def waits_lock(db: Unit, token_id: str) -> None:
    db.run(waits.LOCK_TOKEN, {"b_id": token_id})


class TestAValueIsSentWhileAWaitForItBegins:
    """The value is kept for the wait, or ends it: the run's row decides who was first."""

    def test_the_value_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        run = world.start()
        sending, beginning = processes
        assert inputs.Sent() == sending.does(*self._sending(world, run))
        assert beginning.does_meanwhile(inputs.open_input, world.owner(run), "0", "approval", None)
        sending.commits()

        ended = beginning.is_done()

        assert isinstance(ended, Ended)
        assert ['"yes"'] == [token.output for token in ended.tokens]

    def test_the_wait_is_first(self, world: World, processes: tuple[Process, Process]) -> None:
        run = world.start()
        beginning, sending = processes
        assert Waiting() == beginning.does(inputs.open_input, world.owner(run), "0", "approval", None)
        assert sending.does_meanwhile(*self._sending(world, run))
        beginning.commits()

        assert inputs.Sent() == sending.is_done()
        assert [("0", "input approval")] == [(each.position, each.name) for each in world.journal(run)]
        assert isinstance(world.park(run, "0"), GoOn)

    def _sending(self, world: World, run: Run) -> tuple[Any, ...]:
        return (inputs.send, run.id, world.environment_id, "approval", Answer(output='"yes"'), ADA, RULES)
