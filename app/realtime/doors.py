"""The guards of sockets. Both look before anything is accepted: who is refused sees a 403 and no socket."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from ..service import service_of
from ..web.problems import Problem

Connection = ASGIConnection[Any, Any, Any, Any]


async def our_own_pages(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to pages of this very server: a browser sends cookies with sockets that any site opens.

    The browser names the page's origin, and it must be one of ours to the letter (threat: hijacked sockets).
    """
    origins = connection.headers.getall("origin", [])
    if len(origins) != 1 or origins[0] not in service_of(connection).origins:
        raise Problem(403, "cross-origin-socket", "This socket is for our own pages.")


async def programs_that_say_who_they_are(_: Connection, __: BaseRouteHandler) -> None:
    """Open to programs of any origin; no cookie is read, and the conversation begins with who is asking."""
