"""Who is asked: by their address, or through a group of theirs."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import ColumnElement, and_, false, or_, select

from ..access.principals import Person
from ..database import Unit
from ..database.tables import table_of
from ..people import groups
from ..requests.models import ADDRESS, GROUP, ApproverKind, RequestApproverRow

_approvers = table_of(RequestApproverRow)


class Asked(msgspec.Struct, frozen=True):
    """One name under which somebody is asked."""

    kind: ApproverKind
    value: str


def names_of(db: Unit, person: Person) -> list[Asked]:
    """Every name under which a person is asked."""
    return [Asked(ADDRESS, person.email), *(Asked(GROUP, slug) for slug in groups.groups_of(db, person.id))]


def is_asked(db: Unit, person: Person, token_id: str) -> bool:
    """Whether a person is among those whom the request of a token asks."""
    theirs = select(_approvers.c.token_id).where(_approvers.c.token_id == token_id, is_one_of(names_of(db, person)))
    return db.execute(theirs.limit(1)).one_or_none() is not None


def may_see(db: Unit, person: Person, token_id: str, environment_id: str) -> bool:
    """Whether a question is a person's business: it lies at a desk of theirs, or they are asked."""
    return person.may_see_desk_of(environment_id) or is_asked(db, person, token_id)


def is_one_of(names: Sequence[Asked]) -> ColumnElement[bool]:
    """Whether a row of those who are asked is one of these names: said so that an index finds each of them."""
    values = {kind: [name.value for name in names if name.kind == kind] for kind in (ADDRESS, GROUP)}
    of_kinds = [and_(_approvers.c.kind == kind, _approvers.c.value.in_(some)) for kind, some in values.items() if some]
    return or_(false(), *of_kinds)
