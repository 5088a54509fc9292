"""Whether the process lives, and whether it can do its work."""

from typing import Any

from litestar import Request, Response, get

from .access.guards import anyone
from .database import DatabaseUnavailable
from .events import head
from .service import service_of
from .web.problems import Problem, answer


@get("/healthz", guards=[anyone], include_in_schema=False)
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@get("/readyz", guards=[anyone], include_in_schema=False)
async def readyz(request: Request[Any, Any, Any]) -> Response[Any]:
    """The database can be read, the last write was stored, and the server is not stopping."""
    service = service_of(request)
    if service.stopping.is_set():
        return answer(Problem(503, "stopping", "The server is stopping."))
    if service.database.failure is not None:
        return answer(Problem(503, "unavailable", f"Writes fail: {service.database.failure}."))
    try:
        await service.database.read(head)
    except DatabaseUnavailable as error:
        return answer(Problem(503, "unavailable", f"Reads fail: {error}."))
    return Response({"status": "ready"})


ROUTES = [healthz, readyz]
