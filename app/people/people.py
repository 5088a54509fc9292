"""People are found and made here."""

import msgspec
from sqlalchemy import func, insert, select

from .. import ids
from ..database import Unit
from ..database.tables import table_of
from .models import PersonRow

OWNER = "owner"
_people = table_of(PersonRow)


class Profile(msgspec.Struct, frozen=True):
    """A person as others see them."""

    id: str
    email: str
    name: str
    role: str


_COLUMNS = (_people.c.id, _people.c.email, _people.c.name, _people.c.role)


def add(db: Unit, email: str, name: str, role: str) -> Profile:
    """The person with this address, made if there is none."""
    known = find(db, email)
    if known is not None:
        return known
    person = Profile(ids.new_id("person_", db.now), email.strip().lower(), name, role)
    db.execute(insert(_people), msgspec.structs.asdict(person) | {"created_at": db.now})
    db.record("person.added", person.id, data={"role": role})
    return person


def find(db: Unit, email: str) -> Profile | None:
    """Whoever has this address; letter case does not matter."""
    row = db.execute(select(*_COLUMNS).where(_people.c.email == email.strip().lower())).one_or_none()
    return None if row is None else Profile(**row._asdict())


def every(db: Unit) -> list[Profile]:
    """Everybody, the first first."""
    return [Profile(**row._asdict()) for row in db.execute(select(*_COLUMNS).order_by(_people.c.id))]


def are_there_any(db: Unit) -> bool:
    """Whether anybody can sign in yet."""
    count: int = db.execute(select(func.count()).select_from(_people)).scalar_one()
    return count > 0
