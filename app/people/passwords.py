"""Passwords: hashed with argon2, which is slow on purpose, so on threads of its own and never in the writer.

Whoever tries an address that nobody has waits as long as for one that somebody has.
"""

import asyncio
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import argon2
import msgspec
from sqlalchemy import select, update

from .. import notifications
from ..clock import to_milliseconds
from ..database import Database, Unit
from ..database.tables import table_of
from ..tokens.models import By
from . import people
from .models import PersonRow
from .people import Profile
from .sign_in import sign_out_everywhere

T = TypeVar("T")

SHORTEST = 10  # characters
LONGEST = 1000
_FEWEST_DIFFERENT = 4  # characters
_AT_ONCE = 2  # each takes 64 MiB and a tenth of a second: a crowd has to queue

_people = table_of(PersonRow)
_hasher = argon2.PasswordHasher()
_threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="passwords")


class _Known(msgspec.Struct, frozen=True):
    person_id: str
    password_hash: str


def what_is_wrong(password: str, person: Profile) -> str | None:
    """Why somebody may not use this password, in a sentence."""
    text = _normal(password)
    if len(text) < SHORTEST:
        return f"A password has at least {SHORTEST} characters. A few words in a row are easy to remember."
    if len(text) > LONGEST:
        return f"A password has at most {LONGEST:,} characters."
    if text.casefold() in {person.email, person.name.casefold()} or len(set(text)) < _FEWEST_DIFFERENT:
        return "This password is too easy to guess."
    return None


async def person_with(database: Database, email: str, password: str) -> str | None:
    """The id of whoever has this address and this password; None in every other case, after the same time."""
    known, nobodys = await database.read(_known, email), await _run(_nobodys)
    stored = known.password_hash if known else nobodys
    is_right = await _run(_verify, stored, password)
    if known is None or not is_right:
        return None
    if _hasher.check_needs_rehash(stored):
        await database.write(_store, known.person_id, await hash_of(password))
    return known.person_id


async def hash_of(password: str) -> str:
    """What is stored in place of a password."""
    return await _run(_hasher.hash, _normal(password))


async def is_right(database: Database, person_id: str, password: str) -> bool:
    """Whether this is the password that the person has now."""
    stored = await database.read(_stored, person_id)
    return stored is not None and await _run(_verify, stored, password)


def has_one(db: Unit, person_id: str) -> bool:
    """Whether a person can sign in by password."""
    return _stored(db, person_id) is not None


def change(db: Unit, person_id: str, password_hash: str, by: By, session_id: str) -> None:
    """Give a person a password; every other session of theirs ends, and a mail says so."""
    _store(db, person_id, password_hash)
    sign_out_everywhere(db, person_id, but=session_id)
    db.record("person.changed_password", person_id, actor=by)
    person = people.get(db, person_id)
    if person is not None and person.has_mailbox:
        cause = f"password:{person_id}:{to_milliseconds(db.now)}"
        notifications.queue(db, "password", person.email, cause=cause, subject_id=person_id)


def _known(db: Unit, email: str) -> _Known | None:
    statement = select(_people.c.id, _people.c.password_hash).where(
        _people.c.email == email.strip().lower(),
        _people.c.password_hash.is_not(None),
        _people.c.disabled_at.is_(None),
    )
    row = db.execute(statement).one_or_none()
    return None if row is None else _Known(row.id, row.password_hash)


def _stored(db: Unit, person_id: str) -> str | None:
    stored: str | None = db.execute(
        select(_people.c.password_hash).where(_people.c.id == person_id)
    ).scalar_one_or_none()
    return stored


def _store(db: Unit, person_id: str, password_hash: str) -> None:
    db.execute(update(_people).where(_people.c.id == person_id).values(password_hash=password_hash))


def _verify(stored: str, password: str) -> bool:
    try:
        return _hasher.verify(stored, _normal(password))
    except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
        return False


@cache
def _nobodys() -> str:
    """The hash of a password that nobody has, to be compared with for those who are not here."""
    return _hasher.hash("nobody has this password")


def _normal(password: str) -> str:
    """The same letters are the same password, however a keyboard composes them. More than the longest is not hashed."""
    return unicodedata.normalize("NFKC", password[: 2 * LONGEST])


async def _run(function: Callable[..., T], *arguments: Any) -> T:
    return await asyncio.get_running_loop().run_in_executor(_threads, function, *arguments)
