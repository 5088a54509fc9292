"""People are found, made and changed here.

What may not be done is answered with a Refusal: a sentence, and nothing has changed.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Select, delete, func, insert, select, update

from .. import ids, notifications
from ..database import Unit
from ..database.tables import table_of
from ..tokens.models import By
from .models import OWNER, EnvironmentRoleRow, GroupMemberRow, PersonRow, Role, has_mailbox

_people = table_of(PersonRow)
_roles = table_of(EnvironmentRoleRow)
_members = table_of(GroupMemberRow)


class Refusal(msgspec.Struct, frozen=True):
    """What cannot be done, and why."""

    code: str
    reason: str


NOBODY = Refusal("person-not-found", "There is no such person.")
LAST_OWNER = Refusal("last-owner", "This is the last owner. Make somebody else an owner first.")
ADDRESS_TAKEN = Refusal("address-taken", "Somebody here has this address already.")
OWNERS_ARE_EVERYWHERE = Refusal("owners-are-everywhere", "An owner is an owner in every environment.")


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

    @property
    def has_mailbox(self) -> bool:
        return has_mailbox(self.email)


class Invited(msgspec.Struct, frozen=True):
    """Somebody who was invited now, or who is here already."""

    person: Profile
    is_new: bool


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


def of_group(db: Unit, slugs: Collection[str]) -> Iterator[tuple[str, Profile]]:
    """Who is in these groups and can sign in, each with the group, the first first."""
    statement = (
        select(_members.c.group_slug, *_COLUMNS)
        .join(_people, _people.c.id == _members.c.person_id)
        .where(_members.c.group_slug.in_(slugs), _people.c.disabled_at.is_(None))
        .order_by(_people.c.id)
    )
    for row in db.execute(statement):
        values = row._asdict()
        yield values.pop("group_slug"), Profile(**values)


def of_addresses(db: Unit, emails: Collection[str]) -> dict[str, Profile]:
    """Whoever has these addresses, in small letters, by them."""
    found = _all(db, select(*_COLUMNS).where(_people.c.email.in_(emails))) if emails else ()
    return {person.email: person for person in found}


def names(db: Unit, person_ids: Sequence[str]) -> dict[str, str]:
    """What these people are called, by their ids."""
    found: list[Any] = [*db.execute(select(_people.c.id, _people.c.name).where(_people.c.id.in_(person_ids)))]
    return dict(found)


def are_there_any(db: Unit) -> bool:
    """Whether anybody can sign in yet."""
    count: int = db.execute(select(func.count()).select_from(_people)).scalar_one()
    return count > 0


def roles_of(db: Unit, person_id: str) -> dict[str, Role]:
    """In which environments a person's role is another than everywhere, by the environment's id."""
    rows = db.execute(select(_roles.c.environment_id, _roles.c.role).where(_roles.c.person_id == person_id))
    return {row.environment_id: row.role for row in rows}


def roles_of_all(db: Unit) -> dict[str, dict[str, Role]]:
    """The same of everybody, by the person's id."""
    found: dict[str, dict[str, Role]] = {}
    for row in db.execute(select(_roles)):
        found.setdefault(row.person_id, {})[row.environment_id] = row.role
    return found


def invite(db: Unit, email: str, name: str, role: Role, by: By) -> Invited:
    """Make a person, and mail them a sign-in link. Whoever is here already stays as they are and gets no mail."""
    known = find(db, email)
    if known is not None:
        return Invited(known, is_new=False)
    person = add(db, email, name, role, by)
    invitation = {"by": by.name or "", "role": role}
    notifications.queue(
        db, "invitation", person.email, cause=f"invitation:{person.id}", subject_id=person.id, data=invitation
    )
    return Invited(person, is_new=True)


def change_role(db: Unit, person_id: str, role: Role, by: By) -> Refusal | None:
    """Give a person another role everywhere."""
    person = held(db, person_id)
    if person is None:
        return NOBODY
    if person.role == OWNER and role != OWNER and is_last_owner(db, person):
        return LAST_OWNER
    if role != person.role:
        db.execute(update(_people).where(_people.c.id == person_id).values(role=role))
        db.record("person.role_changed", person_id, actor=by, data={"from": person.role, "to": role})
    return None


def change_role_in(db: Unit, person_id: str, environment_id: str, role: Role | None, by: By) -> Refusal | None:
    """Give a person another role in one environment; None gives them there the one that they have everywhere."""
    if get(db, person_id) is None:
        return NOBODY
    if role == OWNER:
        return OWNERS_ARE_EVERYWHERE
    before = roles_of(db, person_id).get(environment_id)
    if role == before:
        return None
    db.execute(delete(_roles).where(_roles.c.person_id == person_id, _roles.c.environment_id == environment_id))
    if role is not None:
        db.execute(insert(_roles), {"person_id": person_id, "environment_id": environment_id, "role": role})
    data = {"from": before, "to": role}
    db.record("person.role_changed", person_id, environment_id=environment_id, actor=by, data=data)
    return None


def change_profile(
    db: Unit, person_id: str, *, name: str, time_zone: str | None, wants_mail: bool, by: By, email: str | None = None
) -> Refusal | None:
    """What a person says of themselves; their address once, where they came before anybody knew it."""
    person = get(db, person_id)
    if person is None:
        return NOBODY
    values = {"name": name, "time_zone": time_zone, "notifications": wants_mail}
    address = {"email": email} if email is not None and not person.has_mailbox else {}
    if email is not None and address and find(db, email) is not None:
        return ADDRESS_TAKEN
    db.execute(update(_people).where(_people.c.id == person_id).values(values | address))
    db.record("person.changed_profile", person_id, actor=by, data=address)
    return None


def held(db: Unit, person_id: str) -> Profile | None:
    """The person. Nobody else changes an owner until this transaction ends: the last one has to stay."""
    db.execute(select(_people.c.id).where(_people.c.role == OWNER).order_by(_people.c.id).with_for_update())
    return get(db, person_id)


def is_last_owner(db: Unit, person: Profile) -> bool:
    """Whether nobody could make an owner again if this person were none. The person is held."""
    others = select(func.count()).where(
        _people.c.role == OWNER, _people.c.disabled_at.is_(None), _people.c.id != person.id
    )
    return person.role == OWNER and not person.is_disabled and db.execute(others).scalar_one() == 0


def _one(db: Unit, statement: Select[Any]) -> Profile | None:
    return next(iter(_all(db, statement)), None)


def _all(db: Unit, statement: Select[Any]) -> Iterable[Profile]:
    return (Profile(**row._asdict()) for row in db.execute(statement))
