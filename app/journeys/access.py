"""Who follows a journey: whoever has a link to it. The link opens the steps of that journey, and no other token."""

from typing import Any

from litestar import Response
from litestar.connection import ASGIConnection

from ..access.links import is_link
from ..access.principals import LinkHolder
from ..links.slugs import journey_in
from ..pages.answers import see_other
from ..requests.access import LINK, NO_SECRET, NOT_VALID, Closed, cookie_of, holder_of
from ..service import service_of

Connection = ASGIConnection[Any, Any, Any, Any]

COOKIE = "journey"


async def holder_at(connection: Connection, slug: str) -> LinkHolder:
    """Who is at the page of a journey, by the cookie that they bring. Raises Closed."""
    secret = connection.cookies.get(COOKIE)
    if not secret:
        raise Closed(NO_SECRET, 401)
    return await _holder_with(connection, slug, secret)


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
    return holder
