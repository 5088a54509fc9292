"""Who stands at the door of a token: with a link of their own, a public access token, or signed in.

The secret in an address is exchanged for a cookie that only this door gets and that signs nobody in; and for an
address without it. What the secret is good for is looked up each time. Nothing here changes anything.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie

from .. import ids
from ..access.guards import person_at
from ..access.links import is_link
from ..access.principals import LinkHolder, Person, PublicAccess
from ..access.public_access import BadToken
from ..database import Unit
from ..links.models import TOKEN, Link
from ..pages import words
from ..pages.answers import see_other
from ..pages.page import page
from ..service import Service, service_of
from ..tokens.search import Doubt, certain, retrieve
from ..web.problems import Problem
from . import reading, rights

Connection = ASGIConnection[Any, Any, Any, Any]
Guest = PublicAccess | LinkHolder | Person

COOKIE = "approval"
LINK, PUBLIC_ACCESS = "link", "token"
"""The names that a secret has in an address."""
AFTERWARDS = timedelta(days=30)
"""How long a secret that opens nothing any more still shows what became of its question, to whoever is late."""

NO_SECRET = (
    "Open the link from your message again",
    [
        "This address alone does not open the question: the link in your message carries a secret, and this browser does not have it.",
        "Open the link in the message that you were sent, or sign in if you have an account here. Cookies have to be allowed. Nothing was changed.",
    ],
)
EXPIRED = (
    "This link has expired",
    [
        "It was good for a limited time, and that time is over.",
        "Ask whoever sent it to you for a new one. Nothing was changed.",
    ],
)
NOT_VALID = (
    "This link does not work",
    [
        "It may have been cut off on its way to you: open it from the message itself, or copy all of it.",
        "If it still does not work, ask whoever sent it to you for a new one. Nothing was changed.",
    ],
)
_ELSEWHERE = (
    "This link does not work",
    [
        "It belongs to another question than the one at this address.",
        "Open it from the message itself. If it still does not work, ask whoever sent it to you. Nothing was changed.",
    ],
)
NOT_ASKED = (
    "This question asks other people",
    [
        "You are signed in, and it is not among what you are asked.",
        "If you were sent a link to it, open that link. Nothing was changed.",
    ],
)
ASKS_OTHERS = (
    "This question asks other people",
    [
        "It asks certain people, and only they see it. It may have asked you before.",
        "If you were sent a link of your own, open that. Else talk to whoever sent you here. Nothing was changed.",
    ],
)
UNKNOWN = (
    "This question is not here",
    [
        "It may have been removed, or the link belongs to another server.",
        "Ask whoever sent it to you. Nothing was changed.",
    ],
)


class Visit(msgspec.Struct, frozen=True):
    """Somebody who may see a question, and the environment in which it is asked."""

    guest: Guest
    environment_id: str

    @property
    def name(self) -> str:
        """Whom the limits count."""
        return f"{type(self.guest).__name__}:{self.environment_id}:{self.guest.id}"


class Closed(Exception):
    """The door stays closed, and the page says kindly why.

    `opens_to_people` is the page that may open to whoever signs in.
    """

    def __init__(self, words: tuple[str, list[str]], status: int, *, opens_to_people: str = "") -> None:
        super().__init__(words[0])
        self.words = words
        self.status = status
        self.opens_to_people = opens_to_people


async def visit(connection: Connection, token_id: str) -> Visit:
    """Who is at the door, by the cookies that they bring. Raises Closed.

    Who has signed in, and may answer, is known best, and comes before whatever link they have. The link of somebody
    who is asked speaks for them all the same where only they may.
    """
    service = service_of(connection)
    person = await person_at(connection)
    asked = None if person is None else await certain(service.database, _asked, token_id, person)
    if person is not None and asked is not None and asked.is_theirs:
        return Visit(person, asked.environment_id)
    is_at_home = person is not None and asked is not None and person.may_see_desk_of(asked.environment_id)
    try:
        guest = await _guest_with_a_cookie(connection, token_id)
    except Closed:
        if not is_at_home:
            raise
        guest = None  # who may see it at the desk needs no link, whatever became of one
    is_shown = guest is not None and await is_shown_to(service, token_id, guest)
    if guest is not None and is_shown:
        may_answer = person is not None and asked is not None and asked.may_answer
        return Visit(person if person is not None and may_answer else guest, guest.environment_id)
    if person is not None and asked is not None and is_at_home:
        return Visit(person, asked.environment_id)
    if guest is not None:
        raise Closed(ASKS_OTHERS, 403)
    if person is not None:
        raise Closed(NOT_ASKED, 403)
    raise Closed(NO_SECRET, 401, opens_to_people=f"/approve/{token_id}")


async def exchange(connection: Connection, token_id: str) -> Response[Any] | None:
    """The clean address and the cookie for the secret that an address carries; None when it carries none. Raises Closed."""
    secret = connection.query_params.get(LINK) or connection.query_params.get(PUBLIC_ACCESS)
    if secret is None:
        return None
    service = service_of(connection)
    guest = await _guest_with(service, token_id, secret)
    path = f"/approve/{token_id}"
    cookie = cookie_of(service, COOKIE, secret, path, guest.expires_at)
    return see_other(path, cookies=(cookie,))


def cookie_of(service: Service, name: str, secret: str, path: str, until: datetime) -> Cookie:
    """The cookie that a secret is exchanged for."""
    now = service.clock.now()
    seconds = int((max(until, now) + AFTERWARDS - now).total_seconds())
    return Cookie(
        key=name,
        value=secret,
        path=path,
        max_age=seconds,
        httponly=True,
        samesite="lax",
        secure=service.is_secure,
    )


async def holder_of(service: Service, secret: str) -> LinkHolder:
    """Who holds the link of this secret. Raises Closed, kindly, where it was revoked or has expired."""
    try:
        link = await service.authentication.link(secret)
    except BadToken as error:
        raise Closed(NOT_VALID, 401) from error
    if link.is_revoked:
        raise Closed(_revoked(link), 410)
    is_to_token = link.kind == TOKEN
    return LinkHolder(
        link.id,
        link.environment_id,
        link.recipient,
        link.expires_at,
        token_id=link.subject if is_to_token else None,
        journey=None if is_to_token else link.subject,
    )


async def is_shown_to(service: Service, token_id: str, guest: Guest) -> bool:
    """Whether a question is the business of somebody at the door."""
    shown: bool = await service.database.read(rights.is_shown_to, token_id, guest.by("approval"))
    return shown


def closed_page(request: Any, closed: Closed, typed: Sequence[tuple[str, str]] = ()) -> Response[str]:
    """Why the door stays closed, and what was typed by whoever comes with an answer."""
    title, sentences = closed.words
    return page(
        request,
        "approve/late.html",
        status_code=closed.status,
        late_title=title,
        sentences=sentences,
        opens_to_people=closed.opens_to_people,
        typed=typed,
    )


async def _guest_with_a_cookie(connection: Connection, token_id: str) -> PublicAccess | LinkHolder | None:
    secret = connection.cookies.get(COOKIE)
    if not secret:
        return None
    try:
        return await _guest_with(service_of(connection), token_id, secret)
    except Closed as closed:
        if closed.words is _ELSEWHERE:
            return None
        raise


async def _guest_with(service: Service, token_id: str, secret: str) -> PublicAccess | LinkHolder:
    guest = await (holder_of(service, secret) if is_link(secret) else _public_access(service, secret))
    # A secret for all tokens opens only what is an id: the text becomes part of an address and a cookie.
    if not ids.is_token_id(token_id) or not guest.may_complete(token_id):
        raise Closed(_ELSEWHERE, 403)
    if guest.expires_at <= service.clock.now():
        token = await certain(service.database, retrieve, token_id, guest.environment_id)
        if token is None or token.is_waiting:
            raise Closed(EXPIRED, 410)
    return guest


async def _public_access(service: Service, secret: str) -> PublicAccess:
    try:
        return await service.authentication.public_access(secret, late=AFTERWARDS)
    except Problem as problem:
        is_over = "expired" in problem.detail
        raise (Closed(EXPIRED, 410) if is_over else Closed(NOT_VALID, 401)) from problem


class _Asked(msgspec.Struct, frozen=True):
    """Where a question is asked, whether it asks somebody, or is asked in their name, and whether they may answer it."""

    environment_id: str
    is_theirs: bool
    may_answer: bool


def _asked(db: Unit, token_id: str, person: Person) -> _Asked | Doubt | None:
    token = retrieve(db, token_id) if ids.is_token_id(token_id) else None
    if token is None or isinstance(token, Doubt):
        return token
    request, by = reading.find(db, token_id), person.by("approval")
    if request is None:
        return _Asked(token.environment_id, is_theirs=False, may_answer=True)
    is_theirs = rights.asks_person(db, request.spec, person.email) or rights.is_requester(db, request, by)
    return _Asked(token.environment_id, is_theirs, may_answer=rights.refusal(db, request, by) is None)


def _revoked(link: Link) -> tuple[str, list[str]]:
    assert link.revoked_at is not None  # noqa: S101 - for the type checker
    by = words.who_from_outside(msgspec.json.decode(link.revoked_by or "{}"))
    return (
        "This link was taken back",
        [
            f"{words.capitalised(by)} did so on {words.exact(link.revoked_at)}. Nothing more is needed from you.",
            "If you think that you are still asked, talk to whoever sent it to you. Nothing was changed.",
        ],
    )
