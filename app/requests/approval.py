"""The approval page: whoever holds a public access token of a token answers it here, once.

A link shows, a button acts. Opening the link changes nothing: its secret is exchanged for a cookie that
only this page gets and that lives no longer than the secret, and for an address without it.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from .. import ids
from ..access.guards import anyone_with_the_approval_link, forms_of_our_own_pages
from ..access.principals import PublicAccess
from ..pages.answers import see_other
from ..pages.forms import Form, form_of
from ..pages.page import page
from ..service import Service, service_of
from ..tokens.api import settle
from ..tokens.lifecycle import Answer, NotFound, Refused, Settled
from ..tokens.models import Token
from ..tokens.pages import output_of
from ..tokens.search import certain
from ..tokens.views import View
from ..web.problems import Problem
from .views import door_view

Asked = Request[Any, Any, Any]

COOKIE = "approval"

_NO_SECRET = (
    "Open the link from your message again",
    [
        "This address alone does not open the question: the link in your message carries a secret, and this browser does not have it.",
        "Open the link in the message that you were sent. Cookies have to be allowed. Nothing was changed.",
    ],
)
_EXPIRED = (
    "This link has expired",
    [
        "It was good for a limited time, and that time is over.",
        "Ask whoever sent it to you for a new one. Nothing was changed.",
    ],
)
_NOT_VALID = (
    "This link does not work",
    [
        "It may have been cut off on its way to you: open it from the message itself, or copy all of it.",
        "If it still does not work, ask whoever sent it to you for a new one. Nothing was changed.",
    ],
)
_UNKNOWN = (
    "This question is not here",
    [
        "It may have been removed, or the link belongs to another server.",
        "Ask whoever sent it to you. Nothing was changed.",
    ],
)


@get("/approve/{token_id:str}", guards=[anyone_with_the_approval_link])
async def approval_page(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """The question, or how it was answered. Looking changes nothing."""
    if "token" in request.query_params:
        return await _exchange(request, token_id, request.query_params["token"])
    access = await _access(request, token_id)
    if isinstance(access, Response):
        return access
    view = await _view(service_of(request), token_id, access)
    if view is None:
        return _late(request, _UNKNOWN, 404)
    return _question(request, view) if view["token"].is_waiting else _settled(request, view)


@post("/approve/{token_id:str}", guards=[anyone_with_the_approval_link, forms_of_our_own_pages])
async def answer(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Approve or send back. The first answer stands; who comes later is told so."""
    service, form = service_of(request), await form_of(request)
    access = await _access(request, token_id)
    if isinstance(access, Response):
        return access
    output, errors = output_of({name: value for name, value in form.items() if name != "data"})
    if output is not None:
        by = access.by("approval")
        settlement = await settle(service, token_id, access.environment_id, Answer(output=output), by)
        match settlement:
            case Settled():
                path = f"/approve/{token_id}"
                return see_other(path, say="answer-recorded", flash_path=path)
            case NotFound():
                return _late(request, _UNKNOWN, 404)
            case Refused(code, reason):
                raise Problem(403, code, reason)
    view = await _view(service, token_id, access)
    if view is None:
        return _late(request, _UNKNOWN, 404)
    token: Token = view["token"]
    if token.is_waiting:
        return _question(request, view, status_code=400, values=form, errors=errors)
    return _settled(request, view, status_code=409, choice=form.get("decision"))


ROUTES = [approval_page, answer]


async def access_in(request: Any, token_id: str) -> PublicAccess | None:
    """What the approval cookie of a page, or of its socket, allows for this token. Raises a 401 Problem."""
    secret = request.cookies.get(COOKIE)
    if not secret:
        return None
    access = await service_of(request).authentication.public_access(secret)
    return access if _opens(access, token_id) else None


def _opens(access: PublicAccess, token_id: str) -> bool:
    """A secret for all tokens opens only what is an id: the text becomes part of an address and a cookie."""
    return ids.is_token_id(token_id) and access.may_complete(token_id)


async def _exchange(request: Asked, token_id: str, secret: str) -> Response[Any]:
    service = service_of(request)
    try:
        access = await service.authentication.public_access(secret)
    except Problem as problem:
        return _late(request, _EXPIRED if "expired" in problem.detail else _NOT_VALID, 401)
    if not _opens(access, token_id):
        return _late(request, _NOT_VALID, 403)
    path = f"/approve/{token_id}"
    seconds = int((access.expires_at - service.clock.now()).total_seconds())
    cookie = Cookie(
        key=COOKIE,
        value=secret,
        path=path,
        max_age=max(1, seconds),
        httponly=True,
        samesite="lax",
        secure=service.is_secure,
    )
    return see_other(path, cookies=(cookie,))


async def _access(request: Asked, token_id: str) -> PublicAccess | Response[str]:
    try:
        access = await access_in(request, token_id)
    except Problem as problem:
        return _late(request, _EXPIRED if "expired" in problem.detail else _NOT_VALID, 401)
    return access or _late(request, _NO_SECRET, 401)


async def _view(service: Service, token_id: str, access: PublicAccess) -> View | None:
    return await certain(service.database, door_view, token_id, access.environment_id)


def _question(
    request: Asked,
    view: View,
    *,
    status_code: int = 200,
    values: Form | None = None,
    errors: dict[str, str] | None = None,
) -> Response[str]:
    live_url = f"/approve/{view['token'].id}/live"
    return page(
        request,
        "approve/form.html",
        status_code=status_code,
        **view,
        values=values or {},
        errors=errors or {},
        live_url=live_url,
    )


def _settled(request: Asked, view: View, *, status_code: int = 200, choice: str | None = None) -> Response[str]:
    """How it was answered; to somebody who chose too late, that their choice was not recorded."""
    if choice is not None and view["token"].is_completed:
        view["late_title"] = "This was already answered"
    return page(request, "approve/settled.html", status_code=status_code, **view, choice=choice)


def _late(request: Asked, words: tuple[str, list[str]], status_code: int) -> Response[str]:
    title, sentences = words
    return page(request, "approve/late.html", status_code=status_code, late_title=title, sentences=sentences)
