"""API keys: made, shown once, recognised by their hash, revoked."""

import hashlib
from collections.abc import Collection

import msgspec
from sqlalchemy import insert, select, update

from .. import ids
from ..access.principals import ApiKey
from ..database import Unit
from ..database.tables import table_of
from .models import ApiKeyRow, Environment, KeyListing, Scope, columns_of

_keys = table_of(ApiKeyRow)
_COLUMNS = columns_of(_keys, KeyListing)


class NewApiKey(msgspec.Struct, frozen=True):
    """A key that was just made. `secret` is shown now and never again."""

    id: str
    secret: str


def create(db: Unit, environment: Environment, name: str, scope: Scope, by: object = None) -> NewApiKey:
    """Make a key of an environment."""
    secret = ids.new_api_key(environment.slug)
    return NewApiKey(_store(db, environment.id, name, scope, secret, by), secret)


def accept(db: Unit, environment: Environment, name: str, secret: str) -> None:
    """Accept a key that came from the settings. The one that the same setting named before is revoked."""
    digest = hash_of(secret)
    rows = db.execute(select(*_COLUMNS, _keys.c.hash).where(_keys.c.name == name, _keys.c.revoked_at.is_(None))).all()
    for row in rows:
        if row.hash != digest and row.environment_id == environment.id:
            revoke(db, row.id)
    known = db.execute(select(_keys.c.id).where(_keys.c.hash == digest)).scalar_one_or_none()
    if known is None:
        _store(db, environment.id, name, "full", secret, None)
    else:
        values = {"environment_id": environment.id, "revoked_at": None, "name": name, "scope": "full"}
        db.execute(update(_keys).where(_keys.c.id == known).values(values))


def recognise(db: Unit, digest: str) -> ApiKey | None:
    """Whose key has this hash; None when nobody's, or it was revoked."""
    row = db.execute(select(*_COLUMNS).where(_keys.c.hash == digest, _keys.c.revoked_at.is_(None))).one_or_none()
    return None if row is None else ApiKey(row.id, row.environment_id, row.name, row.scope)


def revoke(db: Unit, key_id: str, by: object = None) -> bool:
    """Make a key worthless. False when there is no such key, or it was revoked before."""
    statement = (
        update(_keys)
        .where(_keys.c.id == key_id, _keys.c.revoked_at.is_(None))
        .values(revoked_at=db.now)
        .returning(_keys.c.environment_id, _keys.c.name)
    )
    row = db.execute(statement).one_or_none()
    if row is None:
        return False
    db.record("api_key.revoked", key_id, environment_id=row.environment_id, actor=by, data={"name": row.name})
    return True


def every(db: Unit, environment_id: str) -> list[KeyListing]:
    """The keys of an environment, newest first, revoked ones included."""
    return of_all(db, [environment_id]).get(environment_id, [])


def of_all(db: Unit, environment_ids: Collection[str]) -> dict[str, list[KeyListing]]:
    """The keys of several environments, the newest of each first, revoked ones included."""
    statement = select(*_COLUMNS).where(_keys.c.environment_id.in_(environment_ids)).order_by(_keys.c.id.desc())
    found: dict[str, list[KeyListing]] = {}
    for row in db.execute(statement):
        found.setdefault(row.environment_id, []).append(KeyListing(**row._asdict()))
    return found


def find(db: Unit, key_id: str) -> KeyListing | None:
    """One key by its id."""
    row = db.execute(select(*_COLUMNS).where(_keys.c.id == key_id)).one_or_none()
    return None if row is None else KeyListing(**row._asdict())


def hash_of(secret: str) -> str:
    """SHA-256, as hex: a key has 142 random bits, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _store(db: Unit, environment_id: str, name: str, scope: Scope, secret: str, by: object) -> str:
    key_id = ids.new_id("key_", db.now)
    db.execute(
        insert(_keys),
        {
            "id": key_id,
            "environment_id": environment_id,
            "name": name,
            "scope": scope,
            "hash": hash_of(secret),
            "last_four": secret[-4:],
            "created_at": db.now,
        },
    )
    db.record("api_key.created", key_id, environment_id=environment_id, actor=by, data={"name": name, "scope": scope})
    return key_id
