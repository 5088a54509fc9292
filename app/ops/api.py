"""What operators and developers ask over HTTP: metrics, and the description of the API."""

import hmac
import ipaddress
from typing import Any

from litestar import Request, Response, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from prometheus_client import CONTENT_TYPE_LATEST

from ..service import service_of
from ..web.problems import Problem

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def whoever_may_see_the_metrics(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Open to whoever has the metrics token; where none is set, to programs on this machine.

    A request that a proxy on this machine hands on came from elsewhere.
    """
    token = service_of(connection).settings.metrics_token
    if token is not None:
        given = connection.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            raise Problem(
                401,
                "unauthorized",
                "Send the header Authorization: Bearer <WAITPOINT_METRICS_TOKEN>.",
                headers={"WWW-Authenticate": "Bearer"},
            )
    elif not _is_from_here(connection):
        detail = "Metrics are for this machine only; set WAITPOINT_METRICS_TOKEN to read them from elsewhere."
        raise Problem(403, "forbidden", detail)


def _is_from_here(connection: ASGIConnection[Any, Any, Any, Any]) -> bool:
    if connection.client is None or any(name in connection.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(connection.client.host).is_loopback
    except ValueError:
        return False


@get("/metrics", guards=[whoever_may_see_the_metrics])
async def show_metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The numbers of this process, for Prometheus."""
    return Response(await service_of(request).metrics.text(), media_type=CONTENT_TYPE_LATEST)


ROUTES = [show_metrics]
