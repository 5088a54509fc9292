"""Groups, for owners: making them, and who is in them."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import forms_of_our_own_pages, requires_an_owner
from ..access.principals import Person
from ..database import Unit
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of, wrong_name
from ..pages.leafing import Leaf, leaf_of
from ..pages.page import page
from ..service import service_of
from ..tokens.models import By
from ..web.problems import Problem
from . import groups, people
from .groups import Group
from .people import Profile

Asked = Request[Any, Any, Any]

PATH = "/groups"
_MOST_CHOICES = 100  # people to choose from; among more, one is named by their address
_GUARDS = [requires_an_owner]
_FORM_GUARDS = [requires_an_owner, forms_of_our_own_pages]


@get(PATH, guards=_GUARDS)
async def list_page(request: Asked) -> Response[str]:
    """All groups."""
    return await _list(request)


@post(PATH, guards=_FORM_GUARDS)
async def add(request: Asked) -> Response[Any]:
    """Make a group."""
    service, form = service_of(request), await form_of(request)
    name, slug = form.get("name", "").strip(), form.get("slug", "").strip()
    errors = wrong_name(name, "name")
    if not groups.is_slug(slug):
        errors["slug"] = (
            "A short name begins with a small letter and has small letters, digits and hyphens, at most 40."
        )
    if not errors and not await service.database.write(groups.add, slug, name, _by(request)):
        errors["slug"] = f"There is a group {slug} already."
    if errors:
        return await _list(request, status_code=400, values=form, errors=errors)
    return see_other(f"{PATH}/{slug}", say="group-added")


@get(PATH + "/{slug:str}", guards=_GUARDS)
async def group_page(request: Asked, slug: FromPath[str]) -> Response[str]:
    """One group, and who could be in it."""
    return await _group(request, slug)


@post(PATH + "/{slug:str}/members", guards=_FORM_GUARDS)
async def join(request: Asked, slug: FromPath[str]) -> Response[Any]:
    """Put somebody into the group."""
    form = await form_of(request)

    def put_in(db: Unit) -> bool:
        said = form.get("person", "").strip()
        person = people.find(db, said) if "@" in said else people.get(db, said)
        if person is None or groups.find(db, slug) is None:
            return False
        groups.join(db, slug, person.id, _by(request))
        return True

    await _existing(request, slug)
    if not await service_of(request).database.write(put_in):
        return await _group(request, slug, status_code=400, errors={"person": "Choose somebody who is here."})
    return see_other(f"{PATH}/{slug}", say="group-joined")


@post(PATH + "/{slug:str}/members/{person_id:str}/removal", guards=_FORM_GUARDS)
async def leave(request: Asked, slug: FromPath[str], person_id: FromPath[str]) -> Response[Any]:
    """Take somebody out of the group."""
    await form_of(request)
    await _existing(request, slug)
    await service_of(request).database.write(groups.leave, slug, person_id, _by(request))
    return see_other(f"{PATH}/{slug}", say="group-left")


@post(PATH + "/{slug:str}/removal", guards=_FORM_GUARDS)
async def remove(request: Asked, slug: FromPath[str]) -> Response[Any]:
    """Take the group away. Its people stay."""
    await form_of(request)
    await _existing(request, slug)
    await service_of(request).database.write(groups.remove, slug, _by(request))
    return see_other(PATH, say="group-removed")


ROUTES = [list_page, add, group_page, join, leave, remove]


class _Seen(msgspec.Struct, frozen=True):
    group: Group
    leaf: Leaf[Profile]
    others: list[Profile]
    """Who could be put in, where they are few enough to choose from."""
    are_there_others: bool


def _look_at(db: Unit, slug: str, query: Mapping[str, str]) -> _Seen | None:
    group = groups.find(db, slug)
    if group is None:
        return None
    inside, everybody = groups.everybody_in(db, slug), people.every(db)
    members = [person for person in everybody if person.id in inside]
    others = [person for person in everybody if person.id not in inside and not person.is_disabled]
    leaf = leaf_of(
        members, f"{PATH}/{slug}", query, key=lambda each: each.id, says=lambda each: f"{each.name} {each.email}"
    )
    return _Seen(group, leaf, others if len(others) <= _MOST_CHOICES else [], bool(others))


def _all(db: Unit, query: Mapping[str, str]) -> tuple[Leaf[Group], dict[str, int]]:
    leaf = leaf_of(
        groups.every(db), PATH, query, key=lambda each: each.slug, says=lambda each: f"{each.slug} {each.name}"
    )
    return leaf, groups.sizes(db)


async def _list(
    request: Asked, *, status_code: int = 200, values: Form | None = None, errors: dict[str, str] | None = None
) -> Response[str]:
    leaf, sizes = await service_of(request).database.read(_all, request.query_params)
    return page(
        request,
        "people/groups.html",
        status_code=status_code,
        frame=await desk(request),
        leaf=leaf,
        sizes=sizes,
        values=values or {},
        errors=errors or {},
    )


async def _group(
    request: Asked, slug: str, *, status_code: int = 200, errors: dict[str, str] | None = None
) -> Response[str]:
    seen = await _existing(request, slug)
    return page(
        request,
        "people/group.html",
        status_code=status_code,
        frame=await desk(request),
        **msgspec.structs.asdict(seen),
        errors=errors or {},
    )


async def _existing(request: Asked, slug: str) -> _Seen:
    seen = (
        await service_of(request).database.read(_look_at, slug, request.query_params) if groups.is_slug(slug) else None
    )
    if seen is None:
        raise Problem(404, "group-not-found", "There is no such group.")
    return seen


def _by(request: Asked) -> By:
    person: Person = request.auth
    return person.by("page")
