"""People are found and made here."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, func, insert, select

from .. import ids
from ..database import Unit
from ..database.tables import table_of
from ..tokens.models import By
from .models import EnvironmentRoleRow, PersonRow, Role

_people = table_of(PersonRow)
_roles = table_of(EnvironmentRoleRow)


class Profile(msgspec.Struct, frozen=True):
    """A person as others see them."""

    id: str
    email: str
    name: str
    role: Role
    time_zone: str | None = None
    notifications: bool = True
    disabled_at: datetime | None = None

    @property
    def is_disabled(self) -> bool:
        return self.disabled_at is not None


_COLUMNS = tuple(_people.c[name] for name in Profile.__struct_fields__)


def add(db: Unit, email: str, name: str, role: Role, by: By | None = None) -> Profile:
    """The person with this address, made if there is none."""
    known = find(db, email)
    if known is not None:
        return known
    person = Profile(ids.new_id("person_", db.now), email.strip().lower(), name, role)
    db.execute(insert(_people), msgspec.structs.asdict(person) | {"created_at": db.now})
    db.record("person.added", person.id, actor=by, data={"role": role})
    return person


def find(db: Unit, email: str) -> Profile | None:
    """Whoever has this address; letter case does not matter."""
    return _one(db, select(*_COLUMNS).where(_people.c.email == email.strip().lower()))


def get(db: Unit, person_id: str) -> Profile | None:
    """The person of that id."""
    return _one(db, select(*_COLUMNS).where(_people.c.id == person_id))


def every(db: Unit) -> list[Profile]:
    """Everybody, the first first."""
    return [*_all(db, select(*_COLUMNS).order_by(_people.c.id))]


def of_ids(db: Unit, person_ids: Select[Any]) -> list[Profile]:
    """Those whose ids a statement finds, the first first."""
    return [*_all(db, select(*_COLUMNS).where(_people.c.id.in_(person_ids)).order_by(_people.c.id))]


def are_there_any(db: Unit) -> bool:
    """Whether anybody can sign in yet."""
    count: int = db.execute(select(func.count()).select_from(_people)).scalar_one()
    return count > 0


def roles_of(db: Unit, person_id: str) -> dict[str, Role]:
    """In which environments a person's role is another than everywhere, by the environment's id."""
    rows = db.execute(select(_roles.c.environment_id, _roles.c.role).where(_roles.c.person_id == person_id))
    return {row.environment_id: row.role for row in rows}


def _one(db: Unit, statement: Select[Any]) -> Profile | None:
    return next(iter(_all(db, statement)), None)


def _all(db: Unit, statement: Select[Any]) -> Iterable[Profile]:
    return (Profile(**row._asdict()) for row in db.execute(statement))
