"""A question on somebody else's page: `static/waitpoint.js` draws it there, and sends what was answered.

It is the same question, drawn by the same templates and taken by the same function as on our own page; only the frame
is missing. The permission is the public access token, so no cookie is read, and any origin may ask.
"""

import re
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import requires_an_api_key_or_public_access_to
from ..access.principals import ApiKey, PublicAccess
from ..database import Unit
from ..service import service_of
from ..tokens.api import beyond_the_scope
from ..tokens.lifecycle import Refused
from ..tokens.search import certain, retrieve
from ..web.problems import Problem, not_found
from . import reading, rights
from .answering import show, take

Asked = Request[Any, Any, Any]

DOOR = "form"
_HEADING = re.compile(r"<(/?)h([1-5])\b")  # each becomes one lower: the page around it has a heading of its own


class Drawn(msgspec.Struct, rename="camel"):
    """A question as HTML, without a page around it. `is_settled` when there is nothing to answer any more."""

    html: str
    is_settled: bool


@get("/api/v1/waitpoints/tokens/{token_id:str}/form", guards=[requires_an_api_key_or_public_access_to("complete")])
async def show_elsewhere(request: Asked, token_id: FromPath[str]) -> Response[Drawn]:
    """The question as HTML, or how it was answered. Looking changes nothing."""
    asker = await _asker(request, token_id)
    return await _drawn(request, token_id, await show(request, token_id, asker.environment_id, asker.by(DOOR)))


@post(
    "/api/v1/waitpoints/tokens/{token_id:str}/form",
    guards=[requires_an_api_key_or_public_access_to("complete")],
    status_code=200,
)
async def answer_elsewhere(request: Asked, token_id: FromPath[str]) -> Response[Drawn]:
    """Take what was filled in; the question again when something is wrong with it, or only its rows have changed."""
    asker = await _asker(request, token_id)
    by = asker.by(DOOR)
    told = await take(request, token_id, asker.environment_id, by)
    if told is not None and told.status_code == 303:  # recorded: on a page of ours, the browser would go and look
        told = await show(request, token_id, asker.environment_id, by)
    return await _drawn(request, token_id, told)


ROUTES = [show_elsewhere, answer_elsewhere]


async def _asker(request: Asked, token_id: str) -> ApiKey | PublicAccess:
    """Who asks. Raises a 403 Problem: a public access token names nobody, and reads nothing that asks somebody."""
    asker: ApiKey | PublicAccess = request.auth
    if isinstance(asker, ApiKey):
        return asker
    if not asker.may_complete(token_id):
        raise beyond_the_scope()
    refused = await service_of(request).database.read(_refusal, token_id, asker)
    if refused is not None:
        raise Problem(403, refused.code, refused.reason)
    return asker


def _refusal(db: Unit, token_id: str, asker: PublicAccess) -> Refused | None:
    token = retrieve(db, token_id, asker.environment_id)
    asked = reading.find(db, token_id) if token is not None else None
    return None if asked is None else rights.refusal(db, asked, asker.by(DOOR))


async def _drawn(request: Asked, token_id: str, told: Response[Any] | None) -> Response[Drawn]:
    token = await certain(service_of(request).database, retrieve, token_id)
    if told is None or token is None:
        raise not_found()
    html = _HEADING.sub(lambda found: f"<{found[1]}h{int(found[2]) + 1}", str(told.content))
    return Response(Drawn(html.strip(), token.is_settled), status_code=told.status_code, media_type="application/json")
