"""The append-only log.

Numbers follow commits: the writer takes them last, from one row that it then holds until the commit,
so a reader that has seen number n has seen everything up to n.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, case, insert, select, update

from ..database import Prepared, Record, Unit
from ..database.tables import table_of
from ..database.types import Instant
from .models import EventRow, LogHeadRow

_events = table_of(EventRow)
_head = table_of(LogHeadRow)

_LATEST = bindparam("latest", type_=Instant)
_NUMBER = Prepared(
    update(_head)
    .values(
        seq=_head.c.seq + bindparam("count", type_=_head.c.seq.type),
        # The batch of another process may have begun later and come first: this mark never goes back.
        at=case((_head.c.at > _LATEST, _head.c.at), else_=_LATEST),
    )
    .returning(_head.c.seq),
    [_head.c.seq],
)
_APPEND = Prepared(insert(_events))
_COLUMNS = (
    _events.c.seq,
    _events.c.environment_id,
    _events.c.kind,
    _events.c.subject,
    _events.c.actor,
    _events.c.at,
    _events.c.data,
)
_HEAD = select(_head.c.seq, _head.c.at)
_SINCE = select(*_COLUMNS).where(_events.c.seq > bindparam("after")).order_by(_events.c.seq).limit(bindparam("limit"))
_OF_SUBJECT = (
    select(*_COLUMNS)
    .where(_events.c.subject == bindparam("subject"), _events.c.seq > bindparam("after"))
    .order_by(_events.c.seq)
    .limit(bindparam("limit"))
)
_LATEST_OF_SUBJECT = (
    select(*_COLUMNS)
    .where(_events.c.subject == bindparam("subject"))
    .order_by(_events.c.seq.desc())
    .limit(bindparam("limit"))
)


class Event(msgspec.Struct, frozen=True):
    """One row of the log. `actor` is who did it and by which door, `data` what else there is to say."""

    seq: int
    environment_id: str | None
    kind: str
    subject: str
    actor: dict[str, Any] | None
    at: datetime
    data: dict[str, Any]


def append(connection: Connection, records: Sequence[Record]) -> int:
    """Number and store what a batch recorded; gives the last number. The batch must commit right after."""
    latest = max(record.at for record in records)
    ((last,),) = _NUMBER.run(connection, {"count": len(records), "latest": latest})
    first = last - len(records) + 1
    _APPEND.run_for_each(
        connection,
        [
            {
                "seq": number,
                "environment_id": record.environment_id,
                "kind": record.kind,
                "subject": record.subject,
                "actor": record.actor,
                "at": record.at,
                "data": record.data,
                "who": record.who,
            }
            for number, record in enumerate(records, first)
        ],
    )
    return int(last)


def head(db: Unit) -> tuple[int, datetime]:
    """The number of the last event, and the latest instant that was written."""
    row = db.execute(_HEAD).one()
    return row.seq, row.at


def hold(db: Unit) -> None:
    """Let every other process that writes wait until this transaction ends. For what must happen once in all."""
    db.execute(_HEAD.with_for_update())


def since(db: Unit, after: int, limit: int = 1000, environment_id: str | None = None) -> list[Event]:
    """Events behind number `after`, in order; of one environment if one is named."""
    statement = _SINCE if environment_id is None else _SINCE.where(_events.c.environment_id == environment_id)
    return [_event(row) for row in db.execute(statement, {"after": after, "limit": limit})]


def of_subject(db: Unit, subject: str, limit: int = 200, after: int = 0) -> list[Event]:
    """Everything that happened to one thing, oldest first; behind number `after` if one is given."""
    return [_event(row) for row in db.execute(_OF_SUBJECT, {"subject": subject, "limit": limit, "after": after})]


def latest_of_subject(db: Unit, subject: str, limit: int) -> list[Event]:
    """The latest that happened to one thing, oldest first."""
    rows = db.execute(_LATEST_OF_SUBJECT, {"subject": subject, "limit": limit}).all()
    return [_event(row) for row in reversed(rows)]


def of_kinds(db: Unit, subjects: Collection[str], kinds: Collection[str]) -> list[Event]:
    """What of these kinds happened to several things, oldest first."""
    statement = select(*_COLUMNS).where(_events.c.subject.in_(subjects), _events.c.kind.in_(kinds))
    return [_event(row) for row in db.execute(statement.order_by(_events.c.seq))] if subjects else []


def _event(row: Any) -> Event:
    decode = msgspec.json.decode
    return Event(
        seq=row.seq,
        environment_id=row.environment_id,
        kind=row.kind,
        subject=row.subject,
        actor=decode(row.actor),
        at=row.at,
        data=decode(row.data),
    )
