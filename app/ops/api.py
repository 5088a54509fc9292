"""What operators and developers ask over HTTP: metrics, and the description of the API."""

import hmac
import ipaddress
from functools import cache
from typing import Any

import msgspec
from litestar import Litestar, Request, Response, get
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.response import Redirect
from prometheus_client import CONTENT_TYPE_LATEST

from ..access.guards import anyone, anyone_known_or_not
from ..pages.desk import desk
from ..pages.page import page
from ..service import service_of
from ..web.problems import Problem
from . import reference
from .openapi import document

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


@get("/schema/openapi.json", guards=[anyone])
async def show_description(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The REST API, described for programs."""
    return Response(_described(request.app, service_of(request).public_url), media_type="application/json")


@get("/docs", guards=[anyone])
async def show_docs() -> Redirect:
    """The documentation here is that of the API; the rest lies beside the code."""
    return Redirect("/docs/api")


@get("/docs/api", guards=[anyone_known_or_not])
async def show_reference(request: Request[Any, Any, Any]) -> Response[str]:
    """The REST API, described for people."""
    public_url = service_of(request).public_url
    frame = await desk(request) if request.auth else None
    return page(request, "docs/api.html", frame=frame, public_url=public_url, **_reference(request.app, public_url))


ROUTES = [show_metrics, show_description, show_docs, show_reference]


_SHAPES = {"ShownToken", "Spec", "Decision", "OnTimeout", "Step", "Diff"}
"""What the operations only name: described once for all of them."""


@cache
def _described(app: Litestar, public_url: str) -> bytes:
    return msgspec.json.encode(document(app, public_url))


@cache
def _reference(app: Litestar, public_url: str) -> dict[str, Any]:
    described = msgspec.json.decode(_described(app, public_url))
    shapes = [shape for shape in reference.shapes(described) if shape.name in _SHAPES]
    return {
        "chapters": reference.chapters(described),
        "shapes": shapes,
        "shape_names": {shape.name for shape in shapes},
        "problem": reference.problem_fields(described),
    }
