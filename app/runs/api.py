"""Runs over HTTP, as trigger.dev's SDK asks for them."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import requires_an_api_key_that_may
from ..access.principals import ApiKey
from ..access.public_access import claims_of
from ..clock import iso
from ..environments import environments
from ..events import of_subject
from ..service import service_of
from ..tokens.api import is_strict, request_key
from ..tokens.schemas import Pagination
from ..web.bodies import read_body
from ..web.problems import Problem
from . import lifecycle
from .conversations import LOCK_ORDER
from .lifecycle import Unknown
from .models import Run
from .schemas import (
    ListedRun,
    RunEvent,
    RunEvents,
    RunId,
    RunList,
    ShownRun,
    TriggeredRun,
    TriggerTask,
    listed,
    new_run,
)
from .schemas import shown as shown_run
from .search import search, search_in

Asked = Request[Any, Any, Any]

TRIGGER_LIMIT = 3_145_728  # bytes
MOST_EVENTS = 1000


@post(
    "/api/v1/tasks/{task:str}/trigger",
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"body": TriggerTask, "answer": TriggeredRun, "problems": (400, 401, 403, 413, 415, 422, 429, 503)},
)
async def trigger_task(request: Asked, task: FromPath[str]) -> Response[bytes]:
    """Queue a run of a task. The same idempotency key gives the same run of that task, whatever became of it."""
    service, asker = service_of(request), _key(request)
    body = await read_body(request, TRIGGER_LIMIT)
    new = new_run(task, body, service.database.clock.now(), request_key(request), strict=is_strict(request))
    triggered = await service.database.write(
        lifecycle.trigger,
        asker.environment_id,
        new,
        asker.by("rest"),
        key=f"key:{asker.environment_id}:{new.idempotency_key or new.request_key or ''}",
    )
    run = triggered.run
    headers = {
        "x-trigger-jwt": await service.authentication.mint(run.environment_id, [f"read:runs:{run.id}"]),
        "x-trigger-jwt-claims": msgspec.json.encode(claims_of(run.environment_id)).decode(),
    }
    answer = msgspec.json.encode(TriggeredRun(run.id, triggered.is_cached))
    return Response(answer, media_type="application/json", headers=headers)


@get(
    "/api/v1/runs",
    guards=[requires_an_api_key_that_may("read")],
    opt={"query": "runs", "answer": RunList, "problems": (400, 401, 403, 429, 503)},
)
async def list_runs(request: Asked) -> Response[RunList]:
    """List the runs of the environment, newest first, without their payloads and outputs."""
    service, asker = service_of(request), _key(request)
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    wanted = search_in(query, service.database.clock.now(), strict=is_strict(request))
    page = await service.database.read(search, asker.environment_id, wanted)
    environment = await service.database.read(environments.get, asker.environment_id)
    runs: list[ListedRun] = [listed(run, environment.slug if environment else "") for run in page.runs]
    return Response(RunList(runs, Pagination(page.next, page.previous)))


@get(
    "/api/v3/runs/{run_id:str}",
    guards=[requires_an_api_key_that_may("read")],
    opt={"answer": ShownRun, "problems": (401, 403, 404, 429, 503)},
)
async def retrieve_run(request: Asked, run_id: FromPath[str]) -> Response[ShownRun]:
    """One run as it is now."""
    return Response(shown_run(await _readable(request, run_id)))


@get(
    "/api/v1/runs/{run_id:str}/events",
    guards=[requires_an_api_key_that_may("read")],
    opt={"answer": RunEvents, "problems": (401, 403, 404, 429, 503)},
)
async def list_run_events(request: Asked, run_id: FromPath[str]) -> Response[RunEvents]:
    """What happened to a run, oldest first."""
    run = await _readable(request, run_id)
    events = await service_of(request).database.read(of_subject, run.id, MOST_EVENTS)
    return Response(RunEvents([RunEvent(event.seq, event.kind, iso(event.at), event.data) for event in events]))


@post(
    "/api/v2/runs/{run_id:str}/cancel",
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"answer": RunId, "problems": (401, 403, 404, 413, 429, 503)},
)
async def cancel_run(request: Asked, run_id: FromPath[str]) -> Response[RunId]:
    """Cancel a run. A finished one stays as it is."""
    service, asker = service_of(request), _key(request)
    outcome = await service.database.write(
        lifecycle.cancel, run_id, asker.environment_id, asker.by("rest"), service.rules, key=LOCK_ORDER + run_id
    )
    if isinstance(outcome, Unknown):
        raise _no_run()
    return Response(RunId(outcome.id))


ROUTES = [trigger_task, list_runs, retrieve_run, list_run_events, cancel_run]


async def _readable(request: Asked, run_id: str) -> Run:
    run = await service_of(request).database.read(lifecycle.retrieve, run_id, _key(request).environment_id)
    if run is None:
        raise _no_run()
    return run


def _no_run() -> Problem:
    return Problem(404, "not-found", "There is no such run here.", error="Run not found")


def _key(request: Asked) -> ApiKey:
    asker = request.auth
    assert isinstance(asker, ApiKey)  # noqa: S101 - the guard let nobody else in
    return asker
