"""Who follows a journey: whoever has a link to it. The link opens the steps of that journey, and no other token.

Who has signed in, too, is known by both.
"""

from typing import Any

import msgspec
from litestar import Response
from litestar.connection import ASGIConnection

from ..access.links import is_link
from ..access.principals import LinkHolder, Person
from ..links.slugs import journey_in
from ..pages.answers import see_other
from ..requests.access import EXPIRED, LINK, NO_SECRET, NOT_VALID, Closed, cookie_of, holder_of, person_at
from ..service import service_of
from ..tokens.models import By

Connection = ASGIConnection[Any, Any, Any, Any]

COOKIE = "journey"


class Follower(msgspec.Struct, frozen=True):
    """Whoever follows a journey: the holder of a link to it, who may have signed in."""

    link: LinkHolder
    person: Person | None

    @property
    def environment_id(self) -> str:
        return self.link.environment_id

    @property
    def journey(self) -> str:
        return self.link.journey or ""

    @property
    def ways(self) -> tuple[By, ...]:
        """By what they are known, the link first."""
        return tuple(each.by("journey") for each in (self.link, self.person) if each is not None)


async def follower_at(connection: Connection, slug: str) -> Follower:
    """Who is at the page of a journey, by the cookie that they bring. Raises Closed."""
    secret = connection.cookies.get(COOKIE)
    if not secret:
        raise Closed(NO_SECRET, 401)
    return Follower(await _holder_with(connection, slug, secret), await person_at(connection))


async def exchange(connection: Connection, slug: str) -> Response[Any] | None:
    """The clean address and the cookie for the secret that an address carries; None when it carries none. Raises Closed."""
    secret = connection.query_params.get(LINK)
    if secret is None:
        return None
    holder = await _holder_with(connection, slug, secret)
    path = f"/journeys/{slug}"
    cookie = cookie_of(service_of(connection), COOKIE, secret, path, holder.expires_at)
    return see_other(path, cookies=(cookie,))


async def _holder_with(connection: Connection, slug: str, secret: str) -> LinkHolder:
    if not is_link(secret):
        raise Closed(NOT_VALID, 401)
    holder = await holder_of(service_of(connection), secret)
    if holder.journey is None or holder.journey != journey_in(slug):
        raise Closed(NOT_VALID, 403)
    if holder.expires_at <= service_of(connection).clock.now():
        raise Closed(EXPIRED, 410)
    return holder
