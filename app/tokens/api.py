"""Tokens over HTTP, as the contract has them (CONTRACT.md section 1)."""

import asyncio
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.callbacks import callback_url
from ..access.guards import (
    anyone_who_knows_the_callback_url,
    requires_an_api_key_or_public_access_to,
    requires_an_api_key_that_may,
)
from ..access.principals import ApiKey, PublicAccess
from ..access.public_access import LIFETIME, LONGEST_LIFETIME, claims_of, write_scope
from ..clock import iso
from ..durations import BadDuration, parse_duration
from ..service import Service, service_of
from ..web.bodies import read_body
from ..web.problems import Problem, invalid, not_found
from . import callbacks, lifecycle
from .lifecycle import AlreadySettled, Answer, Changed, Created, NotFound, Refused, Settlement, Unchecked
from .models import By, Token
from .queries import search_in
from .schemas import (
    CancelToken,
    CompletedToken,
    CompleteToken,
    CreatedToken,
    CreateToken,
    Pagination,
    ShownToken,
    TokenList,
    answer_in,
    cancel_reason_in,
    new_token,
    shown,
)
from .search import certain, retrieve, search
from .views import endings_of, settled_by

Asked = Request[Any, Any, Any]

CREATE_LIMIT = 524_288  # bytes
ANSWER_LIMIT = 3_145_728  # bytes
LONGEST_POLL = 60.0  # seconds
LONGEST_REQUEST_KEY = 255  # characters

_TRUE = frozenset({"true", "1"})
_DONE = Response(b'{"success":true}', media_type="application/json")


@post(
    "/api/v1/waitpoints/tokens",
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"body": CreateToken, "answer": CreatedToken, "problems": (400, 401, 403, 413, 415, 422, 429, 503)},
)
async def create_token(request: Asked) -> Response[bytes]:
    """Create a token. The same idempotency key gives the same token, whatever became of it."""
    service, asker = service_of(request), _key(request)
    body = await read_body(request, CREATE_LIMIT)
    now, strict = service.database.clock.now(), is_strict(request)
    new = new_token(body, now, request_key(request), strict=strict, questions=service.questions)
    if new.request is not None:
        await service.questions.admit(new)
    created = await service.database.write(
        lifecycle.create,
        asker.environment_id,
        new,
        asker.by("rest"),
        service.rules,
        key=f"key:{asker.environment_id}:{new.idempotency_key or new.request_key or ''}",
    )
    if created.is_cached and created.token.has_request and await service.questions.differs(created.token, new):
        created = msgspec.structs.replace(created, differing=(*created.differing, "request"))
    return await _created(service, created)


@get(
    "/api/v1/waitpoints/tokens",
    guards=[requires_an_api_key_that_may("read")],
    opt={"query": "list", "answer": TokenList, "problems": (400, 401, 403, 429, 503)},
)
async def list_tokens(request: Asked) -> Response[TokenList]:
    """List the tokens of the environment, newest first, without their outputs."""
    service, asker = service_of(request), _key(request)
    query = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    wanted = search_in(query, service.database.clock.now(), strict=is_strict(request))
    page = await certain(service.database, search, asker.environment_id, wanted)
    tokens = [shown(token, url_of(service, token.id), with_output=False) for token in page.tokens]
    return Response(TokenList(tokens, Pagination(page.next, page.previous)))


@get(
    "/api/v1/waitpoints/tokens/{token_id:str}",
    guards=[requires_an_api_key_or_public_access_to("read")],
    opt={"answer": ShownToken, "problems": (400, 401, 403, 404, 429, 503)},
)
async def retrieve_token(request: Asked, token_id: FromPath[str]) -> Response[ShownToken]:
    """One token as it is now."""
    service = service_of(request)
    return Response(await _shown(service, await _readable(request, service, token_id)))


