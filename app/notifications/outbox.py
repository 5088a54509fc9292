"""The outbox: mails are written in the transaction of their cause, and claimed by whoever delivers them.

A mail is sent at least once, and twice only when a server dies after its mail was taken and before that was
written down; both have the same Message-ID. A cause never makes a second mail.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from .. import ids
from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..tokens.models import By
from .models import DROPPED, FAILED, PRINTED, SENT, WAITING, Mail, OutboxRow, Status

LEASE = timedelta(minutes=2)  # longer than an attempt can take
MAIL_PREFIX = "mail_"
_LONGEST_PROBLEM = 500  # characters
_MAILER = By(kind="system", door="mail")

_outbox = table_of(OutboxRow)
_COLUMNS = tuple(_outbox.c[name] for name in Mail.__struct_fields__)

# Literals, not parameters: only then can a database use the indexes of some mails.
_IS_WAITING = _outbox.c.status == literal_column("'WAITING'")
_HAS_FAILED = _outbox.c.status == literal_column("'FAILED'")

_QUEUE = Prepared(upsert(_outbox).on_conflict_do_nothing())
_DROP_ABOUT = Prepared(
    update(_outbox)
    .where(_outbox.c.subject_id == bindparam("b_subject"), _IS_WAITING, _outbox.c.attempts == literal_column("0"))
    .values(status=DROPPED, ended_at=bindparam("b_now", type_=Instant), problem=bindparam("b_problem"))
)


def queue(
    db: Unit,
    kind: str,
    to: str,
    *,
    cause: str,
    environment_id: str | None = None,
    subject_id: str | None = None,
    data: Mapping[str, Any] | None = None,
    not_before: datetime | None = None,
) -> None:
    """Have a mail sent after this transaction has committed; nothing happens where its cause has made one before.

    `cause` names what the mail is sent for, once and for ever: `request:<token>:<address>`. `data` holds no
    secrets: what is secret in a mail is made when it is written (see `kinds`). However many mails a transaction
    queues, they go to the database together.
    """
    values = {
        "id": ids.new_id(MAIL_PREFIX, db.now),
        "cause": cause,
        "kind": kind,
        "recipient": to,
        "environment_id": environment_id,
        "subject_id": subject_id,
        "data": msgspec.json.encode(data or {}).decode(),
        "status": WAITING,
        "created_at": db.now,
        "due_at": not_before or db.now,
        "attempts": 0,
        "ended_at": None,
        "problem": None,
    }
    db.gather(_QUEUE, values)


def claim(db: Unit, limit: int) -> list[Mail]:
    """Take up to `limit` mails that are due, earliest first; nobody else is given them before the lease ends."""
    due = (
        select(*_COLUMNS)
        .where(_IS_WAITING, _outbox.c.due_at <= db.now)
        .order_by(_outbox.c.due_at, _outbox.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    mails = [_mail(row) for row in db.execute(due).all()]
    if not mails:
        return []
    until = db.now + LEASE
    taken = update(_outbox).where(_outbox.c.id.in_([mail.id for mail in mails]))
    db.execute(taken.values(due_at=until, attempts=_outbox.c.attempts + 1))
    return [msgspec.structs.replace(mail, attempts=mail.attempts + 1, due_at=until) for mail in mails]


def sent(db: Unit, mail: Mail) -> None:
    """A claimed mail was taken by the mail server. What it was about remembers so."""
    if _end(db, mail, SENT):
        _remember(db, "mail.sent", mail)


def printed(db: Unit, mail: Mail) -> None:
    """A claimed mail left for nowhere, because there is no mail server. What it was about remembers so."""
    if _end(db, mail, PRINTED):
        _remember(db, "mail.printed", mail)


def drop(db: Unit, mail: Mail, reason: str) -> None:
    """A claimed mail is not needed any more."""
    _end(db, mail, DROPPED, reason)


def drop_about(db: Unit, subject_id: str, reason: str) -> None:
    """No mail about something is needed any more. Of one that is under way its deliverer finds out."""
    db.run(_DROP_ABOUT, {"b_subject": subject_id, "b_now": db.now, "b_problem": reason})


def fail(db: Unit, mail: Mail, problem: str, again_in: timedelta | None) -> None:
    """A claimed mail could not be sent: try again after a while, or give up."""
    if again_in is None:
        if _end(db, mail, FAILED, problem):
            _remember(db, "mail.failed", mail)
    else:
        values = {"due_at": db.now + again_in, "problem": problem[:_LONGEST_PROBLEM]}
        db.execute(update(_outbox).where(_still_ours(mail)).values(values))


def retry(db: Unit, mail_id: str) -> bool:
    """Try a mail again that was given up, from the first attempt on; False when there is no such mail."""
    again = update(_outbox).where(_outbox.c.id == mail_id, _HAS_FAILED).returning(_outbox.c.id)
    values = {"status": WAITING, "due_at": db.now, "attempts": 0, "ended_at": None}
    return db.execute(again.values(values)).one_or_none() is not None


def resume(db: Unit) -> None:
    """Try at once what was under way, or put off, when the one server of this database ended."""
    db.execute(update(_outbox).where(_IS_WAITING, _outbox.c.attempts > 0).values(due_at=db.now))


def next_due(db: Unit) -> datetime | None:
    """When the next mail has to be looked at; None when there is none."""
    due: datetime | None = db.execute(
        select(_outbox.c.due_at).where(_IS_WAITING).order_by(_outbox.c.due_at).limit(1)
    ).scalar_one_or_none()
    return due


def latest(db: Unit, limit: int = 100) -> list[Mail]:
    """The newest mails, whatever became of them."""
    return [_mail(row) for row in db.execute(select(*_COLUMNS).order_by(_outbox.c.id.desc()).limit(limit))]


def find(db: Unit, mail_id: str) -> Mail | None:
    """One mail."""
    row = db.execute(select(*_COLUMNS).where(_outbox.c.id == mail_id)).one_or_none()
    return None if row is None else _mail(row)


class Standing(msgspec.Struct, frozen=True):
    """How the outbox stands: mails that wait, when the first of them is due, and mails given up."""

    waiting: int
    next_due: datetime | None
    failed: int


def standing(db: Unit) -> Standing:
    """Count what waits and what failed. Reads small indexes only."""
    waiting = db.execute(select(func.count()).select_from(_outbox).where(_IS_WAITING)).scalar_one()
    failed = db.execute(select(func.count()).select_from(_outbox).where(_HAS_FAILED)).scalar_one()
    return Standing(waiting, next_due(db), failed)


def _remember(db: Unit, event: str, mail: Mail) -> None:
    if mail.subject_id is not None:
        data = {"mail": mail.kind, "to": mail.recipient}
        db.record(event, mail.subject_id, environment_id=mail.environment_id, actor=_MAILER, data=data)


def _end(db: Unit, mail: Mail, status: Status, problem: str | None = None) -> bool:
    values = {"status": status, "ended_at": db.now, "problem": problem and problem[:_LONGEST_PROBLEM]}
    ended = update(_outbox).where(_still_ours(mail)).values(values).returning(_outbox.c.id)
    return db.execute(ended).one_or_none() is not None


def _still_ours(mail: Mail) -> Any:
    """Whoever let the lease run out has lost the mail to the next one."""
    return (_outbox.c.id == mail.id) & _IS_WAITING & (_outbox.c.attempts == mail.attempts)


def _mail(row: Row[Any]) -> Mail:
    return Mail(**{**row._asdict(), "data": msgspec.json.decode(row.data)})
