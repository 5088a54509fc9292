"""The approval page: whoever holds a public access token of a token answers it here, once.

A link shows, a button acts: opening one changes nothing (see `access`).
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import anyone_with_the_approval_link, forms_of_our_own_pages
from ..access.principals import LinkHolder
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
from .access import UNKNOWN, Closed, Visit, closed_page, exchange, visit
from .views import door_view

Asked = Request[Any, Any, Any]


@get("/approve/{token_id:str}", guards=[anyone_with_the_approval_link])
async def approval_page(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """The question, or how it was answered. Looking changes nothing."""
    try:
        exchanged = await exchange(request, token_id)
        if exchanged is not None:
            return exchanged
        here = await visit(request, token_id)
        view = await _view(service_of(request), token_id, here)
    except Closed as closed:
        return closed_page(request, closed)
    return _question(request, view, here) if view["token"].is_waiting else _settled(request, view)


@post("/approve/{token_id:str}", guards=[anyone_with_the_approval_link, forms_of_our_own_pages])
async def answer(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Approve or send back. The first answer stands; who comes later is told so."""
    form = await form_of(request)
    try:
        here = await visit(request, token_id)
        return await _answered(request, token_id, here, form)
    except Closed as closed:
        return closed_page(request, closed)


ROUTES = [approval_page, answer]


async def _answered(request: Asked, token_id: str, here: Visit, form: Form) -> Response[Any]:
    service = service_of(request)
    output, errors = output_of({name: value for name, value in form.items() if name != "data"})
    if output is not None:
        by = here.guest.by("approval")
        settlement = await settle(service, token_id, here.environment_id, Answer(output=output), by)
        match settlement:
            case Settled():
                path = f"/approve/{token_id}"
                return see_other(path, say="answer-recorded", flash_path=path)
            case NotFound():
                raise Closed(UNKNOWN, 404)
            case Refused(code, reason):
                raise Problem(403, code, reason)
    view = await _view(service, token_id, here)
    token: Token = view["token"]
    if token.is_waiting:
        return _question(request, view, here, status_code=400, values=form, errors=errors)
    return _settled(request, view, status_code=409, choice=form.get("decision"))


async def _view(service: Service, token_id: str, here: Visit) -> View:
    view = await certain(service.database, door_view, token_id, here.environment_id)
    if view is None:
        raise Closed(UNKNOWN, 404)
    return view


def _question(
    request: Asked,
    view: View,
    here: Visit,
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
        tells_opened=isinstance(here.guest, LinkHolder),
    )


def _settled(request: Asked, view: View, *, status_code: int = 200, choice: str | None = None) -> Response[str]:
    """How it was answered; to somebody who chose too late, that their choice was not recorded."""
    if choice is not None and view["token"].is_completed:
        view["late_title"] = "This was already answered"
    return page(request, "approve/settled.html", status_code=status_code, **view, choice=choice)
