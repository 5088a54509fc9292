"""A person's own page: what they say of themselves, how they come in, and where they are signed in."""

from typing import Any

import msgspec
from litestar import Request, Response, get, post

from ..access.guards import forms_of_our_own_pages, requires_a_signed_in_person
from ..access.principals import Person
from ..database import Unit
from ..notifications.addresses import BadAddress, address_of
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of, wrong_name_of_person
from ..pages.page import page
from ..service import service_of
from ..web.rate_limits import Limit
from . import groups, passwords, people, sign_in, time_zones
from .groups import Group
from .models import has_mailbox
from .pages import cookie
from .people import Profile, Refusal
from .sign_in import OpenSession

Asked = Request[Any, Any, Any]

PATH = "/profile"
_GUARDS = [requires_a_signed_in_person]
_FORM_GUARDS = [requires_a_signed_in_person, forms_of_our_own_pages]
_TRIES = Limit(10, 600)  # of the current password, by whoever sits at an open session


@get(PATH, guards=_GUARDS)
async def profile_page(request: Asked) -> Response[str]:
    """Me."""
    return await _page(request)


@post(PATH, guards=_FORM_GUARDS)
async def change(request: Asked) -> Response[Any]:
    """Name, time zone, notifications; and the address of the first owner, as long as nobody knows it."""
    service, form, person = service_of(request), await form_of(request), _me(request)
    name, time_zone = form.get("name", "").strip(), form.get("time_zone", "").strip()
    errors = wrong_name_of_person(name, "name")
    if time_zone and not time_zones.is_one(time_zone):
        errors["time_zone"] = "Choose a time zone by its name, such as Europe/Berlin, or leave this empty."
    try:
        email = _own_address(form)
    except BadAddress as problem:
        email, errors["email"] = None, f"Write an address that mails reach: {problem}."
    if errors:
        return await _page(request, status_code=400, values=form, errors=errors)

    def store(db: Unit) -> Refusal | None:
        return people.change_profile(
            db,
            person.id,
            name=name,
            time_zone=time_zone or None,
            wants_mail=form.get("notifications") == "on",
            by=person.by("page"),
            email=email,
        )

    refusal = await service.database.write(store)
    if refusal is not None:
        return await _page(request, status_code=400, values=form, errors={"email": refusal.reason})
    return see_other(PATH, say="profile-saved")


@post(PATH + "/password", guards=_FORM_GUARDS)
async def change_password(request: Asked) -> Response[Any]:
    """Set a password, or another one. Every other session ends."""
    service, form, person = service_of(request), await form_of(request), _me(request)
    seen = await service.database.read(_look, person)
    new = form.get("new_password", "")
    errors = {}
    if seen.asks_for_current:
        if service.limits.spend("current-password", person.id, _TRIES).is_exceeded:
            errors["current_password"] = "There were too many tries. Wait ten minutes, or sign in by a mailed link."
        elif not await passwords.is_right(service.database, person.id, form.get("current_password", "")):
            errors["current_password"] = "This is not your password."
    wrong = passwords.what_is_wrong(new, seen.profile)
    if wrong:
        errors["new_password"] = wrong
    if errors:
        return await _page(request, status_code=400, errors=errors)
    hashed = await passwords.hash_of(new)
    await service.database.write(passwords.change, person.id, hashed, person.by("page"), person.session_id)
    return see_other(PATH, say="password-changed")


@post(PATH + "/sign-out-everywhere", guards=_FORM_GUARDS)
async def sign_out_everywhere(request: Asked) -> Response[Any]:
    """End every session, this one too."""
    service = service_of(request)
    await form_of(request)
    await service.database.write(sign_in.sign_out_everywhere, _me(request).id)
    return see_other("/sign-in", say="signed-out-everywhere", cookies=(cookie(service, None),))


ROUTES = [profile_page, change, change_password, sign_out_everywhere]


def _own_address(form: Form) -> str | None:
    """The address that somebody says is theirs, if any. Raises BadAddress."""
    text = form.get("email", "").strip()
    if not text:
        return None
    address = address_of(text)
    if not has_mailbox(address):
        raise BadAddress("nothing is delivered to localhost")
    return address


class _Seen(msgspec.Struct, frozen=True):
    profile: Profile
    groups: list[Group]
    sessions: list[OpenSession]
    has_password: bool
    asks_for_current: bool


def _look(db: Unit, person: Person) -> _Seen:
    profile = people.get(db, person.id)
    assert profile is not None  # noqa: S101 - whoever is signed in is somebody
    sessions = sign_in.sessions_of(db, person.id)
    has_password = passwords.has_one(db, person.id)
    mine = set(groups.groups_of(db, person.id))
    may_replace = any(each.id == person.session_id and each.may_replace_password(db.now) for each in sessions)
    return _Seen(
        profile,
        [group for group in groups.every(db) if group.slug in mine],
        sessions,
        has_password,
        has_password and not may_replace,
    )


async def _page(
    request: Asked, *, status_code: int = 200, values: Form | None = None, errors: dict[str, str] | None = None
) -> Response[str]:
    service, person = service_of(request), _me(request)
    seen = await service.database.read(_look, person)
    stored = {"name": seen.profile.name, "time_zone": seen.profile.time_zone or ""}
    wants_mail = seen.profile.notifications if values is None else values.get("notifications") == "on"
    return page(
        request,
        "people/profile.html",
        status_code=status_code,
        frame=await desk(request),
        **msgspec.structs.asdict(seen),
        session_id=person.session_id,
        time_zones=time_zones.every(),
        values=stored | (values or {}),
        wants_mail=wants_mail,
        errors=errors or {},
        now=service.clock.now(),
    )


def _me(request: Asked) -> Person:
    person: Person = request.auth
    return person
