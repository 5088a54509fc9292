"""People, for owners: who there is, what they may do, and letting them in and out."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import forms_of_our_own_pages, requires_an_owner
from ..access.principals import Person
from ..database import Unit
from ..environments import environments
from ..environments.models import Environment
from ..notifications.addresses import BadAddress, address_of
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of, wrong_name_of_person
from ..pages.leafing import Leaf, leaf_of
from ..pages.page import page
from ..service import service_of
from ..tokens.models import By
from ..web.problems import Problem
from . import groups, people, sign_in
from .groups import Group
from .models import APPROVER, MEMBER, ROLES, Role
from .people import Profile, Refusal

Asked = Request[Any, Any, Any]

PATH = "/people"
SAME = "same"
"""In one environment: whatever the role is everywhere."""
ROLE_WORDS = [
    ("approver", "Approver: answers what they are asked"),
    ("member", "Member: works with tokens and runs, too"),
    ("owner", "Owner: everything, keys and people included"),
]
_GUARDS = [requires_an_owner]
_FORM_GUARDS = [requires_an_owner, forms_of_our_own_pages]


@get(PATH, guards=_GUARDS)
async def list_page(request: Asked) -> Response[str]:
    """Everybody."""
    return await _list(request)


@post(PATH, guards=_FORM_GUARDS)
async def invite(request: Asked) -> Response[Any]:
    """Add a person, and mail them a link."""
    service, form = service_of(request), await form_of(request)
    role, errors = _role(form.get("role", "")), {}
    try:
        email = address_of(form.get("email", "").strip())
    except BadAddress as problem:
        email = ""
        errors["email"] = f"A mail address is needed, such as ada@example.com: {problem}."
    name = form.get("name", "").strip() or email.partition("@")[0]
    if not errors:
        errors |= wrong_name_of_person(name, "name")
    if role is None:
        errors["role"] = "Choose what they may do."
    if errors or role is None:
        return await _list(request, status_code=400, values=form, errors=errors)
    invited = await service.database.write(people.invite, email, name, role, _by(request))
    added = "person-invited" if service.has_mail_server else "person-invited-here"
    return see_other(f"{PATH}/{invited.person.id}", say=added if invited.is_new else "person-known")


@get(PATH + "/{person_id:str}", guards=_GUARDS)
async def person_page(request: Asked, person_id: FromPath[str]) -> Response[str]:
    """One person."""
    return await _person(request, person_id)


@post(PATH + "/{person_id:str}/role", guards=_FORM_GUARDS)
async def change_role(request: Asked, person_id: FromPath[str]) -> Response[Any]:
    """What they may do everywhere, and where it is something else."""
    form = await form_of(request)

    def change(db: Unit) -> Refusal | None:
        role = _role(form.get("role", ""))
        if role is None:
            return Refusal("unknown-role", "Choose what they may do.")
        refusal = people.change_role(db, person_id, role, _by(request))
        before = people.roles_of(db, person_id)
        for environment in environments.every(db):
            wanted = form.get(f"role_in_{environment.slug}", "")
            here = None if wanted == SAME else _role(wanted)
            is_said = here is not None or wanted == SAME
            if refusal is None and is_said and here != before.get(environment.id):
                refusal = people.change_role_in(db, person_id, environment.id, here, _by(request))
        return refusal

    return await _done(request, person_id, change, say="role-changed", field="role")


@post(PATH + "/{person_id:str}/groups", guards=_FORM_GUARDS)
async def change_groups(request: Asked, person_id: FromPath[str]) -> Response[Any]:
    """Which groups they are in: those that are ticked, and no other."""
    form = await form_of(request)

    def change(db: Unit) -> Refusal | None:
        if people.get(db, person_id) is None:
            return people.NOBODY
        inside = {*groups.groups_of(db, person_id)}
        for group in groups.every(db):
            is_wanted = form.get(f"in_{group.slug}") == "on"
            if is_wanted != (group.slug in inside):
                (groups.join if is_wanted else groups.leave)(db, group.slug, person_id, _by(request))
        return None

    return await _done(request, person_id, change, say="groups-changed")


@post(PATH + "/{person_id:str}/sign-in-link", guards=_FORM_GUARDS)
async def mail_link(request: Asked, person_id: FromPath[str]) -> Response[Any]:
    """Mail them a sign-in link."""
    await form_of(request)

    def mail(db: Unit) -> Refusal | None:
        person = people.get(db, person_id)
        if person is None:
            return people.NOBODY
        sign_in.ask_for_link(db, person.email, None)
        return None

    say = "link-mailed" if service_of(request).has_mail_server else "link-not-mailed"
    return await _done(request, person_id, mail, say=say)


@post(PATH + "/{person_id:str}/shutting-out", guards=_FORM_GUARDS)
async def shut_out(request: Asked, person_id: FromPath[str]) -> Response[Any]:
    """Keep them out from now on."""
    await form_of(request)
    if person_id == request.auth.id:
        raise Problem(409, "yourself", "You cannot disable yourself; another owner can.")
    return await _done(request, person_id, lambda db: sign_in.shut_out(db, person_id, _by(request)), say="disabled")


@post(PATH + "/{person_id:str}/letting-in", guards=_FORM_GUARDS)
async def let_in(request: Asked, person_id: FromPath[str]) -> Response[Any]:
    """Let them in again."""
    await form_of(request)
    return await _done(request, person_id, lambda db: sign_in.let_in(db, person_id, _by(request)), say="enabled")


ROUTES = [list_page, invite, person_page, change_role, change_groups, mail_link, shut_out, let_in]


class _Everybody(msgspec.Struct, frozen=True):
    leaf: Leaf[Profile]
    groups_of: dict[str, list[str]]


class _One(msgspec.Struct, frozen=True):
    someone: Profile
    roles: dict[str, Role]
    environments: list[Environment]
    groups: list[Group]
    memberships: list[str]
    number_of_sessions: int


def _everybody(db: Unit, query: Mapping[str, str]) -> _Everybody:
    leaf = leaf_of(
        people.every(db), PATH, query, key=lambda each: each.id, says=lambda each: f"{each.name} {each.email}"
    )
    return _Everybody(leaf, groups.groups_of_all(db, [each.id for each in leaf.shown]))


def _look_at(db: Unit, person_id: str) -> _One | None:
    person = people.get(db, person_id)
    if person is None:
        return None
    return _One(
        person,
        people.roles_of(db, person_id),
        environments.every(db),
        groups.every(db),
        groups.groups_of(db, person_id),
        len(sign_in.sessions_of(db, person_id)),
    )


async def _list(
    request: Asked, *, status_code: int = 200, values: Form | None = None, errors: dict[str, str] | None = None
) -> Response[str]:
    everybody = await service_of(request).database.read(_everybody, request.query_params)
    return page(
        request,
        "people/index.html",
        status_code=status_code,
        frame=await desk(request),
        leaf=everybody.leaf,
        groups_of=everybody.groups_of,
        roles=ROLE_WORDS,
        values={"role": MEMBER} | (values or {}),
        errors=errors or {},
        has_server=service_of(request).has_mail_server,
    )


async def _person(
    request: Asked, person_id: str, *, status_code: int = 200, errors: dict[str, str] | None = None
) -> Response[str]:
    known = person_id.isprintable() and len(person_id) < _LONGEST_ID
    seen = await service_of(request).database.read(_look_at, person_id) if known else None
    if seen is None:
        raise Problem(404, people.NOBODY.code, people.NOBODY.reason)
    return page(
        request,
        "people/show.html",
        status_code=status_code,
        frame=await desk(request),
        someone=seen.someone,
        is_me=seen.someone.id == request.auth.id,
        values={"role": seen.someone.role}
        | {f"role_in_{each.slug}": seen.roles.get(each.id, SAME) for each in seen.environments},
        environments=seen.environments,
        groups=seen.groups,
        memberships=seen.memberships,
        number_of_sessions=seen.number_of_sessions,
        roles=ROLE_WORDS,
        roles_here=[(SAME, "The same"), (APPROVER, "Approver"), (MEMBER, "Member")],
        errors=errors or {},
        has_server=service_of(request).has_mail_server,
    )


_LONGEST_ID = 100


async def _done(
    request: Asked, person_id: str, change: Callable[[Unit], Refusal | None], *, say: str, field: str | None = None
) -> Response[Any]:
    refusal = await service_of(request).database.write(change)
    if refusal is None:
        return see_other(f"{PATH}/{person_id}", say=say)
    if refusal == people.NOBODY:
        raise Problem(404, refusal.code, refusal.reason)
    if field is None:
        raise Problem(409, refusal.code, refusal.reason)
    return await _person(request, person_id, status_code=400, errors={field: refusal.reason})


def _role(text: str) -> Role | None:
    return next((role for role in ROLES if role == text), None)


def _by(request: Asked) -> By:
    person: Person = request.auth
    return person.by("page")