@post(
    "/api/v1/waitpoints/tokens/{token_id:str}/complete",
    guards=[requires_an_api_key_or_public_access_to("complete")],
    status_code=200,
    opt={
        "body": CompleteToken,
        "answer": CompletedToken,
        "problems": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503),
    },
)
async def complete_token(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Complete a token. Completing it again changes nothing and still succeeds; the answer says so."""
    service, asker = service_of(request), request.auth
    body = await read_body(request, ANSWER_LIMIT)
    answer = answer_in(body, request_key(request), seen_version(request), strict=is_strict(request))
    if isinstance(asker, PublicAccess) and not asker.may_complete(token_id):
        raise beyond_the_scope()
    settlement = await settle(service, token_id, asker.environment_id, answer, asker.by("rest"), within="/data")
    return await _settled(request, settlement)


@post(
    "/api/v1/waitpoints/tokens/{token_id:str}/cancel",
    guards=[requires_an_api_key_that_may("complete")],
    status_code=200,
    opt={"body": CancelToken, "answer": CompletedToken, "problems": (400, 401, 403, 404, 409, 413, 415, 429, 503)},
)
async def cancel_token(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Withdraw a token, with a reason. A settled one stays as it is, and the answer says so."""
    service, asker = service_of(request), _key(request)
    reason = cancel_reason_in(await read_body(request, CREATE_LIMIT), strict=is_strict(request))
    settlement = await service.database.write(
        lifecycle.cancel,
        token_id,
        asker.environment_id,
        reason,
        asker.by("rest"),
        service.rules,
        key=f"token:{token_id}",
    )
    return await _settled(request, settlement)


@post(
    "/api/v1/waitpoints/tokens/{token_id:str}/callback/{digest:str}",
    guards=[anyone_who_knows_the_callback_url],
    status_code=200,
    opt={"body": Any, "answer": CompletedToken, "problems": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)},
)
async def call_back(request: Asked, token_id: FromPath[str], digest: FromPath[str]) -> Response[Any]:
    """Complete a token with whatever a service posts. The URL is the permission."""
    service = service_of(request)
    body = await read_body(request, ANSWER_LIMIT)
    token = await certain(service.database, retrieve, token_id)
    if token is None:
        raise not_found()
    if not service.callbacks.is_right(token_id, digest):
        raise Problem(
            401, "wrong-hash", "The hash in this URL is not the token's.", error="Invalid URL, hash doesn't match"
        )
    answer = Answer(output=callbacks.output_in(body, request.headers.get("content-type", "")))
    by = By(kind="callback", door="callback")
    return await _settled(request, await settle(service, token_id, token.environment_id, answer, by))


@get(
    "/api/v1/waitpoints/tokens/{token_id:str}/wait",
    guards=[requires_an_api_key_or_public_access_to("read")],
    opt={"query": "wait", "answer": ShownToken, "problems": (400, 401, 403, 404, 429, 503)},
)
async def wait_for_token(request: Asked, token_id: FromPath[str]) -> Response[ShownToken]:
    """The token as soon as it is settled, or as it is when the time is up."""
    service = service_of(request)
    seconds = poll_time(request.query_params.get("timeout"))
    async with service.watching.subject(token_id) as bell:
        token = await _readable(request, service, token_id)
        if token.is_waiting:
            await first_of(bell, service.stopping, seconds)
            token = await _readable(request, service, token_id)
    return Response(await _shown(service, token))


@post(
    "/engine/v1/runs/{run_id:str}/waitpoints/tokens/{token_id:str}/wait",
    guards=[requires_an_api_key_that_may("read")],
    status_code=200,
    opt={"answer": CompletedToken, "problems": (401, 403, 404, 429, 503)},
)
async def register_wait(request: Asked, run_id: FromPath[str], token_id: FromPath[str]) -> Response[bytes]:  # noqa: ARG001 - part of the contract's path
    """What the official SDK calls before it suspends a run of its own. The token must exist; nothing changes."""
    await _readable(request, service_of(request), token_id)
    return _DONE


ROUTES = [
    create_token,
    list_tokens,
    retrieve_token,
    complete_token,
    cancel_token,
    call_back,
    wait_for_token,
    register_wait,
]

EXPRESS = [create_token, complete_token]
"""The hottest, which `web/express.py` answers without the framework."""


async def settle(
    service: Service, token_id: str, environment_id: str, answer: Answer, by: By, *, within: str = ""
) -> Settlement:
    """End a token through the one function that can, with the server's rules; answered after the commit.

    An answer to a request is checked here, outside the writer, and again where the request was amended meanwhile.
    `within` is where the output stands in the body that was sent. Raises a 422 Problem.
    """
    while True:
        settlement = await service.database.write(
            lifecycle.settle, token_id, environment_id, answer, by, service.rules, key=f"token:{token_id}"
        )
        if not isinstance(settlement, Unchecked):
            return settlement
        answer = await service.questions.check(token_id, answer, within)


def url_of(service: Service, token_id: str) -> str:
    """The token's callback URL."""
    return callback_url(service.public_url, token_id, service.callbacks.of(token_id))


async def approval_url_of(service: Service, token: Token) -> str:
    """Where a person answers. What asks nothing in particular is opened by a secret that lives as long as it can."""
    ways = await service.questions.ways(service, token)
    if ways is not None:
        return ways.approval_url
    left = LONGEST_LIFETIME if token.timeout_at is None else token.timeout_at - service.clock.now()
    lifetime = min(max(left, LIFETIME), LONGEST_LIFETIME)
    access = await service.authentication.mint(token.environment_id, [write_scope(token.id)], lifetime)
    return f"{service.public_url}/approve/{token.id}?token={access}"


def is_strict(request: Asked) -> bool:
    """Whether the caller wants unknown keys refused (CONTRACT.md section 6)."""
    return request.headers.get("x-waitpoint-strict", "") in _TRUE


def beyond_the_scope() -> Problem:
    """The contract's 403 for a public access token of another scope."""
    return Problem(
        403,
        "unauthorized",
        "The public access token does not open this token.",
        error="Unauthorized",
        more={"param": "access_token", "type": "authorization"},
    )


