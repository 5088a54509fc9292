"""The approval page: whoever is asked, or holds a link, answers a token here, once.

A link shows, a button acts: opening one changes nothing (see `access`). What is asked, and what becomes of an answer,
is in `answering`.
"""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import anyone_with_the_approval_link, forms_of_our_own_pages
from .access import UNKNOWN, Closed, closed_page, exchange, visit
from .answering import show, take

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
        return closed_page(request, closed)
    told = await take(request, token_id, here.environment_id, here.guest.by("approval"))
    return told or closed_page(request, Closed(UNKNOWN, 404))


ROUTES = [approval_page, answer]
