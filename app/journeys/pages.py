"""A journey in a browser: one address for all steps, which shows the one that is asked now."""

import json
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import (
    anyone_with_the_journey_link,
    anyone_with_the_journey_link_who_types,
    forms_of_our_own_pages,
)
from ..access.principals import LinkHolder
from ..files.posted import form_with_files
from ..files.uploads import uploads_for
from ..links import links
from ..pages import flash
from ..pages.answers import see_other
from ..pages.forms import Form
from ..pages.page import page
from ..requests.access import Closed, closed_page
from ..requests.answering import Place, take
from ..requests.redirects import is_allowed
from ..service import service_of
from ..tokens.search import certain
from ..web.problems import Problem
from . import journeys
from .access import exchange, holder_at
from .views import around, journey_view

Asked = Request[Any, Any, Any]

_PATH = "/journeys/{journey:str}"
_STEP = _PATH + "/steps/{token_id:str}"
_NEVER_KEPT = {"save", "decision", "version", "confirmed", "back"}
TEMPLATE = "journeys/show.html"


@get(_PATH, guards=[anyone_with_the_journey_link])
async def journey_page(request: Asked, journey: FromPath[str]) -> Response[Any]:
    """The step that is asked now, or what happens meanwhile. Looking changes nothing."""
    try:
        exchanged = await exchange(request, journey)
        if exchanged is not None:
            return exchanged
        holder = await holder_at(request, journey)
    except Closed as closed:
        return closed_page(request, closed)
    view = await journey_view(service_of(request), holder)
    return page(request, TEMPLATE, **view, **_onward(request, view))


@post(_STEP, guards=[anyone_with_the_journey_link, forms_of_our_own_pages])
async def answer(request: Asked, journey: FromPath[str], token_id: FromPath[str]) -> Response[Any]:
    """Answer a step, and see what comes next."""
    try:
        holder = await _holder_of_step(request, journey, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    beside = await around(service_of(request), holder)
    path = f"/journeys/{journey}"
    place = Place(path, f"{path}/steps/{token_id}", TEMPLATE, is_journey=True, beside=beside | _NOWHERE)
    told = await take(request, token_id, holder.environment_id, holder.by("journey"), place)
    return told or see_other(path)


@post(_STEP + "/draft", guards=[anyone_with_the_journey_link_who_types, forms_of_our_own_pages])
async def save(request: Asked, journey: FromPath[str], token_id: FromPath[str]) -> Response[Any]:
    """Keep what was typed so far: by a script as it is typed, or by the button."""
    path = f"/journeys/{journey}"
    try:
        holder = await _holder_of_step(request, journey, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    posted = await form_with_files(request, uploads_for(request, token_id, holder.environment_id))
    is_kept = await _keep(request, holder, token_id, posted)
    if "save" not in posted:
        return Response(b"", status_code=204 if is_kept else 409)
    return see_other(path, say="draft-saved" if is_kept else "draft-too-late", flash_path=path)


@post(_PATH + "/opened", guards=[anyone_with_the_journey_link, forms_of_our_own_pages], status_code=204)
async def opened(request: Asked, journey: FromPath[str]) -> None:
    """The page tells that somebody is before it: their hand or their keyboard moved, not only a program's."""
    service = service_of(request)
    try:
        holder = await holder_at(request, journey)
    except Closed as closed:
        raise Problem(401, "unauthorized", "The link tells this, and was not opened here.") from closed
    current = (await certain(service.database, journeys.find, holder.environment_id, holder.journey or "")).current
    if current is not None:
        await service.database.write(links.opened, holder.id, current.token.id, holder.by("journey"))


ROUTES = [journey_page, answer, save, opened]

_NOWHERE: dict[str, Any] = {"redirect_url": None, "goes_on_by_itself": False}


async def _holder_of_step(request: Asked, slug: str, token_id: str) -> LinkHolder:
    """Who answers a step that belongs to their journey. Raises Closed; of another journey's steps nothing is told."""
    holder = await holder_at(request, slug)
    belongs = await service_of(request).database.read(
        journeys.is_step, holder.environment_id, holder.journey or "", token_id
    )
    if not belongs:
        raise Problem(404, "not-found", "There is no such step here.")
    return holder


async def _keep(request: Asked, holder: LinkHolder, token_id: str, posted: Form) -> bool:
    fields = json.dumps({name: value for name, value in posted.items() if name not in _NEVER_KEPT}, ensure_ascii=False)
    if len(fields.encode()) > journeys.LONGEST_DRAFT:
        raise Problem(413, "draft-too-long", f"A draft has at most {journeys.LONGEST_DRAFT:,} bytes.")
    is_kept: bool = await service_of(request).database.write(
        journeys.save_draft,
        holder.environment_id,
        holder.journey or "",
        token_id,
        fields,
        key=f"token:{token_id}",
    )
    return is_kept


def _onward(request: Asked, view: dict[str, Any]) -> dict[str, Any]:
    """Where somebody goes on who is done: by themselves, and right after the last answer without being asked."""
    latest = view["journey"].latest
    url = "" if latest is None else latest.spec.redirect_url
    if view["stage"] != "done" or not is_allowed(url, service_of(request).settings.redirect_urls):
        return _NOWHERE
    return {"redirect_url": url, "goes_on_by_itself": request.cookies.get(flash.NAME) == "answer-recorded"}
