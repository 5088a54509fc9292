"""Links are made, opened, used and revoked here."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from .. import ids
from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..tokens.models import By, Token
from .models import JOURNEY, TOKEN, Kind, Link, LinkRow

LINK_PREFIX = "link_"
WITHOUT_A_DEADLINE = timedelta(days=400)  # how long a link lives where its token waits for ever

_links = table_of(LinkRow)
_INSERT = Prepared(insert(_links))
_INSERT_IF_NONE = Prepared(upsert(_links).on_conflict_do_nothing())
_PROLONG = Prepared(
    update(_links)
    .where(_links.c.id == bindparam("b_id"), _links.c.expires_at < bindparam("b_until", type_=Instant))
    .values(expires_at=bindparam("b_until", type_=Instant))
)
_COLUMNS = tuple(_links.c[name] for name in Link.__struct_fields__)
_STANDING = Prepared(
    select(*_COLUMNS).where(
        _links.c.environment_id == bindparam("b_environment"),
        _links.c.kind == bindparam("b_kind"),
        _links.c.subject == bindparam("b_subject"),
        _links.c.recipient == bindparam("b_recipient"),
        _links.c.revoked_at.is_(None),
    ),
    _COLUMNS,
)


def to_token(db: Unit, token: Token, recipient: str) -> Link:
    """The link of a recipient to a token, made if there is none. It lives as long as the token can be answered."""
    return _standing(db, token.environment_id, TOKEN, token.id, recipient, token.timeout_at)


def begin(db: Unit, token: Token, recipients: Iterable[str]) -> None:
    """The first links to a token that was made now: none can be in their way, so they go with those of the whole batch."""
    for recipient in recipients:
        new = _new(db, token.environment_id, TOKEN, token.id, recipient, token.timeout_at)
        db.gather(_INSERT, msgspec.structs.asdict(new))


def to_each(
    db: Unit, environment_id: str, kind: Kind, subject: str, recipients: Iterable[str], until: datetime | None = None
) -> set[str]:
    """The links of many to the same, made where there are none, in as many statements as for one; gives who had theirs."""
    here = {link.recipient: link for link in of(db, environment_id, kind, subject) if not link.is_revoked}
    had = set()
    for recipient in recipients:
        new, link = _new(db, environment_id, kind, subject, recipient, until), here.get(recipient)
        if link is None:
            db.gather(_INSERT_IF_NONE, msgspec.structs.asdict(new))
            continue
        had.add(recipient)
        if link.expires_at < new.expires_at:
            db.gather(_PROLONG, {"b_id": link.id, "b_until": new.expires_at})
    return had


def to_journey(db: Unit, environment_id: str, journey: str, recipient: str) -> Link:
    """The link of a recipient to all steps of a journey, made if there is none."""
    return _standing(db, environment_id, JOURNEY, journey, recipient, None)


def find(db: Unit, link_id: str) -> Link | None:
    """One link, whatever became of it."""
    row = db.execute(select(*_COLUMNS).where(_links.c.id == link_id)).one_or_none()
    return None if row is None else _link(row)


def of(db: Unit, environment_id: str, kind: Kind, subject: str) -> list[Link]:
    """All links to something, the first first."""
    here = (_links.c.environment_id == environment_id, _links.c.kind == kind, _links.c.subject == subject)
    return [_link(row) for row in db.execute(select(*_COLUMNS).where(*here).order_by(_links.c.id))]


def standing(db: Unit, environment_id: str, kind: Kind, subject: str, recipient: str) -> Link | None:
    """The link of a recipient that was not revoked."""
    here = {"b_environment": environment_id, "b_kind": kind, "b_subject": subject, "b_recipient": recipient}
    rows = db.run(_STANDING, here)
    return Link(*rows[0]) if rows else None


def opened(db: Unit, link_id: str, token_id: str, by: By) -> bool:
    """A person has the page before them; told once. True the first time."""
    first = update(_links).where(_links.c.id == link_id, _links.c.opened_at.is_(None)).values(opened_at=db.now)
    row = db.execute(first.returning(_links.c.environment_id)).one_or_none()
    if row is not None:
        db.record("link.opened", token_id, environment_id=row.environment_id, actor=by)
    return row is not None


def revoke(db: Unit, link_id: str, token_id: str, by: By) -> Link | None:
    """Make a link worthless, for good; None when it was revoked before, or never made.

    It is told where it was done: at the token, also of a link to the whole journey.
    """
    values = {"revoked_at": db.now, "revoked_by": msgspec.json.encode(by).decode()}
    revoked = update(_links).where(_links.c.id == link_id, _links.c.revoked_at.is_(None)).values(values)
    row = db.execute(revoked.returning(*_COLUMNS)).one_or_none()
    if row is None:
        return None
    link = _link(row)
    data = {"to": link.recipient, "link": link.id}
    db.record("link.revoked", token_id, environment_id=link.environment_id, actor=by, data=data)
    return link


def follow(db: Unit, _: Token, by: By) -> None:
    """Write down that a token was answered with a link (`Rules.on_settled`)."""
    if by.kind == "link" and by.id is not None:
        db.execute(update(_links).where(_links.c.id == by.id).values(used_at=db.now))


def _standing(db: Unit, environment_id: str, kind: Kind, subject: str, recipient: str, until: datetime | None) -> Link:
    new = _new(db, environment_id, kind, subject, recipient, until)
    made = upsert(_links).values(msgspec.structs.asdict(new)).on_conflict_do_nothing().returning(_links.c.id)
    if db.execute(made).one_or_none() is not None:
        return new
    link = standing(db, environment_id, kind, subject, recipient)
    assert link is not None  # noqa: S101 - it is what was in the way
    if link.expires_at >= new.expires_at:
        return link
    db.execute(update(_links).where(_links.c.id == link.id).values(expires_at=new.expires_at))
    return msgspec.structs.replace(link, expires_at=new.expires_at)


def _new(db: Unit, environment_id: str, kind: Kind, subject: str, recipient: str, until: datetime | None) -> Link:
    expires_at = until or db.now + WITHOUT_A_DEADLINE
    return Link(ids.new_id(LINK_PREFIX, db.now), environment_id, kind, subject, recipient, db.now, expires_at)


def _link(row: Row[Any]) -> Link:
    return Link(**row._asdict())
