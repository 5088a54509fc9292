"""Signing in: by a link, whose page has a button, or by a password; a session is a row and can be ended.

The cookie is a signed JWT that names the session, so a forged one is refused without a look into the
database, and an ended one by a look.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Any, Literal

import jwt
import msgspec
from sqlalchemy import Row, insert, select, update

from .. import ids, notifications
from ..access.principals import Person
from ..clock import MILLISECOND, to_milliseconds
from ..database import Unit
from ..database.tables import table_of
from ..environments.signing_keys import SESSION, SigningKey, ensure
from ..tokens.models import By
from . import people
from .models import OWNER, PersonRow, SessionRow, SignInLinkRow
from .people import Profile, Refusal

Way = Literal["link", "password"]
BY_LINK: Way = "link"
BY_PASSWORD: Way = "password"
NOBODY = "nobody"

LINK_LIFETIME = timedelta(hours=24)
MAILED_LINK_LIFETIME = timedelta(hours=1)
INVITATION_LIFETIME = timedelta(days=7)
MAIL_INTERVAL = timedelta(minutes=2)  # between two mails with a link to the same person
SESSION_LIFETIME = timedelta(days=30)
_AUDIENCE = "waitpoint:session"

_links = table_of(SignInLinkRow)
_sessions = table_of(SessionRow)
_people = table_of(PersonRow)


class LinkHolder(msgspec.Struct, frozen=True):
    """Whom a sign-in link lets in; nobody yet, when it is the first owner's."""

    person: Profile | None


class SignedIn(msgspec.Struct, frozen=True):
    """A new sign-in: the person, and the value of their cookie."""

    person: Person
    cookie: str


class OpenSession(msgspec.Struct, frozen=True):
    """A session that goes on, as its person sees it."""

    id: str
    created_at: datetime
    device: str | None
    way: Way

    def may_replace_password(self, now: datetime) -> bool:
        """Whoever has just come by a link has shown that the mailbox is theirs: the way back after forgetting."""
        return self.way == BY_LINK and now - self.created_at < MAILED_LINK_LIFETIME


def make_link(db: Unit, person_id: str | None = None, lifetime: timedelta = LINK_LIFETIME) -> str:
    """The secret of a new sign-in link; for the first owner when no person is named. Earlier ones stay good."""
    secret = ids.new_secret()
    values = {"hash": _hash(secret), "person_id": person_id, "created_at": db.now, "expires_at": db.now + lifetime}
    db.execute(insert(_links), values)
    return secret


def ask_for_link(db: Unit, email: str, next_path: str | None) -> None:
    """Mail a sign-in link to whoever has this address, if somebody has. Either way looks and takes the same.

    However often it is asked for, a person gets one mail in two minutes, and earlier links stay good: asking
    in somebody's name neither floods them nor keeps them out.
    """
    person = people.find(db, email)
    if person is not None and not person.is_disabled:
        interval = to_milliseconds(db.now) // (MAIL_INTERVAL // MILLISECOND)
        data = {"next": next_path} if next_path else {}
        notifications.queue(
            db, "sign-in", person.email, cause=f"sign-in:{person.id}:{interval}", subject_id=person.id, data=data
        )
    db.record("person.asked_for_link", NOBODY if person is None else person.id)


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


def whose_link(db: Unit, secret: str) -> LinkHolder | None:
    """Whom a link would let in, if it still would."""
    link = _good_link(db, secret)
    return None if link is None else LinkHolder(people.get(db, link.person_id) if link.person_id else None)


def sign_in(
    db: Unit,
    secret: str,
    name: str = "Owner",
    email: str = "owner@localhost",
    *,
    device: str | None = None,
    instead_of: str | None = None,
) -> SignedIn | None:
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
    return begin(db, person_id, BY_LINK, device, instead_of)


def begin(
    db: Unit, person_id: str, way: Way = BY_LINK, device: str | None = None, instead_of: str | None = None
) -> SignedIn:
    """A new session of a person. The one that this browser had before ends with it: an id is never used on."""
    if instead_of is not None:
        sign_out(db, instead_of)
    session_id = ids.new_id("session_", db.now)
    expires_at = db.now + SESSION_LIFETIME
    values = {"id": session_id, "person_id": person_id, "created_at": db.now, "expires_at": expires_at}
    db.execute(insert(_sessions), values | {"way": way, "device": device})
    row = db.execute(select(_people).where(_people.c.id == person_id)).one()
    person = _person(db, row, session_id)
    db.record("person.signed_in", person.id, actor=person.by("page"), data={"way": way})
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
    running = (_sessions.c.id == session_id) & _sessions.c.ended_at.is_(None)
    db.execute(update(_sessions).where(running).values(ended_at=db.now))


def sign_out_everywhere(db: Unit, person_id: str, *, but: str = "") -> None:
    """End every session of a person, but the one of that id."""
    running = (_sessions.c.person_id == person_id) & _sessions.c.ended_at.is_(None) & (_sessions.c.id != but)
    db.execute(update(_sessions).where(running).values(ended_at=db.now))


def shut_out(db: Unit, person_id: str, by: By) -> Refusal | None:
    """Keep a person out until they are let in again: every session and every link of theirs ends now."""
    person = people.held(db, person_id)
    if person is None:
        return people.NOBODY
    if people.is_last_owner(db, person):
        return people.LAST_OWNER
    if not person.is_disabled:
        db.execute(update(_people).where(_people.c.id == person_id).values(disabled_at=db.now))
        db.record("person.disabled", person_id, actor=by)
    sign_out_everywhere(db, person_id)
    unused = (_links.c.person_id == person_id) & _links.c.used_at.is_(None)
    db.execute(update(_links).where(unused).values(used_at=db.now))
    return None


def let_in(db: Unit, person_id: str, by: By) -> Refusal | None:
    """Let somebody sign in again who was shut out."""
    person = people.get(db, person_id)
    if person is None:
        return people.NOBODY
    if person.is_disabled:
        db.execute(update(_people).where(_people.c.id == person_id).values(disabled_at=None))
        db.record("person.enabled", person_id, actor=by)
    return None


def sessions_of(db: Unit, person_id: str) -> list[OpenSession]:
    """The sessions of a person that go on, the newest first."""
    statement = (
        select(_sessions)
        .where(_sessions.c.person_id == person_id, _sessions.c.ended_at.is_(None), _sessions.c.expires_at > db.now)
        .order_by(_sessions.c.id.desc())
    )
    return [OpenSession(row.id, row.created_at, row.device, row.way) for row in db.execute(statement)]


def _person(db: Unit, row: Row[Any], session_id: str) -> Person:
    roles = people.roles_of(db, row.id)
    return Person(row.id, row.email, row.name, row.role, session_id, roles, row.time_zone)


def _good_link(db: Unit, secret: str) -> Row[Any] | None:
    statement = (
        select(_links)
        .outerjoin(_people, _people.c.id == _links.c.person_id)
        .where(_links.c.hash == _hash(secret), _links.c.used_at.is_(None), _links.c.expires_at > db.now)
        .where(_people.c.disabled_at.is_(None))
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
