"""The guards of sockets. They look before anything is accepted: who is refused sees a 403 and no socket."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from ..service import service_of
from ..web.problems import Problem
from ..web.rate_limits import Limit

Connection = ASGIConnection[Any, Any, Any, Any]


async def our_own_pages(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to pages of this very server: a browser sends cookies with sockets that any site opens.

    The browser names the page's origin, and it must be one of ours to the letter (threat: hijacked sockets).
    """
    origins = connection.headers.getall("origin", [])
    if len(origins) != 1 or origins[0] not in service_of(connection).origins:
        raise Problem(403, "cross-origin-socket", "This socket is for our own pages.")


async def anyone_with_the_approval_page_open(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to whoever has opened an approval link; the handler verifies their cookie.

    Counted apart from the page itself: where no socket comes through, trying again must not use up the page.
    """
    service = service_of(connection)
    limit = Limit(service.settings.public_rate_limit, 60)
    token_id = str(connection.path_params.get("token_id", ""))
    if service.limits.spend("approval-socket", token_id, limit).is_exceeded:
        raise Problem(429, "too-many-requests", "This page has tried too often; it goes on asking.")


async def anyone_with_the_journey_page_open(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to whoever has the page of a journey open; the handler verifies their cookie."""
    service = service_of(connection)
    limit = Limit(service.settings.public_rate_limit, 60)
    if service.limits.spend("journey-socket", str(connection.path_params.get("journey", "")), limit).is_exceeded:
        raise Problem(429, "too-many-requests", "This page has tried too often; it goes on asking.")


async def programs_that_say_who_they_are(_: Connection, __: BaseRouteHandler) -> None:
    """Open to programs of any origin; no cookie is read, and the conversation begins with who is asking."""
