"""A journey in a browser: one address for all steps, which shows the one that is asked now."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import (
    anyone_with_the_journey_link,
    anyone_with_the_journey_link_who_types,
    forms_of_our_own_pages,
)
from ..files.posted import form_with_files
from ..files.uploads import Glance, uploads_for
from ..links import links
from ..links.slugs import journey_in, slug_of
from ..pages import flash
from ..pages.answers import see_other
from ..pages.forms import Form
from ..pages.page import page
from ..requests import reading
from ..requests.access import ASKS_OTHERS, Closed, closed_page
from ..requests.answering import Place, TooLate, take
from ..requests.answers import without_secrets
from ..requests.turned_away import turned_away
from ..service import service_of
from ..tokens.models import By
from ..tokens.search import certain
from ..web.problems import Problem
from . import journeys
from .access import Follower, exchange, follower_at
from .journeys import Typed
from .views import around, journey_view

Asked = Request[Any, Any, Any]

_PATH = "/journeys/{journey:str}"
_STEP = _PATH + "/steps/{token_id:str}"
_PART, _GONE = "part", "gone"
_NEVER_KEPT = {"save", "decision", "version", "confirmed", "back", _PART, _GONE}
TEMPLATE = "journeys/show.html"


@get(_PATH, guards=[anyone_with_the_journey_link])
async def journey_page(request: Asked, journey: FromPath[str]) -> Response[Any]:
    """The step that is asked now, or what happens meanwhile. Looking changes nothing."""
    try:
        exchanged = await exchange(request, journey)
        if exchanged is not None:
            return exchanged
        follower = await follower_at(request, journey)
    except Closed as closed:
        return closed_page(request, closed)
    return await _page(request, follower)


@get(_STEP, guards=[anyone_with_the_journey_link])
async def step_page(journey: FromPath[str], token_id: FromPath[str]) -> Response[Any]:  # noqa: ARG001 - the path has it
    """Where a form was sent to, opened again: it is a step of that journey's page."""
    return see_other(f"/journeys/{slug_of(journey_in(journey))}")


@post(_STEP, guards=[anyone_with_the_journey_link, forms_of_our_own_pages])
async def answer(request: Asked, journey: FromPath[str], token_id: FromPath[str]) -> Response[Any]:
    """Answer a step, and see what comes next. Who comes too late is told so, and keeps what they had typed."""
    try:
        follower, by = await _follower_at_step(request, journey, token_id)
    except Closed as closed:
        return await turned_away(request, token_id, closed)
    beside = await around(service_of(request), follower, token_id)
    path = f"/journeys/{journey}"
    beside |= {"is_unsaved": True, "goes_on_by_itself": False}
    place = Place(path, f"{path}/steps/{token_id}", TEMPLATE, is_journey=True, beside=beside)
    try:
        told = await take(request, token_id, follower.environment_id, by, place)
    except TooLate as late:
        return await _page(request, follower, status_code=409, late=late.token, typed=late.typed)
    return told or see_other(path)


@post(_STEP + "/draft", guards=[anyone_with_the_journey_link_who_types, forms_of_our_own_pages])
async def save(request: Asked, journey: FromPath[str], token_id: FromPath[str]) -> Response[Any]:
    """Keep what was typed so far: by a script as it is typed, or by the button."""
    path = f"/journeys/{journey}"
    try:
        follower, by = await _follower_at_step(request, journey, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    here = (follower.environment_id, follower.journey, token_id)
    is_taken = await certain(service_of(request).database, journeys.takes_draft, *here, by)
    uploads = uploads_for(request, token_id, follower.environment_id) if is_taken else Glance()
    posted = await form_with_files(request, uploads)
    is_kept = await _keep(request, here, posted, by)
    if "save" not in posted:
        return Response(b"", status_code=204 if is_kept else 409)
    return see_other(path, say="draft-saved" if is_kept else "draft-too-late", flash_path=path)


@post(_PATH + "/opened", guards=[anyone_with_the_journey_link, forms_of_our_own_pages], status_code=204)
async def opened(request: Asked, journey: FromPath[str]) -> None:
    """The page tells that somebody is before it: their hand or their keyboard moved, not only a program's."""
    service = service_of(request)
    try:
        follower = await follower_at(request, journey)
    except Closed as closed:
        raise Problem(401, "unauthorized", "The link tells this, and was not opened here.") from closed
    if follower.link is None:
        return
    journey_now = await certain(
        service.database, journeys.find, follower.environment_id, follower.journey, follower.ways
    )
    if journey_now.current is not None:
        token_id, by = journey_now.current.token.id, follower.link.by("journey")
        await service.database.write(links.opened, follower.link.id, token_id, by)


ROUTES = [journey_page, step_page, answer, save, opened]


async def _page(request: Asked, follower: Follower, **more: Any) -> Response[str]:
    view = await journey_view(service_of(request), follower)
    was_answered_now = request.cookies.get(flash.NAME) == "answer-recorded"
    goes_on = view["redirect_url"] is not None and was_answered_now
    return page(request, TEMPLATE, **view, goes_on_by_itself=goes_on, **more)


async def _follower_at_step(request: Asked, slug: str, token_id: str) -> tuple[Follower, By]:
    """Who is at a step of the journey that they follow, and as whom. Raises Closed; of others' steps nothing is told."""
    follower, database = await follower_at(request, slug, token_id), service_of(request).database
    if not await database.read(journeys.is_step, follower.environment_id, follower.journey, token_id):
        raise Problem(404, "not-found", "There is no such step here.")
    by = await database.read(journeys.known_at, token_id, follower.ways)
    if by is None:
        raise Closed(ASKS_OTHERS, 403)
    return follower, by


async def _keep(request: Asked, here: tuple[str, str, str], posted: Form, by: By) -> bool:
    service = service_of(request)
    asked = await service.database.read(reading.find, here[-1])
    fields = {name: value for name, value in posted.items() if name not in _NEVER_KEPT}
    if asked is not None:
        fields = without_secrets(asked.spec, fields)
    gone = tuple(posted.get(_GONE, "").split("\n"))
    typed = Typed(fields, is_part=_PART in posted, gone=gone)
    key = f"token:{here[-1]}"
    saved = await service.database.write(journeys.save_draft, *here, typed, by, key=key)
    if saved == "too-long":
        raise Problem(413, "draft-too-long", f"A draft has at most {journeys.LONGEST_DRAFT:,} bytes.")
    return saved == "kept"