async def _created(service: Service, created: Created) -> Response[bytes]:
    token = created.token
    access = await service.authentication.mint(token.environment_id, [write_scope(token.id)])
    headers = {
        "x-trigger-jwt": access,
        "x-trigger-jwt-claims": msgspec.json.encode(claims_of(token.environment_id)).decode(),
    }
    if created.differing:
        names = ", ".join(created.differing)
        headers["x-waitpoint-warning"] = f"the token was made before, with other options: {names}"
    ways = await service.questions.ways(service, token)
    urls = () if ways is None else (ways.approval_url, ways.journey_url)
    body = msgspec.json.encode(CreatedToken(token.id, created.is_cached, url_of(service, token.id), access, *urls))
    return Response(body, media_type="application/json", headers=headers)


async def _settled(request: Asked, settlement: Settlement) -> Response[Any]:
    match settlement:
        case NotFound():
            raise not_found()
        case Refused(code, reason):
            raise Problem(403, code, reason)
        case Changed(version):
            raise request_changed(version)
        case AlreadySettled(token):
            return await _too_late(request, token)
        case _:
            return _DONE


def request_changed(version: int) -> Problem:
    """What somebody is told who speaks of a request that was amended meanwhile."""
    detail = f"The request was amended after you had seen it: it is version {version} now. Read it, and answer again."
    return Problem(409, "request-changed", detail, more={"requestVersion": version})


async def _too_late(request: Asked, token: Token) -> Response[Any]:
    completed_at = iso(token.completed_at) if token.completed_at else None
    if request.headers.get("x-waitpoint-if-waiting", "") in _TRUE:
        ending = await service_of(request).database.read(endings_of, [token.id])
        asker: ApiKey | PublicAccess | None = request.scope.get("auth")
        raise conflict(token, settled_by(ending, outside=not isinstance(asker, ApiKey)))
    return Response(
        CompletedToken(success=True, already_completed=True, status=token.status, completed_at=completed_at)
    )


def conflict(token: Token, by: str | None = None) -> Problem:
    """How a token was settled, and by whom, to whoever came too late and wants to be told."""
    completed_at = iso(token.completed_at) if token.completed_at else None
    if token.is_cancelled:
        reason = f": {token.cancel_reason}" if token.cancel_reason else ""
        code, detail = "token-cancelled", f"The token was cancelled at {completed_at}{reason}."
    elif token.has_timed_out:
        code, detail = "token-timed-out", f"The token timed out at {completed_at}."
    else:
        code, detail = "token-already-completed", f"The token was completed at {completed_at}, and that answer stands."
    more = {"tokenStatus": token.status, "completedAt": completed_at, "completedBy": by, "output": token.output}
    return Problem(409, code, detail, more={name: value for name, value in more.items() if value is not None})


async def _shown(service: Service, token: Token) -> ShownToken:
    beside = await service.questions.shown(token) if token.has_request else {}
    return shown(token, url_of(service, token.id), with_output=True, **beside)


async def _readable(request: Asked, service: Service, token_id: str) -> Token:
    asker: ApiKey | PublicAccess = request.auth
    if isinstance(asker, PublicAccess) and not asker.may_read(token_id):
        raise beyond_the_scope()
    token = await certain(service.database, retrieve, token_id, asker.environment_id)
    if token is None:
        raise not_found()
    return token


def _key(request: Asked) -> ApiKey:
    asker = request.auth
    assert isinstance(asker, ApiKey)  # noqa: S101 - the guard let nobody else in
    return asker


def request_key(request: Asked) -> str | None:
    """What is the same for all attempts of one request. Raises a Problem."""
    key = request.headers.get("x-trigger-request-idempotency-key")
    if key is not None and len(key) > LONGEST_REQUEST_KEY:
        detail = f"The header x-trigger-request-idempotency-key has more than {LONGEST_REQUEST_KEY} characters."
        raise Problem(400, "invalid-key", detail)
    return key or None


def seen_version(request: Asked) -> int | None:
    """Which version of a request the caller speaks of; None for whichever there is. Raises a Problem."""
    text = request.headers.get("x-waitpoint-request-version")
    if not text:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 9:
        detail = f"The header x-waitpoint-request-version must be a whole number, not {text[:40]!r}."
        raise Problem(400, "invalid-version", detail)
    return int(text)


def poll_time(text: str | None) -> float:
    """How long a caller wants to be held, in seconds. Raises a Problem."""
    if text is None:
        return LONGEST_POLL
    try:
        return min(parse_duration(text).total_seconds(), LONGEST_POLL)
    except BadDuration as error:
        raise invalid("timeout", error.code, str(error)) from error


async def first_of(bell: asyncio.Event, stopping: asyncio.Event, seconds: float) -> None:
    """Return when the bell rings, the server stops, or the time is up."""
    waits = [asyncio.ensure_future(bell.wait()), asyncio.ensure_future(stopping.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
