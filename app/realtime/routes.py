"""The websocket routes."""

from typing import Any, cast

from litestar import WebSocket, websocket
from litestar.params import FromPath

from .. import ids
from ..access.guards import Guard, requires_a_member, requires_a_signed_in_person, session_cookie
from ..access.principals import Person
from ..inbox.filters import filters_of as inbox_filters_of
from ..journeys.access import follower_at
from ..requests.access import Closed, visit
from ..runs.filters import filters_of as run_filters_of
from ..runs.search import of_ids
from ..service import service_of
from ..tokens.filters import filters_of
from ..tokens.search import certain, retrieve
from ..web.problems import Problem, not_found
from .doors import (
    anyone_with_the_approval_page_open,
    anyone_with_the_journey_page_open,
    our_own_pages,
    programs_that_say_who_they_are,
)
from .lines import Line
from .live import Live
from .pages import Visitor

Socket = WebSocket[Any, Any, Any]

PROGRAMS: list[Guard] = [programs_that_say_who_they_are]
DESK: list[Guard] = [our_own_pages, requires_a_member]
DOOR: list[Guard] = [our_own_pages, anyone_with_the_approval_page_open]
JOURNEY: list[Guard] = [our_own_pages, anyone_with_the_journey_page_open]


@websocket("/api/v1/realtime", guards=PROGRAMS)
async def events(socket: Socket) -> None:
    """Events for programs, as JSON (docs/reference/realtime.md)."""
    await socket.accept()
    await _live(socket).programs.talk(Line(socket), socket.headers, socket.query_params.get("since"))


@websocket("/live/inbox", guards=[our_own_pages, requires_a_signed_in_person])
async def inbox(socket: Socket) -> None:
    """An open inbox."""
    visitor, filters = _visitor(socket), inbox_filters_of(socket.query_params)
    await socket.accept()
    await _live(socket).pages.keep_inbox(Line(socket), visitor, _person(socket), filters, _version(socket))


@websocket("/live/tokens", guards=DESK)
async def token_list(socket: Socket) -> None:
    """An open list."""
    visitor = _visitor(socket)
    await socket.accept()
    await _live(socket).pages.keep_tokens(Line(socket), visitor, filters_of(socket.query_params), _version(socket))


@websocket("/live/tokens/{token_id:str}", guards=DESK)
async def token_page(socket: Socket, token_id: FromPath[str]) -> None:
    """The open page of one token."""
    token = await certain(service_of(socket).database, retrieve, token_id)
    if token is None or not _person(socket).may_see_desk_of(token.environment_id):
        raise not_found()
    visitor = _visitor(socket)
    await socket.accept()
    await _live(socket).pages.keep_token(Line(socket), visitor, token, _version(socket))


@websocket("/live/runs", guards=DESK)
async def run_list(socket: Socket) -> None:
    """An open list of runs."""
    visitor = _visitor(socket)
    await socket.accept()
    await _live(socket).pages.keep_runs(Line(socket), visitor, run_filters_of(socket.query_params), _version(socket))


@websocket("/live/runs/{run_id:str}", guards=DESK)
async def run_page(socket: Socket, run_id: FromPath[str]) -> None:
    """The open page of one run."""
    found = await service_of(socket).database.read(of_ids, [run_id]) if ids.is_run_id(run_id) else []
    if not found or not _person(socket).may_see_desk_of(found[0].environment_id):
        raise not_found()
    visitor = _visitor(socket)
    await socket.accept()
    await _live(socket).pages.keep_run(Line(socket), visitor, found[0], _version(socket))


@websocket("/approve/{token_id:str}/live", guards=DOOR)
async def approval_page(socket: Socket, token_id: FromPath[str]) -> None:
    """The open approval page of one token."""
    try:
        here = await visit(socket, token_id)
    except Closed as closed:
        raise Problem(401, "unauthorized", "The approval link opens this socket, and was not opened here.") from closed

    async def is_welcome() -> bool:
        try:
            return await visit(socket, token_id) is not None
        except Closed:
            return False

    visitor = Visitor(here.name, is_welcome)
    await socket.accept()
    pages = _live(socket).pages
    await pages.keep_question(Line(socket), visitor, token_id, here.environment_id, _version(socket))


@websocket("/journeys/{journey:str}/live", guards=JOURNEY)
async def journey_page(socket: Socket, journey: FromPath[str]) -> None:
    """The open page of a journey."""
    try:
        follower = await follower_at(socket, journey)
    except Closed as closed:
        raise Problem(401, "unauthorized", "The link opens this socket, and was not opened here.") from closed

    async def is_welcome() -> bool:
        try:
            return await follower_at(socket, journey) is not None
        except Closed:
            return False

    visitor = Visitor(follower.name, is_welcome)
    await socket.accept()
    await _live(socket).pages.keep_journey(Line(socket), visitor, follower, _version(socket))


ROUTES = [events, inbox, token_list, token_page, run_list, run_page, approval_page, journey_page]


def _live(socket: Socket) -> Live:
    return cast("Live", socket.app.state["live"])


def _version(socket: Socket) -> str:
    """What the page shows, so that nothing is sent that it has."""
    return socket.query_params.get("version", "")


def _person(socket: Socket) -> Person:
    person: Person = socket.auth
    return person


def _visitor(socket: Socket) -> Visitor:
    """Who looks; welcome for as long as they may do all that they may do now."""
    person, service = _person(socket), service_of(socket)
    cookie = socket.cookies.get(session_cookie(service), "")

    async def is_welcome() -> bool:
        return await service.authentication.person(cookie) == person

    return Visitor(f"person:{person.id}", is_welcome, person.may_see_desk_of)
