"""Whatever goes wrong becomes one answer: a problem document for programs, a page for people."""

from collections.abc import Callable
from typing import Any

import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from ..database import DatabaseUnavailable, StorageFull
from .problems import Problem, answer, is_for_a_program

Asked = Request[Any, Any, Any]
ErrorPage = Callable[[Asked, Problem], Response[Any]]
log = structlog.get_logger(__name__)


def handlers(error_page: ErrorPage) -> dict[Any, Any]:
    """Litestar's exception handlers; `error_page` draws a problem for people."""

    def handle(request: Asked, error: Exception) -> Response[Any]:
        problem = _problem(request, error)
        return answer(problem) if is_for_a_program(request) else error_page(request, problem)

    return {Problem: handle, HTTPException: handle, DatabaseUnavailable: handle, Exception: handle}


def for_programs(request: Asked, error: Exception) -> Response[Any]:
    """Whatever was raised, as a problem document."""
    return answer(_problem(request, error))


def _problem(request: Asked, error: Exception) -> Problem:
    match error:
        case Problem():
            return error
        case StorageFull():
            detail = "There is no room left to store anything; nothing was changed."
            return Problem(507, "storage-full", detail, headers={"Retry-After": "5"})
        case DatabaseUnavailable():
            detail = f"This cannot be answered now: {error}. Try again."
            return Problem(503, "unavailable", detail, headers={"Retry-After": "1"})
        case NotFoundException():
            return Problem(404, "not-found", "There is nothing under this address.", error="Not Found")
        case MethodNotAllowedException():
            detail = f"The method {request.method} is not allowed here."
            return Problem(405, "method-not-allowed", detail, headers=dict(error.headers or {}))
        case HTTPException():
            code = {400: "bad-request", 401: "unauthorized", 403: "forbidden", 413: "payload-too-large"}
            return Problem(error.status_code, code.get(error.status_code, "error"), error.detail)
        case _:
            return _broken(request, error)


def _broken(request: Asked, error: Exception) -> Problem:
    reference = f"{id(error):x}"
    route = getattr(request.scope.get("route_handler"), "name", None) or request.scope.get("path_template", "")
    log.error("a request failed", reference=reference, method=request.method, route=route, exc_info=error)
    return Problem(
        500, "broken", f"Something broke here; the log has it as {reference}.", more={"reference": reference}
    )
