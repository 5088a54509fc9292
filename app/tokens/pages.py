"""Tokens in a browser: the list, one token whole, and a form for each thing that can be done to it."""

import json
import shlex
from typing import Any

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.params import FromPath

from .. import ids
from ..access.callbacks import callback_url
from ..access.guards import forms_of_our_own_pages, requires_a_member, requires_a_signed_in_person
from ..access.principals import Person
from ..environments.models import Environment
from ..pages import words
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of, named
from ..pages.lists import PERIODS
from ..pages.page import HEADERS, Frame, page
from ..service import Service, service_of
from ..web import strict_json
from ..web.problems import Problem, not_found
from . import lifecycle
from .api import approval_url_of, settle
from .filters import filters_of
from .lifecycle import Answer, NotFound, Refused, Settled, Settlement
from .models import Token
from .schemas import LONGEST_COMMENT, LONGEST_REASON, new_token
from .search import certain, retrieve
from .views import View, chips_of, list_view, token_view

Asked = Request[Any, Any, Any]

_NEW_FIELDS = {
    "timeout": "timeout",
    "tags": "tags",
    "idempotencyKey": "idempotency_key",
    "idempotencyKeyTTL": "idempotency_key_ttl",
}
DESK = [requires_a_member]
DESK_FORM = [requires_a_member, forms_of_our_own_pages]


@get("/", guards=[requires_a_signed_in_person])
async def front_door() -> Response[Any]:
    """The first page is what I am asked."""
    return see_other("/inbox")


@get("/tokens", guards=DESK)
async def list_page(request: Asked) -> Response[str]:
    """The list of tokens; its filters are its URL."""
    service, filters = service_of(request), filters_of(request.query_params)
    frame = await desk(request)
    environment = environment_of(frame)
    view = await certain(service.database, list_view, environment, filters)
    values = {"id": filters.id, "tags": ", ".join(filters.tags), "key": filters.key, "period": filters.period}
    return page(
        request,
        "tokens/index.html",
        frame=frame,
        **view,
        titles=await service.questions.titles([token.id for token in view["tokens"]]),
        heading=f"{words.capitalised(filters.status.replace('-', ' ')) or 'All'} tokens",
        chips=chips_of(filters),
        values=values,
        hidden={name: value for name in ("environment", "status") if (value := getattr(filters, name))},
        periods=list(PERIODS.items()),
        filters_open=filters.is_any,
        shown=_shown(view),
        snippets=snippets(service, environment),
        live_url=filters.url("/live/tokens", after=filters.after, before=filters.before),
    )


@get("/tokens/new", guards=DESK)
async def new_page(request: Asked) -> Response[str]:
    """The form for a token made by hand."""
    return page(request, "tokens/new.html", frame=await desk(request), values={"timeout": "10m"}, errors={})


@post("/tokens", guards=DESK_FORM)
async def create(request: Asked) -> Response[Any]:
    """Create a token, and show it."""
    service, form, frame = service_of(request), await form_of(request), await desk(request)
    try:
        new = new_token(_as_body(form), service.database.clock.now(), None, strict=False)
    except Problem as problem:
        errors = named(problem, _NEW_FIELDS)
        return page(request, "tokens/new.html", status_code=400, frame=frame, values=form, errors=errors)
    environment = environment_of(frame)
    created = await service.database.write(
        lifecycle.create,
        environment.id,
        new,
        by(request),
        service.rules,
        key=f"key:{environment.id}:{new.idempotency_key or ''}",
    )
    return see_other(f"/tokens/{created.token.id}", say="token-cached" if created.is_cached else "token-created")


@get("/tokens/{token_id:str}", guards=DESK)
async def show_page(request: Asked, token_id: FromPath[str]) -> Response[str]:
    """One token, whole."""
    return await _page_of(request, token_id)


@get("/tokens/{token_id:str}/output", guards=DESK)
async def output_page(request: Asked, token_id: FromPath[str]) -> Response[str]:
    """The output as it came in, as plain text."""
    token = await _token(request, token_id)
    if token.output is None:
        raise not_found()
    return Response(token.output, media_type=MediaType.TEXT, headers=HEADERS)


