"""The approval page: whoever is asked, or holds a link, answers a token here, once.

A link shows, a button acts: opening one changes nothing (see `access`). What is asked, and what becomes of an answer,
is in `answering`.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import anyone_with_the_approval_link, forms_of_our_own_pages, requires_a_signed_in_person
from ..pages.answers import see_other
from ..pages.forms import form_of
from ..service import service_of
from ..tokens.lifecycle import Refused
from ..tokens.schemas import LONGEST_REASON
from ..web.problems import Problem
from . import lifecycle
from .access import UNKNOWN, Closed, closed_page, exchange, visit
from .answering import show, take
from .turned_away import turned_away

Asked = Request[Any, Any, Any]


@get("/approve/{token_id:str}", guards=[anyone_with_the_approval_link])
async def approval_page(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """The question, or how it was answered. Looking changes nothing."""
    try:
        exchanged = await exchange(request, token_id)
        if exchanged is not None:
            return exchanged
        here = await visit(request, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    shown = await show(request, token_id, here.environment_id, here.guest.by("approval"))
    return shown or closed_page(request, Closed(UNKNOWN, 404))


@post("/approve/{token_id:str}", guards=[anyone_with_the_approval_link, forms_of_our_own_pages])
async def answer(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Answer it. The first answer stands; who comes later is told so."""
    try:
        here = await visit(request, token_id)
    except Closed as closed:
        return await turned_away(request, token_id, closed)
    told = await take(request, token_id, here.environment_id, here.guest.by("approval"))
    return told or closed_page(request, Closed(UNKNOWN, 404))


@post("/approve/{token_id:str}/withdrawal", guards=[requires_a_signed_in_person, forms_of_our_own_pages])
async def withdraw(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Whoever has asked takes the question back, with a reason. A question that was settled stays as it is."""
    try:
        here = await visit(request, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    service, reason = service_of(request), (await form_of(request)).get("reason", "").strip()
    if len(reason) > LONGEST_REASON:
        raise Problem(400, "invalid-reason", f"A reason has at most {LONGEST_REASON:,} characters.")
    settlement = await service.database.write(
        lifecycle.withdraw,
        token_id,
        here.environment_id,
        reason or None,
        here.guest.by("approval"),
        service.rules,
        key=f"token:{token_id}",
    )
    if isinstance(settlement, Refused):
        raise Problem(403, settlement.code, settlement.reason)
    return see_other(f"/approve/{token_id}")


ROUTES = [approval_page, answer, withdraw]
