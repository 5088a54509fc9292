"""Runs in a browser: the list, one run whole, and a button for each thing that can be done to it."""

from typing import Any

from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath

from .. import ids
from ..pages import words
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import form_of
from ..pages.lists import PERIODS
from ..pages.page import HEADERS, page
from ..service import service_of
from ..tokens.pages import DESK, DESK_FORM, by, environment_of
from ..tokens.search import certain
from ..tokens.views import View
from ..web.problems import not_found
from . import cancelling, lifecycle
from .conversations import LOCK_ORDER
from .filters import filters_of
from .lifecycle import Unknown
from .models import Run
from .search import of_ids
from .views import chips_of, list_view, run_view, snippets

Asked = Request[Any, Any, Any]


@get("/runs", guards=DESK)
async def list_page(request: Asked) -> Response[str]:
    """The list of runs; its filters are its URL."""
    service, filters = service_of(request), filters_of(request.query_params)
    frame = await desk(request)
    environment = environment_of(frame)
    view = await service.database.read(list_view, environment, filters)
    return page(
        request,
        "runs/index.html",
        frame=frame,
        **view,
        heading=f"{words.capitalised(filters.status) or 'All'} runs",
        chips=chips_of(filters),
        values={"id": filters.id, "task": filters.task, "tags": ", ".join(filters.tags), "period": filters.period},
        hidden={name: value for name in ("environment", "status") if (value := getattr(filters, name))},
        periods=list(PERIODS.items()),
        filters_open=filters.is_any,
        shown=_shown(view),
        snippets=snippets(service.public_url, environment),
        live_url=filters.url("/live/runs", after=filters.after, before=filters.before),
    )


@get("/runs/{run_id:str}", guards=DESK)
async def show_page(request: Asked, run_id: FromPath[str]) -> Response[str]:
    """One run, whole."""
    service = service_of(request)
    view = await certain(service.database, run_view, run_id) if ids.is_run_id(run_id) else None
    if view is None or not request.auth.may_see_desk_of(view["run"].environment_id):
        raise not_found()
    frame = await desk(request, view["environment"].slug)
    return page(request, "runs/show.html", frame=frame, **view, live_url=f"/live/runs/{run_id}")


@get("/runs/{run_id:str}/payload", guards=DESK)
async def payload_page(request: Asked, run_id: FromPath[str]) -> Response[str]:
    """What the run was given, as plain text."""
    run = await _run(request, run_id)
    return Response(run.payload, media_type=MediaType.TEXT, headers=HEADERS)


@get("/runs/{run_id:str}/output", guards=DESK)
async def output_page(request: Asked, run_id: FromPath[str]) -> Response[str]:
    """What the run gave, as plain text."""
    run = await _run(request, run_id)
    if run.output is None:
        raise not_found()
    return Response(run.output, media_type=MediaType.TEXT, headers=HEADERS)


@post("/runs/{run_id:str}/cancellation", guards=DESK_FORM)
async def cancel(request: Asked, run_id: FromPath[str]) -> Response[Any]:
    """End a run."""
    service, _ = service_of(request), await form_of(request)
    before = await _run(request, run_id)
    run = await cancelling.cancel(service, run_id, before.environment_id, by(request))
    is_done = not before.is_finished and not isinstance(run, Unknown) and run.is_canceled
    return see_other(f"/runs/{run_id}", say="run-cancelled" if is_done else "run-finished")


@post("/runs/{run_id:str}/retry", guards=DESK_FORM)
async def retry(request: Asked, run_id: FromPath[str]) -> Response[Any]:
    """Queue a failed or cancelled run once more."""
    service, _ = service_of(request), await form_of(request)
    before = await _run(request, run_id)
    arguments = (run_id, before.environment_id, by(request))
    run = await service.database.write(lifecycle.retry, *arguments, key=LOCK_ORDER + run_id)
    is_done = not isinstance(run, Unknown) and run.attempt > before.attempt and run.is_queued
    return see_other(f"/runs/{run_id}", say="run-retried" if is_done else "run-not-retried")


ROUTES = [list_page, show_page, payload_page, output_page, cancel, retry]


def _shown(view: View) -> str:
    number = len(view["runs"])
    if view["newer_url"] or view["older_url"]:
        return f"{number} on this page, newest first"
    return f"{number} {'run' if number == 1 else 'runs'}, newest first"


async def _run(request: Asked, run_id: str) -> Run:
    database = service_of(request).database
    found = await database.read(of_ids, [run_id]) if ids.is_run_id(run_id) else []
    if not found or not request.auth.may_see_desk_of(found[0].environment_id):
        raise not_found()
    return found[0]