@post("/tokens/{token_id:str}/completion", guards=DESK_FORM)
async def complete(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Complete a token by hand: approve, send back, or give any JSON."""
    service, form = service_of(request), await form_of(request)
    token = await _token(request, token_id)
    output, errors = output_of(form)
    if output is None:
        return await _page_of(request, token_id, status_code=400, values=form, errors=errors)
    try:
        settlement = await settle(service, token.id, token.environment_id, Answer(output=output), by(request))
    except Problem as problem:
        if problem.status != 422:
            raise
        errors = {"data" if "data" in form else "comment": problem.detail}
        return await _page_of(request, token_id, status_code=400, values=form, errors=errors)
    if isinstance(settlement, Refused):
        errors = {"data" if "data" in form else "comment": settlement.reason}
        return await _page_of(request, token_id, status_code=403, values=form, errors=errors)
    return await _answered(request, token_id, settlement, "token-completed")


@post("/tokens/{token_id:str}/cancellation", guards=DESK_FORM)
async def cancel(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Withdraw a token, with a reason."""
    service, form = service_of(request), await form_of(request)
    token, reason = await _token(request, token_id), form.get("reason", "").strip()
    if len(reason) > LONGEST_REASON:
        errors = {"reason": f"A reason has at most {LONGEST_REASON:,} characters; this one has {len(reason):,}."}
        return await _page_of(request, token_id, status_code=400, values=form, errors=errors)
    settlement = await service.database.write(
        lifecycle.cancel,
        token.id,
        token.environment_id,
        reason or None,
        by(request),
        service.rules,
        key=f"token:{token.id}",
    )
    return await _answered(request, token_id, settlement, "token-cancelled")


@post("/tokens/{token_id:str}/time-out", guards=DESK_FORM)
async def time_out(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Let a token time out now, as if its deadline had come."""
    service = service_of(request)
    token = await _token(request, token_id)
    settlement = await service.database.write(
        lifecycle.time_out, token.id, token.environment_id, by(request), service.rules, key=f"token:{token.id}"
    )
    return await _answered(request, token_id, settlement, "token-timed-out")


ROUTES = [front_door, list_page, new_page, create, show_page, output_page, complete, cancel, time_out]


def output_of(form: Form) -> tuple[str | None, dict[str, str]]:
    """The output that a form asks for, or what is wrong with it, by field."""
    if "data" in form:
        return _json_in(form["data"].strip())
    decision, comment = form.get("decision"), form.get("comment", "").strip()
    if decision not in {"approve", "reject"}:
        return None, {"decision": "Choose Approve or Send back."}
    if len(comment) > LONGEST_COMMENT:
        return None, {
            "comment": f"A comment has at most {LONGEST_COMMENT:,} characters; this one has {len(comment):,}."
        }
    output = msgspec.json.encode({"approved": decision == "approve", "comment": comment})
    return output.decode(), {}


def by(request: Asked) -> Any:
    person: Person = request.auth
    return person.by("page")


def environment_of(frame: Frame) -> Environment:
    assert frame.environment is not None  # noqa: S101 - every desk has one
    return frame.environment


def snippets(service: Service, environment: Environment) -> dict[str, str]:
    """What to paste to make the first token, with the real address."""
    url, key = service.public_url, f"tr_{environment.slug}_sk_"
    curl = (
        f"curl {url}/api/v1/waitpoints/tokens \\\n"
        f'  -H "Authorization: Bearer $WAITPOINT_SECRET_KEY" \\\n'
        """  -d '{"timeout": "1h", "tags": ["first"]}'"""
    )
    python = (
        "from waitpoint import Waitpoint\n\n"
        f'with Waitpoint(url="{url}", secret_key="{key}…") as waitpoint:\n'
        '    token = waitpoint.tokens.create(timeout="1h", tags=["first"])\n'
        "    print(waitpoint.wait_for_token(token).unwrap())"
    )
    return {"curl": curl, "python": python, "key_start": key}


def _json_in(text: str) -> tuple[str | None, dict[str, str]]:
    if not text:
        return None, {"data": "Write some JSON, for example {}."}
    try:
        strict_json.parse(text.encode())
    except Problem as problem:
        return None, {
            "data": words.capitalised(
                problem.detail.replace("the body", "the output").replace("The body", "The output")
            )
        }
    return text, {}


def _as_body(form: Form) -> bytes:
    """A form in the shape of the API's body, so that both are read by the same rules."""
    tags = [tag.strip() for tag in form.get("tags", "").split(",") if tag.strip()]
    fields: dict[str, Any] = {"timeout": form.get("timeout", "").strip() or None, "tags": tags}
    for pointer in ("idempotencyKey", "idempotencyKeyTTL"):
        value = form.get(_NEW_FIELDS[pointer], "").strip()
        if value:
            fields[pointer] = value
    return msgspec.json.encode(fields)


def _shown(view: View) -> str:
    number = len(view["tokens"])
    if view["newer_url"] or view["older_url"]:
        return f"{number} on this page, newest first"
    return f"{number} {'token' if number == 1 else 'tokens'}, newest first"


async def _token(request: Asked, token_id: str) -> Token:
    database = service_of(request).database
    token = await certain(database, retrieve, token_id) if ids.is_token_id(token_id) else None
    if token is None or not request.auth.may_see_desk_of(token.environment_id):
        raise not_found()
    return token


async def _page_of(
    request: Asked,
    token_id: str,
    *,
    status_code: int = 200,
    values: Form | None = None,
    errors: dict[str, str] | None = None,
    late: bool = False,
) -> Response[str]:
    service = service_of(request)
    if not ids.is_token_id(token_id):
        raise not_found()
    view = await certain(service.database, token_view, token_id, None, service.besides)
    if view is None or not request.auth.may_see_desk_of(view["token"].environment_id):
        raise not_found()
    token: Token = view["token"]
    return page(
        request,
        "tokens/show.html",
        status_code=status_code,
        frame=await desk(request, view["environment"].slug),
        **view,
        **await _ways(service, token, view.get("example")),
        may_answer=True,
        values=values or {},
        errors=errors or {},
        late=late,
        live_url=f"/live/tokens/{token.id}",
    )


async def _ways(service: Service, token: Token, example: Any = None) -> dict[str, str | None]:
    """The doors by which a waiting token can be answered, with an example of an answer; a settled one has none."""
    if token.is_settled:
        return {"callback_url": None, "approval_url": None, "curl": None}
    body = shlex.quote(json.dumps({"data": example or {"approved": True}}, ensure_ascii=False))
    curl = (
        f"curl {service.public_url}/api/v1/waitpoints/tokens/{token.id}/complete \\\n"
        f'  -H "Authorization: Bearer $WAITPOINT_SECRET_KEY" \\\n'
        f"  -d {body}"
    )
    return {
        "callback_url": callback_url(service.public_url, token.id, service.callbacks.of(token.id)),
        "approval_url": await approval_url_of(service, token),
        "curl": curl,
    }


async def _answered(request: Asked, token_id: str, settlement: Settlement, done: str) -> Response[Any]:
    match settlement:
        case Settled():
            return see_other(f"/tokens/{token_id}", say=done)
        case NotFound():
            raise not_found()
        case Refused(code, reason):
            raise Problem(403, code, reason)
        case _:
            return await _page_of(request, token_id, status_code=409, late=True)
