"""The frame of a page at the desk: who looks, at which environment, what waits there, and what waits for them."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request

from ..access.principals import Person
from ..database import Unit
from ..environments import environments
from ..environments.models import Environment
from ..inbox.search import reach_of, waiting_on
from ..service import service_of
from ..tokens.models import WAITING
from ..tokens.search import Search, count
from .page import Frame


class _Surroundings(msgspec.Struct, frozen=True):
    environment: Environment | None
    environments: Sequence[Environment]
    waiting: int
    asked: int


async def desk(request: Request[Any, Any, Any], slug: str | None = None) -> Frame:
    """The frame for the signed-in person, with the environments whose desk they may see.

    `slug` chooses one; unknown or none means the first.
    """
    person: Person = request.auth
    chosen = slug or request.query_params.get("environment")
    around = await service_of(request).database.read(_around, person, chosen)
    return Frame(
        person=person.name,
        environment=around.environment,
        environments=around.environments,
        waiting=around.waiting,
        asked=around.asked,
        is_member=person.is_member,
        is_owner=person.is_owner,
    )


def _around(db: Unit, person: Person, slug: str | None) -> _Surroundings:
    every = [environment for environment in environments.every(db) if person.may_see_desk_of(environment.id)]
    if not every:
        return _Surroundings(None, every, 0, waiting_on(db, reach_of(db, person)))
    chosen = next((environment for environment in every if slug in {environment.slug, environment.id}), every[0])
    waiting = count(db, chosen.id, Search(statuses=(WAITING,)))
    return _Surroundings(chosen, every, waiting, waiting_on(db, reach_of(db, person)))
