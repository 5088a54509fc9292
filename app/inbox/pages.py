"""The inbox in a browser: the list, deciding in it, and going on to the next."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from .. import ids
from ..access.guards import forms_of_our_own_pages, requires_a_signed_in_person
from ..access.principals import Person
from ..database import Unit
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import form_of
from ..pages.page import page
from ..pages.paths import own_path
from ..requests import reading as requests
from ..requests.answers import Choice, choices_of, output_of
from ..requests.reading import Request as StandingRequest
from ..service import service_of
from ..tokens.api import settle
from ..tokens.lifecycle import Answer, Changed, NotFound, Refused, Settled
from ..tokens.search import certain, retrieve
from ..web.problems import Problem, not_found
from .asked import may_see
from .filters import ANSWERED, DUE, Filters, filters_of
from .search import reach_of, search
from .views import chips_of, inbox_view, is_quick

Asked = Request[Any, Any, Any]

PATH = "/inbox"


@get(PATH, guards=[requires_a_signed_in_person])
async def inbox_page(request: Asked) -> Response[str]:
    """What I am asked; the filters are the URL."""
    filters = filters_of(request.query_params)
    frame = await desk(request)
    view = await service_of(request).database.read(inbox_view, _me(request), filters)
    return page(
        request,
        "inbox/index.html",
        frame=frame,
        **view,
        has_mailbox=_me(request).has_mailbox,
        chips=chips_of(filters),
        values={
            "q": filters.q,
            "tags": ", ".join(filters.tags),
            "environment": filters.environment,
            "due": filters.due,
        },
        hidden={name: value for name in ("scope", "status") if (value := getattr(filters, name))},
        due=[(period, f"due {words}" if period else words) for period, words in DUE.items()],
        is_answered=filters.status == ANSWERED,
        live_url=filters.url("/live/inbox", after=filters.after, before=filters.before),
    )


@get(PATH + "/next", guards=[requires_a_signed_in_person])
async def next_one(request: Asked) -> Response[Any]:
    """The most urgent request that waits for me, or the list when nothing does."""
    token_id = await service_of(request).database.read(_most_urgent, _me(request))
    return see_other(f"/approve/{token_id}" if token_id else PATH)


@post(PATH + "/{token_id:str}/answer", guards=[requires_a_signed_in_person, forms_of_our_own_pages])
async def decide(request: Asked, token_id: FromPath[str]) -> Response[Any]:
    """Decide in the list, where a decision needs nothing but itself, and go on to the row behind."""
    service, form, person = service_of(request), await form_of(request), _me(request)
    token = await certain(service.database, retrieve, token_id) if ids.is_token_id(token_id) else None
    if token is None or not await service.database.read(may_see, person, token.id, token.environment_id):
        raise not_found()
    back = own_path(form.get("back", "")) or PATH
    if token.is_settled:
        return see_other(back, say="too-late")
    standing = await service.database.read(requests.find, token.id)
    choice = None if standing is None else _quick_choice(standing, form.get("decision", ""))
    if standing is None or choice is None or form.get("version") != str(standing.version):
        return see_other(f"/approve/{token.id}")  # there it is asked with all that belongs to it
    output = msgspec.json.encode(output_of(choice, None, "")).decode()
    answer = Answer(output=output, seen_version=standing.version)
    match await settle(service, token.id, token.environment_id, answer, person.by("inbox")):
        case Settled():
            return see_other(f"{back}{_beside(form.get('next', ''))}", say="answer-recorded")
        case Changed():
            return see_other(f"/approve/{token.id}")
        case Refused(code, reason):
            raise Problem(403, code, reason)
        case NotFound():
            raise not_found()
        case _:
            return see_other(back, say="too-late")


ROUTES = [inbox_page, next_one, decide]


def _most_urgent(db: Unit, person: Person) -> str | None:
    page_of_mine = search(db, reach_of(db, person), Filters())
    return page_of_mine.entries[0].token_id if page_of_mine.entries else None


def _quick_choice(standing: StandingRequest, value: str) -> Choice | None:
    return next((each for each in choices_of(standing.spec) if each.value == value and is_quick(each)), None)


def _beside(next_id: str) -> str:
    """Where the page that follows puts the finger: on the link of that row, which takes the focus by itself."""
    return f"#open_{next_id}" if ids.is_token_id(next_id) else ""


def _me(request: Asked) -> Person:
    person: Person = request.auth
    return person
