"""The outbox: once for a cause, in its transaction, and never lost with whoever was sending it."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.clock import SystemClock
from app.database import Database, Unit
from app.events import log
from app.notifications import outbox, queue
from app.notifications.models import DROPPED, FAILED, PRINTED, SENT, WAITING, Mail
from app.notifications.outbox import LEASE
from tests.database.worlds import opened

pytestmark = pytest.mark.anyio

BEN = "ben@example.com"


async def queued(database: Database, cause: str = "request:1", **options: Any) -> None:
    await database.write(lambda db: queue(db, "test", BEN, cause=cause, **options))


async def claimed(database: Database, limit: int = 10) -> list[Mail]:
    return await database.write(outbox.claim, limit)


async def status_of(database: Database, mail: Mail) -> str:
    found = await database.read(outbox.find, mail.id)
    assert found is not None
    return found.status


async def later(database: Database, by: timedelta) -> None:
    """Let every mail that waits become due as if time had passed: PostgreSQL's clock is not ours to move."""

    def move(db: Unit) -> None:
        table = outbox._outbox
        for mail in outbox.latest(db):
            db.execute(table.update().where(table.c.id == mail.id).values(due_at=mail.due_at - by))

    await database.write(move)


async def test_a_cause_makes_one_mail(database: Database) -> None:
    """However often its transaction is tried, and whatever became of the mail."""
    await queued(database)
    await queued(database)

    (mail,) = await claimed(database)
    await database.write(outbox.sent, mail)
    await queued(database)

    assert [] == await claimed(database)
    assert [mail.id] == [each.id for each in await database.read(outbox.latest)]


async def test_concurrent_causes_make_one_mail(either_database: Database) -> None:
    await asyncio.gather(*(queued(either_database) for _ in range(16)))

    assert 1 == len(await either_database.read(outbox.latest))
    assert 1 == len(await claimed(either_database))


async def test_a_mail_dies_with_its_transaction(database: Database) -> None:
    """What did not happen is not told."""

    def breaks(db: Unit) -> None:
        queue(db, "test", BEN, cause="request:1")
        raise ValueError

    with pytest.raises(ValueError):
        await database.write(breaks)

    assert [] == await claimed(database)


async def test_a_claimed_mail_is_given_to_nobody_else(database: Database) -> None:
    await queued(database, data={"name": "Ben"})

    (mail,) = await claimed(database)

    assert ("test", BEN, {"name": "Ben"}, 1) == (mail.kind, mail.recipient, mail.data, mail.attempts)
    assert [] == await claimed(database)


async def test_a_mail_of_a_deliverer_that_died_is_given_to_the_next(either_database: Database) -> None:
    """After its lease; the one that was away too long then changes nothing any more."""
    await queued(either_database)
    (lost,) = await claimed(either_database)
    await later(either_database, LEASE)

    (again,) = await claimed(either_database)

    assert (lost.id, 2) == (again.id, again.attempts)
    await either_database.write(outbox.fail, lost, "the connection broke", None)
    assert await status_of(either_database, again) == WAITING
    await either_database.write(outbox.sent, again)
    assert SENT == await status_of(either_database, again)


async def test_what_is_not_needed_any_more_is_dropped_unless_it_is_under_way(database: Database) -> None:
    """Of one subject, and only what nobody is trying to send: that one may have left already."""
    await queued(database, "request:1", subject_id="waitpoint_1")
    (under_way,) = await claimed(database)
    await queued(database, "reminder:1", subject_id="waitpoint_1")
    await queued(database, "request:2", subject_id="waitpoint_2")

    await database.write(outbox.drop_about, "waitpoint_1", "it was answered")
    await database.write(outbox.sent, under_way)

    mails = await database.read(outbox.latest)
    assert [(WAITING, None), (DROPPED, "it was answered"), (SENT, None)] == [
        (mail.status, mail.problem) for mail in mails
    ]


