"""Time: it never goes back, not even over a restart; and deadlines may be as far as one likes."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from app.clock import SteadyClock
from app.database import Database
from app.events import head
from app.opening import prepare
from app.settings import Settings
from app.tokens import lifecycle
from app.tokens.lifecycle import AlreadySettled
from app.tokens.models import Token
from app.tokens.search import certain, retrieve, time_left
from tests.database.worlds import NOON, HandClock, complete, create, environment_in, opened, say

pytestmark = pytest.mark.anyio


async def test_a_clock_that_is_set_back_wakes_no_token(sqlite_url: str, clock: HandClock) -> None:
    """Read as timed out, it stays timed out; answers to it stay too late."""
    async with opened(sqlite_url, clock) as database:
        environment_id = await environment_in(database)
        token = (await create(database, environment_id, timeout=timedelta(minutes=1))).token
        clock.move(minutes=2)
        assert (await _read(database, token.id)).has_timed_out

        clock.move(hours=-24)

        assert (await _read(database, token.id)).has_timed_out
        assert isinstance(await complete(database, environment_id, token.id), AlreadySettled)
        assert NOON + timedelta(minutes=2) == database.clock.now()


async def test_a_restart_remembers_how_late_it_was(sqlite_url: str, clock: HandClock) -> None:
    """The latest instant that was written is where the next process begins."""
    settings = Settings(database_url=sqlite_url)
    async with opened(sqlite_url, clock) as database:
        environment_id = await environment_in(database)
        token = (await create(database, environment_id, timeout=timedelta(minutes=1))).token
        clock.move(minutes=2)
        assert 1 == await database.write(lifecycle.time_out_overdue, 10)
    clock.move(days=-1)

    async with opened(sqlite_url, clock) as database:
        await prepare(database, settings)
        made = (await create(database, environment_id)).token
        assert made.created_at >= NOON + timedelta(minutes=2)
        assert made.id > token.id  # so that lists stay in order

    async with opened(sqlite_url, clock) as database:
        assert (await database.read(head))[1] >= NOON + timedelta(minutes=2)


async def test_postgresql_gives_the_time_and_never_takes_it_back(postgresql_url: str) -> None:
    """Whatever the clocks of the servers say; and when its own was set back, the latest instant written stands."""
    async with opened(postgresql_url, HandClock()) as database:
        before = await database.write(lambda db: db.now)
        assert abs(before - datetime.now(UTC)) < timedelta(minutes=1)

        ahead = (before + timedelta(hours=1)).replace(microsecond=0)
        milliseconds = int(ahead.timestamp() * 1000)
        await database.write(lambda db: db.execute(text(f"UPDATE log_head SET at = {milliseconds}")))
        assert ahead == await database.write(lambda db: db.now)
        assert ahead == await database.read(lambda db: db.now)

        await database.write(say, "news")  # from a batch that may have begun before
        assert (await database.read(head))[1] >= ahead


async def test_the_mark_is_not_moved_back_by_a_batch_that_began_earlier(database: Database) -> None:
    """Two processes: the one that began first may commit last."""
    await database.write(say, "now")
    _, mark = await database.read(head)

    def late(db: object) -> None:
        db._now = mark - timedelta(seconds=5)  # type: ignore[attr-defined]
        say(db, "began earlier")  # type: ignore[arg-type]

    await database.write(late)

    assert mark == (await database.read(head))[1]


async def test_one_batch_is_one_instant(database: Database) -> None:
    """Whatever happens in one transaction happens at once."""

    def twice(db: object) -> tuple[datetime, datetime]:
        return db.now, db.now  # type: ignore[attr-defined]

    first, second = await database.write(twice)

    assert first == second
    assert 0 == first.microsecond % 1000


def test_a_steady_clock_is_steady_for_many_threads() -> None:
    """A thread that was interrupted while it looked must not take the others back with it."""
    looking, go_on = threading.Event(), threading.Event()

    class SlowToLook(HandClock):
        def now(self) -> datetime:
            seen = super().now()
            if threading.current_thread().name == "slow":
                looking.set()
                assert go_on.wait(5)
            return seen

    hand = SlowToLook()
    steady = SteadyClock(hand)
    slow = threading.Thread(target=steady.now, name="slow")
    slow.start()
    assert looking.wait(5)
    hand.move(seconds=5)
    latest = steady.now()
    hand.move(hours=-1)
    go_on.set()
    slow.join()

    assert latest == steady.now()


def test_time_goes_at_half_speed_until_a_clock_that_was_set_back_has_caught_up() -> None:
    """It must not go back, and must not stand still either: limits on requests would never be lifted, nothing would be due."""
    hand = HandClock()
    steady = SteadyClock(hand)
    steady.now()
    hand.move(hours=-1)
    steady.now()

    hand.move(seconds=10)
    assert NOON + timedelta(seconds=5) == steady.now()
    for _ in range(3):
        hand.move(milliseconds=1)
        steady.now()
    assert NOON + timedelta(seconds=5, milliseconds=1) == steady.now()
    hand.move(minutes=-10)
    assert NOON + timedelta(seconds=5, milliseconds=1) == steady.now()
    hand.move(seconds=2)
    assert NOON + timedelta(seconds=6, milliseconds=1) == steady.now()

    hand.move(hours=3)
    assert hand.now() == steady.now()
    hand.move(seconds=7)
    assert hand.now() == steady.now()


def test_a_clock_that_was_set_back_is_reported_once(capsys: pytest.CaptureFixture[str]) -> None:
    """The operator learns that time stands still; a correction of milliseconds is nobody's business."""
    hand = HandClock()
    steady = SteadyClock(hand)
    steady.now()
    hand.move(milliseconds=-500)
    steady.now()
    assert "set back" not in capsys.readouterr().out

    for _ in range(3):
        hand.move(hours=-1)
        steady.now()

    assert 1 == capsys.readouterr().out.count("set back")


