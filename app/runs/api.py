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
from ..tokens.api import first_of, is_strict, poll_time, request_key
from ..tokens.schemas import Pagination, answer_in
from ..web.bodies import read_body
from ..web.problems import Problem, invalid
from . import inputs, lifecycle
from .cancelling import cancel
from .conversations import LOCK_ORDER
from .inputs import HasEnded, TooManyUnread
from .lifecycle import Unknown
from .models import COMPLETED, Run
from .schemas import (
    ListedRun,
    RunEvent,
    RunEvents,
    RunId,
    RunList,
    SendInput,
    SentInput,
    ShownRun,
    TriggeredRun,
    TriggerTask,
    input_name,
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
    opt={"query": "events", "answer": RunEvents, "problems": (400, 401, 403, 404, 429, 503)},
)
async def list_run_events(request: Asked, run_id: FromPath[str]) -> Response[RunEvents]:
    """What happened to a run, oldest first. With a timeout it is answered as soon as there is something."""
    service, run = service_of(request), await _readable(request, run_id)
    after = _after(request.query_params.get("after", "0"))
    asked = request.query_params.get("timeout")
    seconds = 0.0 if asked is None else poll_time(asked)
    async with service.watching.subject(run.id) as bell:
        events = await service.database.read(of_subject, run.id, MOST_EVENTS, after)
        if not events and seconds:
            await first_of(bell, service.stopping, seconds)
            events = await service.database.read(of_subject, run.id, MOST_EVENTS, after)
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
    outcome = await cancel(service, run_id, asker.environment_id, asker.by("rest"))
    if isinstance(outcome, Unknown):
        raise _no_run()
    return Response(RunId(outcome.id))


@post(
    "/api/v1/runs/{run_id:str}/retry",
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"answer": RunId, "problems": (401, 403, 404, 409, 413, 429, 503)},
)
async def retry_run(request: Asked, run_id: FromPath[str]) -> Response[RunId]:
    """Have a failed or cancelled run tried once more. It keeps its journal, so only what failed runs again."""
    service, asker = service_of(request), _key(request)
    outcome = await service.database.write(
        lifecycle.retry, run_id, asker.environment_id, asker.by("rest"), key=LOCK_ORDER + run_id
    )
    if isinstance(outcome, Unknown):
        raise _no_run()
    if outcome.status == COMPLETED:
        raise _has_ended("The run is completed; there is nothing to try again.")
    return Response(RunId(outcome.id))


@post(
    "/api/v1/runs/{run_id:str}/inputs/{name:str}",
    guards=[requires_an_api_key_that_may("complete")],
    status_code=200,
    opt={"body": SendInput, "answer": SentInput, "problems": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)},
)
async def send_input(request: Asked, run_id: FromPath[str], name: FromPath[str]) -> Response[SentInput]:
    """Send a run a value: to the wait for this name that has been open for longest, or to the next one."""
    service, asker = service_of(request), _key(request)
    name = input_name(name)
    answer = answer_in(await read_body(request, TRIGGER_LIMIT), request_key(request), strict=is_strict(request))
    outcome = await service.database.write(
        inputs.send,
        run_id,
        asker.environment_id,
        name,
        answer,
        asker.by("rest"),
        service.rules,
        key=LOCK_ORDER + run_id,
    )
    if isinstance(outcome, Unknown):
        raise _no_run()
    if isinstance(outcome, HasEnded):
        raise _has_ended("The run has ended and takes no input.")
    if isinstance(outcome, TooManyUnread):
        detail = f"The run has not read {inputs.MOST_UNREAD} values of this name; send more when it has."
        raise Problem(422, "too-many-inputs", detail)
    return Response(SentInput(success=True))


ROUTES = [trigger_task, list_runs, retrieve_run, list_run_events, cancel_run, retry_run, send_input]


async def _readable(request: Asked, run_id: str) -> Run:
    run = await service_of(request).database.read(lifecycle.retrieve, run_id, _key(request).environment_id)
    if run is None:
        raise _no_run()
    return run


def _after(number: str) -> int:
    if not (number.isascii() and number.isdecimal() and len(number) < 19):
        raise invalid("/after", "invalid-number", f"must be the number of an event, not {number[:40]!r}")
    return int(number)


def _no_run() -> Problem:
    return Problem(404, "not-found", "There is no such run here.", error="Run not found")


def _has_ended(detail: str) -> Problem:
    return Problem(409, "run-ended", detail)


def _key(request: Asked) -> ApiKey:
    asker = request.auth
    assert isinstance(asker, ApiKey)  # noqa: S101 - the guard let nobody else in
    return asker
