"""Signing in: a link opens a page, its button makes a session; a session is a row and can be ended.

The cookie is a signed JWT that names the session, so a forged one is refused without a look into the
database, and an ended one by a look.
"""

import hashlib
from datetime import timedelta
from typing import Any

import jwt
import msgspec
from sqlalchemy import Row, insert, select, update

from .. import ids
from ..access.principals import Person
from ..clock import to_milliseconds
from ..database import Unit
from ..database.tables import table_of
from ..environments.signing_keys import SESSION, SigningKey, ensure
from . import people
from .models import OWNER, PersonRow, SessionRow, SignInLinkRow

LINK_LIFETIME = timedelta(hours=24)
SESSION_LIFETIME = timedelta(days=30)
_AUDIENCE = "waitpoint:session"

_links = table_of(SignInLinkRow)
_sessions = table_of(SessionRow)
_people = table_of(PersonRow)


class SignedIn(msgspec.Struct, frozen=True):
    """A new sign-in: the person, and the value of their cookie."""

    person: Person
    cookie: str


def make_link(db: Unit, person_id: str | None = None) -> str:
    """The secret of a new sign-in link; for the first owner when no person is named."""
    secret = ids.new_secret()
    values = {"hash": _hash(secret), "person_id": person_id, "created_at": db.now, "expires_at": db.now + LINK_LIFETIME}
    db.execute(insert(_links), values)
    return secret


def first_link(db: Unit) -> str | None:
    """A link for the first owner; None when there are people already. Earlier such links end."""
    if people.are_there_any(db):
        return None
    unused = update(_links).where(_links.c.person_id.is_(None), _links.c.used_at.is_(None)).values(used_at=db.now)
    db.execute(unused)
    return make_link(db)


def is_link_good(db: Unit, secret: str) -> bool:
    """Whether a link would still let somebody in. Looking uses nothing up."""
    return _good_link(db, secret) is not None


def sign_in(db: Unit, secret: str, name: str = "Owner", email: str = "owner@localhost") -> SignedIn | None:
    """Use a link up and begin a session; None when the link is unknown, used or too old."""
    link = _good_link(db, secret)
    if link is None:
        return None
    taken = (
        update(_links)
        .where(_links.c.hash == link.hash, _links.c.used_at.is_(None))
        .values(used_at=db.now)
        .returning(_links.c.hash)
    )
    if db.execute(taken).one_or_none() is None:
        return None
    person_id = link.person_id or people.add(db, email, name, OWNER).id
    return begin(db, person_id)


def begin(db: Unit, person_id: str) -> SignedIn:
    """A new session of a person."""
    session_id = ids.new_id("session_", db.now)
    expires_at = db.now + SESSION_LIFETIME
    values = {"id": session_id, "person_id": person_id, "created_at": db.now, "expires_at": expires_at}
    db.execute(insert(_sessions), values)
    row = db.execute(select(_people).where(_people.c.id == person_id)).one()
    person = _person(db, row, session_id)
    db.record("person.signed_in", person.id, actor=person.by("page"))
    return SignedIn(person, _cookie(ensure(db, SESSION), session_id, to_milliseconds(expires_at) // 1000))


def session_in(cookie: str, key: SigningKey) -> str | None:
    """The session that a cookie names, if we signed it; whether it still lives is for `person_of`."""
    if key.purpose != SESSION:
        return None
    try:
        claims = jwt.decode(
            cookie, key.secret, algorithms=["HS256"], audience=_AUDIENCE, options={"require": ["exp", "sid", "aud"]}
        )
    except (jwt.PyJWTError, ValueError):
        return None
    session_id = claims["sid"]
    return session_id if isinstance(session_id, str) else None


def person_of(db: Unit, session_id: str) -> Person | None:
    """Who is signed in by a session; None when it has ended, or the person was disabled."""
    statement = (
        select(_people)
        .join(_sessions, _sessions.c.person_id == _people.c.id)
        .where(
            _sessions.c.id == session_id,
            _sessions.c.ended_at.is_(None),
            _sessions.c.expires_at > db.now,
            _people.c.disabled_at.is_(None),
        )
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _person(db, row, session_id)


def sign_out(db: Unit, session_id: str) -> None:
    """End a session; its cookie is worthless from now on."""
    db.execute(update(_sessions).where(_sessions.c.id == session_id).values(ended_at=db.now))


def sign_out_everywhere(db: Unit, person_id: str) -> None:
    """End every session of a person."""
    running = (_sessions.c.person_id == person_id) & _sessions.c.ended_at.is_(None)
    db.execute(update(_sessions).where(running).values(ended_at=db.now))


def _person(db: Unit, row: Row[Any], session_id: str) -> Person:
    roles = people.roles_of(db, row.id)
    return Person(row.id, row.email, row.name, row.role, session_id, roles, row.time_zone)


def _good_link(db: Unit, secret: str) -> Row[Any] | None:
    statement = select(_links).where(
        _links.c.hash == _hash(secret), _links.c.used_at.is_(None), _links.c.expires_at > db.now
    )
    link = db.execute(statement).one_or_none()
    if link is not None and link.person_id is None and people.are_there_any(db):
        return None  # the first owner has come meanwhile, by another link
    return link


def _cookie(key: SigningKey, session_id: str, expires: int) -> str:
    claims = {"sid": session_id, "exp": expires, "aud": _AUDIENCE}
    return jwt.encode(claims, key.secret, algorithm="HS256", headers={"kid": key.id})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
