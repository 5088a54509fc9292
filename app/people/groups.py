"""Groups: people who are asked together. A request names one as `group:<slug>`."""

import re
from collections.abc import Collection, Iterable
from typing import Any

import msgspec
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from ..database import Unit
from ..database.tables import table_of
from ..tokens.models import By
from . import people
from .models import GroupMemberRow, GroupRow
from .people import Profile

_SLUG = re.compile(r"[a-z][a-z0-9-]{0,39}")

_groups = table_of(GroupRow)
_members = table_of(GroupMemberRow)


class Group(msgspec.Struct, frozen=True):
    """A group. `slug` is what requests call it, `name` what people do."""

    slug: str
    name: str


def is_slug(text: str) -> bool:
    """Whether a group may be called so: small letters, digits and hyphens, up to 40."""
    return _SLUG.fullmatch(text) is not None


def add(db: Unit, slug: str, name: str, by: By) -> bool:
    """Make a group. False: there is one of that slug."""
    values = {"slug": slug, "name": name, "created_at": db.now}
    made = db.execute(upsert(_groups).values(values).on_conflict_do_nothing().returning(_groups.c.slug)).one_or_none()
    if made is not None:
        db.record("group.added", slug, actor=by, data={"name": name})
    return made is not None


def remove(db: Unit, slug: str, by: By) -> bool:
    """Take a group away; its people stay. Requests that ask it are then open to nobody by this group."""
    db.execute(delete(_members).where(_members.c.group_slug == slug))
    gone = db.execute(delete(_groups).where(_groups.c.slug == slug).returning(_groups.c.slug)).one_or_none()
    if gone is not None:
        db.record("group.removed", slug, actor=by)
    return gone is not None


def join(db: Unit, slug: str, person_id: str, by: By) -> bool:
    """Put a person into a group. False: they are in it, and nothing changed."""
    values = {"group_slug": slug, "person_id": person_id}
    joining = upsert(_members).values(values).on_conflict_do_nothing().returning(_members.c.person_id)
    joined = db.execute(joining).one_or_none()
    if joined is not None:
        db.record("group.joined", person_id, actor=by, data={"group": slug})
    return joined is not None


def leave(db: Unit, slug: str, person_id: str, by: By) -> bool:
    """Take a person out of a group. False: they were not in it."""
    membership = (_members.c.group_slug == slug) & (_members.c.person_id == person_id)
    left = db.execute(delete(_members).where(membership).returning(_members.c.person_id)).one_or_none()
    if left is not None:
        db.record("group.left", person_id, actor=by, data={"group": slug})
    return left is not None


def find(db: Unit, slug: str) -> Group | None:
    """The group of that slug."""
    row = db.execute(select(_groups.c.slug, _groups.c.name).where(_groups.c.slug == slug)).one_or_none()
    return None if row is None else Group(row.slug, row.name)


def known(db: Unit, slugs: Collection[str]) -> set[str]:
    """Which of these slugs are those of groups."""
    return {*db.execute(select(_groups.c.slug).where(_groups.c.slug.in_(slugs))).scalars()}


def every(db: Unit) -> list[Group]:
    """All groups, by name."""
    rows = db.execute(select(_groups.c.slug, _groups.c.name).order_by(_groups.c.name, _groups.c.slug))
    return [Group(row.slug, row.name) for row in rows]


def members(db: Unit, slug: str) -> list[Profile]:
    """Who is in a group and can sign in, the first first."""
    return members_of(db, [slug]).get(slug, [])


def members_of(db: Unit, slugs: Collection[str]) -> dict[str, list[Profile]]:
    """Who is in each of these groups and can sign in, the first first."""
    found: dict[str, list[Profile]] = {}
    for slug, person in people.of_group(db, slugs) if slugs else ():
        found.setdefault(slug, []).append(person)
    return found


def groups_of(db: Unit, person_id: str) -> list[str]:
    """The slugs of a person's groups."""
    statement = select(_members.c.group_slug).where(_members.c.person_id == person_id).order_by(_members.c.group_slug)
    return [*db.execute(statement).scalars()]


def groups_of_all(db: Unit, person_ids: Collection[str]) -> dict[str, list[str]]:
    """The slugs of the groups of several people, by the person's id."""
    statement = select(_members).where(_members.c.person_id.in_(person_ids)).order_by(_members.c.group_slug)
    return _by_person(db.execute(statement))


def sizes(db: Unit) -> dict[str, int]:
    """How many people are in each group, by its slug; those in which nobody is are not told."""
    statement = select(_members.c.group_slug, func.count().label("size")).group_by(_members.c.group_slug)
    return {row.group_slug: row.size for row in db.execute(statement)}


def everybody_in(db: Unit, slug: str) -> set[str]:
    """The ids of all who are in a group, those who cannot sign in included."""
    return {*db.execute(select(_members.c.person_id).where(_members.c.group_slug == slug)).scalars()}


def memberships(db: Unit) -> dict[str, list[str]]:
    """The slugs of everybody's groups, by the person's id."""
    return _by_person(db.execute(select(_members).order_by(_members.c.group_slug)))


def _by_person(rows: Iterable[Any]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in rows:
        found.setdefault(row.person_id, []).append(row.group_slug)
    return found
