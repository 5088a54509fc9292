"""Secrets that sign: public access tokens, sign-ins, callback URLs, links.

An environment signs with its newest key; a rotated key goes on verifying for a grace period, so that
what was handed out stays good.
"""

from datetime import timedelta

import msgspec
from sqlalchemy import exists, insert, or_, select, update

from .. import ids
from ..database import Unit
from ..database.tables import table_of
from .models import EnvironmentRow, SigningKeyRow, columns_of

PUBLIC_ACCESS = "public_access"
SESSION = "session"
CALLBACK = "callback"
LINK = "link"
GRACE = timedelta(days=30)  # the longest life of a public access token

_keys = table_of(SigningKeyRow)
_environments = table_of(EnvironmentRow)


class SigningKey(msgspec.Struct, frozen=True):
    """A secret and its name, which a signature carries as `kid`."""

    id: str
    purpose: str
    environment_id: str | None
    secret: str


_COLUMNS = columns_of(_keys, SigningKey)


def ensure(db: Unit, purpose: str, environment_id: str | None = None) -> SigningKey:
    """The key that signs now, made if there is none."""
    return current(db, purpose, environment_id) or _make(db, purpose, environment_id)


def ensure_everywhere(db: Unit, purpose: str) -> None:
    """The same for every environment, in one look where all have theirs."""
    has_one = exists().where(
        _keys.c.environment_id == _environments.c.id, _keys.c.purpose == purpose, _keys.c.retired_at.is_(None)
    )
    for environment_id in db.execute(select(_environments.c.id).where(~has_one)).scalars().all():
        _make(db, purpose, environment_id)


def current(db: Unit, purpose: str, environment_id: str | None = None) -> SigningKey | None:
    """The key that signs now."""
    statement = (
        select(*_COLUMNS)
        .where(_keys.c.purpose == purpose, _keys.c.retired_at.is_(None))
        .where(_keys.c.environment_id.is_(None) if environment_id is None else _keys.c.environment_id == environment_id)
        .order_by(_keys.c.id.desc())
        .limit(1)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else SigningKey(**row._asdict())


def verifying(db: Unit, key_id: str) -> SigningKey | None:
    """A key that may still verify: the current one, or a retired one in its grace period."""
    statement = select(*_COLUMNS).where(
        _keys.c.id == key_id, or_(_keys.c.verifies_until.is_(None), _keys.c.verifies_until > db.now)
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else SigningKey(**row._asdict())


def rotate(
    db: Unit, purpose: str, environment_id: str | None = None, grace: timedelta = GRACE, by: object = None
) -> SigningKey:
    """Sign with a new key from now on; the old ones verify until the grace period is over."""
    retired = (
        update(_keys)
        .where(_keys.c.purpose == purpose, _keys.c.retired_at.is_(None))
        .where(_keys.c.environment_id.is_(None) if environment_id is None else _keys.c.environment_id == environment_id)
        .values(retired_at=db.now, verifies_until=db.now + grace)
    )
    db.execute(retired)
    key = _make(db, purpose, environment_id)
    db.record("signing_key.rotated", key.id, environment_id=environment_id, actor=by, data={"purpose": purpose})
    return key


def _make(db: Unit, purpose: str, environment_id: str | None) -> SigningKey:
    key = SigningKey(ids.new_id(ids.SIGNING_KEY_PREFIX, db.now), purpose, environment_id, ids.new_secret())
    db.execute(insert(_keys), msgspec.structs.asdict(key) | {"created_at": db.now})
    return key
