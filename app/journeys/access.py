"""Who follows a journey: whoever has a link to it, and whoever has signed in and is asked there.

The link opens the steps of that journey, and no other token. Who has signed in, too, is known by both.
"""

from typing import Any

import msgspec
from litestar import Response
from litestar.connection import ASGIConnection

from ..access.guards import person_at
from ..access.links import is_link
from ..access.principals import LinkHolder, Person
from ..links.slugs import journey_in, slug_of
from ..pages.answers import see_other
from ..requests.access import (
    EXPIRED,
    LINK,
    NO_SECRET,
    NOT_ASKED,
    NOT_VALID,
    Closed,
    cookie_of,
    holder_of,
)
from ..service import service_of
from ..tokens.models import By
from . import journeys

Connection = ASGIConnection[Any, Any, Any, Any]

COOKIE = "journey"


class Follower(msgspec.Struct, frozen=True):
    """Whoever follows a journey: the holder of a link to it, or somebody who has signed in, or both in one."""

    environment_id: str
    journey: str
    link: LinkHolder | None
    person: Person | None

    @property
    def name(self) -> str:
        """Whom the limits count."""
        return f"journey:{self.environment_id}:{self.journey}:{self.ways[0].id}"

    @property
    def ways(self) -> tuple[By, ...]:
        """By what they are known, the link first."""
        return tuple(each.by("journey") for each in (self.link, self.person) if each is not None)


async def follower_at(connection: Connection, slug: str, token_id: str = "") -> Follower:
    """Who is at the page of a journey, or at one step of it, by the cookies that they bring. Raises Closed.

    Who has signed in and is asked there needs no link, and whatever became of one is no hindrance.
    """
    journey, person = journey_in(slug), await person_at(connection)
    try:
        link = await _holder_at(connection, slug)
    except Closed as closed:
        if person is None:
            raise
        find = (journeys.environment_asking, person.email, journey, token_id)
        environment_id = await service_of(connection).database.read(*find)
        if environment_id is not None:
            return Follower(environment_id, journey, None, person)
        if closed.words is NO_SECRET:
            raise Closed(NOT_ASKED, 403) from closed
        raise
    return Follower(link.environment_id, journey, link, person)


async def exchange(connection: Connection, slug: str) -> Response[Any] | None:
    """The clean address and the cookie for the secret that an address carries; None when it carries none. Raises Closed."""
    secret = connection.query_params.get(LINK)
    if secret is None:
        return None
    holder = await _holder_with(connection, slug, secret)
    path = f"/journeys/{slug}"
    cookie = cookie_of(service_of(connection), COOKIE, secret, path, holder.expires_at)
    return see_other(path, cookies=(cookie,))


async def _holder_at(connection: Connection, slug: str) -> LinkHolder:
    secret = connection.cookies.get(COOKIE)
    if not secret:
        raise Closed(NO_SECRET, 401, opens_to_people=f"/journeys/{slug_of(journey_in(slug))}")
    return await _holder_with(connection, slug, secret)


async def _holder_with(connection: Connection, slug: str, secret: str) -> LinkHolder:
    if not is_link(secret):
        raise Closed(NOT_VALID, 401)
    holder = await holder_of(service_of(connection), secret)
    if holder.journey is None or holder.journey != journey_in(slug):
        raise Closed(NOT_VALID, 403)
    if holder.expires_at <= service_of(connection).clock.now():
        raise Closed(EXPIRED, 410)
    return holder