@pytest.mark.parametrize(
    "deadline",
    [
        timedelta(days=400),
        timedelta(days=25),  # more milliseconds than 31 bits hold
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(2100, 2, 28, 23, 59, 59, 999_000, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC),
        None,
    ],
)
async def test_far_deadlines_wait(
    database: Database, environment_id: str, deadline: timedelta | datetime | None
) -> None:
    """They are kept to the millisecond, and nothing times them out today."""
    made = (await create(database, environment_id, timeout=deadline)).token

    assert 0 == await database.write(lifecycle.time_out_overdue, 10)
    token = await _read(database, made.id)
    assert token.is_waiting
    assert token.timeout_at == (made.created_at + deadline if isinstance(deadline, timedelta) else deadline)
    left = await database.read(time_left)
    assert (left is None) == (deadline is None)
    assert left is None or left > timedelta(days=20)


async def test_a_deadline_is_met_to_the_millisecond(sqlite_url: str, clock: HandClock) -> None:
    """One millisecond before it a token waits and can be answered; at the deadline it cannot."""
    async with opened(sqlite_url, clock) as database:
        environment_id = await environment_in(database)
        early, late = [
            (await create(database, environment_id, timeout=timedelta(seconds=1))).token.id for _ in range(2)
        ]
        clock.move(milliseconds=999)
        assert (await _read(database, late)).is_waiting
        assert 0 == await database.write(lifecycle.time_out_overdue, 10)
        assert not isinstance(await complete(database, environment_id, early), AlreadySettled)

        clock.move(milliseconds=1)

        assert (await _read(database, late)).has_timed_out
        assert isinstance(await complete(database, environment_id, late), AlreadySettled)
        assert NOON + timedelta(seconds=1) == (await _read(database, late)).completed_at


async def _read(database: Database, token_id: str) -> Token:
    token = await certain(database, retrieve, token_id)
    assert token is not None
    return token