async def test_dropping_looks_at_the_mails_of_its_subject_only(either_database: Database) -> None:
    """However many wait: EXPLAIN says so on both databases."""

    def explained(db: Unit) -> str:
        if either_database.is_postgresql:
            db.execute(text("SET LOCAL enable_seqscan = off"))
        compiled = outbox._DROP_ABOUT._statement.compile(dialect=db.connection.dialect)
        values = {"b_subject": "waitpoint_1", "b_now": 0, "b_problem": "it was answered", "status": DROPPED}
        parameters = values if compiled.positiontup is None else tuple(values[name] for name in compiled.positiontup)
        prefix = "EXPLAIN " if either_database.is_postgresql else "EXPLAIN QUERY PLAN "
        return str(db.connection.exec_driver_sql(prefix + compiled.string, parameters).all())

    assert "ix_outbox_subject" in await either_database.write(explained)


async def test_two_servers_never_send_the_same_mail(postgresql_pair: tuple[Database, Database]) -> None:
    """They share one PostgreSQL, and each takes what the other has not."""
    first, second = postgresql_pair
    for number in range(40):
        await queued(first, f"request:{number}")

    shares = await asyncio.gather(*(claimed(each, 5) for each in [first, second] * 6))

    taken = [mail.id for share in shares for mail in share]
    assert len(taken) == len(set(taken))
    rest = await claimed(first, 100)
    assert 40 == len({*taken, *(mail.id for mail in rest)})


async def test_what_fails_is_tried_again_when_its_time_has_come(database: Database) -> None:
    await queued(database)
    (mail,) = await claimed(database)

    await database.write(outbox.fail, mail, "nobody answers", timedelta(hours=1))

    assert [] == await claimed(database)
    await later(database, timedelta(hours=1))
    (again,) = await claimed(database)
    assert (mail.id, 2, "nobody answers") == (again.id, again.attempts, again.problem)


async def test_what_is_given_up_stays_given_up(database: Database) -> None:
    """And is counted, so that somebody looks."""
    await queued(database, subject_id="waitpoint_1")
    (mail,) = await claimed(database)

    await database.write(outbox.fail, mail, "there is no such mailbox", None)

    await later(database, timedelta(days=30))
    assert [] == await claimed(database)
    assert FAILED == await status_of(database, mail)
    assert 1 == (await database.read(outbox.standing)).failed
    assert ["mail.failed"] == [event.kind for event in await database.read(log.of_subject, "waitpoint_1")]


async def test_a_mail_can_wait_for_its_time(database: Database) -> None:
    """A reminder, for example."""
    later_on = SystemClock().now() + timedelta(hours=1)
    await queued(database, not_before=later_on)

    assert [] == await claimed(database)
    assert later_on == await database.read(outbox.next_due)


async def test_a_mail_that_is_not_needed_any_more_is_dropped(database: Database) -> None:
    await queued(database)
    (mail,) = await claimed(database)

    await database.write(outbox.drop, mail, "the question was answered")

    assert DROPPED == await status_of(database, mail)


@pytest.mark.parametrize(("done", "status"), [(outbox.sent, SENT), (outbox.printed, PRINTED)])
async def test_the_log_remembers_what_became_of_a_mail(
    database: Database, done: Callable[[Unit, Mail], None], status: str
) -> None:
    """Under what the mail is about; what was only printed is not told as sent."""
    await queued(database, subject_id="waitpoint_1")
    (mail,) = await claimed(database)

    await database.write(done, mail)

    (event,) = await database.read(log.of_subject, "waitpoint_1")
    assert (f"mail.{status.lower()}", {"mail": "test", "to": BEN}) == (event.kind, event.data)
    assert status == await status_of(database, mail)


@pytest.fixture
async def postgresql_pair(postgresql_url: str) -> AsyncIterator[tuple[Database, Database]]:
    async with opened(postgresql_url) as first, opened(postgresql_url) as second:
        yield first, second
