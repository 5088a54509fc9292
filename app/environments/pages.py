"""Environments and their API keys in a browser."""

import re
from collections.abc import Mapping
from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import forms_of_our_own_pages, requires_an_owner
from ..access.principals import Person
from ..database import Unit
from ..pages import words
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of, wrong_name
from ..pages.leafing import Leaf, leaf_of
from ..pages.page import page
from ..service import service_of
from ..tokens.models import By
from ..web.problems import Problem
from . import api_keys, environments
from .models import SCOPES, Environment, KeyListing

Asked = Request[Any, Any, Any]

PATH = "/settings/environments"
_GUARDS = [requires_an_owner]
_FORM_GUARDS = [requires_an_owner, forms_of_our_own_pages]
_SLUG = re.compile(r"[a-z][a-z0-9]{0,19}")


@get("/settings", guards=_GUARDS)
async def settings_page() -> Response[Any]:
    """The settings begin with the environments."""
    return see_other(PATH)


@get(PATH, guards=_GUARDS)
async def list_page(request: Asked) -> Response[str]:
    """All environments with their keys."""
    return await _page(request)


@post(PATH, guards=_FORM_GUARDS)
async def create_environment(request: Asked) -> Response[Any]:
    """Make an environment."""
    service, form = service_of(request), await form_of(request)
    name, slug = form.get("name", "").strip(), form.get("slug", "").strip()
    errors = wrong_name(name, "name")
    if not _SLUG.fullmatch(slug):
        errors["slug"] = "A short name begins with a small letter and has small letters and digits only, at most 20."
    if not errors and not await service.database.write(_create, slug, name):
        errors["slug"] = f"There is an environment {slug} already."
    if errors:
        return await _page(request, status_code=400, values=form, errors=errors)
    return see_other(f"{PATH}?at={slug}", say="environment-created")


@post(PATH + "/{slug:str}/keys", guards=_FORM_GUARDS)
async def create_key(request: Asked, slug: FromPath[str]) -> Response[Any]:
    """Make an API key, and show it this once: the answer to the form itself, because nothing keeps the secret."""
    service, form = service_of(request), await form_of(request)
    environment = await _environment(request, slug)
    name, scope = form.get(f"name_{slug}", "").strip(), form.get(f"scope_{slug}", "")
    errors = wrong_name(name, f"name_{slug}")
    if scope not in SCOPES:
        errors[f"scope_{slug}"] = "Choose what the key may do."
    if errors:
        return await _page(request, status_code=400, values=form | {"environment": slug}, errors=errors)
    key = await service.database.write(api_keys.create, environment, name, scope, _by(request))
    return page(
        request,
        "environments/new_api_key.html",
        status_code=201,
        frame=await desk(request, slug),
        key_name=name,
        environment=environment,
        secret=key.secret,
        curl=_curl(service.public_url, key.secret, scope),
    )


@get(PATH + "/{slug:str}/keys/{key_id:str}/revocation", guards=_GUARDS)
async def revocation_page(request: Asked, slug: FromPath[str], key_id: FromPath[str]) -> Response[str]:
    """Look once more before a key stops working."""
    environment = await _environment(request, slug)
    key = await _key(request, environment, key_id)
    frame, now = await desk(request, slug), service_of(request).clock.now()
    return page(request, "environments/revoke_api_key.html", frame=frame, key=key, environment=environment, now=now)


@post(PATH + "/{slug:str}/keys/{key_id:str}/revocation", guards=_FORM_GUARDS)
async def revoke(request: Asked, slug: FromPath[str], key_id: FromPath[str]) -> Response[Any]:
    """Make a key worthless. Doing it again changes nothing."""
    service = service_of(request)
    await form_of(request)
    key = await _key(request, await _environment(request, slug), key_id)
    await service.database.write(api_keys.revoke, key.id, _by(request))
    service.authentication.forget()
    return see_other(f"{PATH}?at={slug}", say="key-revoked")


ROUTES = [settings_page, list_page, create_environment, create_key, revocation_page, revoke]


def _create(db: Unit, slug: str, name: str) -> bool:
    if environments.find(db, slug) is not None:
        return False
    environments.ensure(db, slug, name)
    return True


def _leaf(db: Unit, query: Mapping[str, str], holding: str) -> tuple[Leaf[Environment], list[dict[str, Any]]]:
    """Some of the environments, each with the keys that work."""
    every = environments.every(db)
    leaf = leaf_of(
        every, PATH, query, key=lambda each: each.slug, says=lambda each: f"{each.slug} {each.name}", holding=holding
    )
    keys = api_keys.of_all(db, [each.id for each in leaf.shown])
    return leaf, [
        {"environment": each, "api_keys": [key for key in keys.get(each.id, []) if not key.is_revoked]}
        for each in leaf.shown
    ]


async def _page(
    request: Asked, *, status_code: int = 200, values: Form | None = None, errors: dict[str, str] | None = None
) -> Response[str]:
    service, holding = service_of(request), (values or {}).get("environment", "")
    leaf, groups = await service.database.read(_leaf, request.query_params, holding)
    return page(
        request,
        "environments/index.html",
        status_code=status_code,
        frame=await desk(request),
        leaf=leaf,
        groups=groups,
        scopes=[(scope, words.scope(scope)) for scope in SCOPES],
        values=values or {},
        errors=errors or {},
        now=service.clock.now(),
    )


async def _environment(request: Asked, slug: str) -> Environment:
    environment = await service_of(request).database.read(environments.find, slug) if _SLUG.fullmatch(slug) else None
    if environment is None:
        raise Problem(404, "environment-not-found", "There is no such environment.")
    return environment


async def _key(request: Asked, environment: Environment, key_id: str) -> KeyListing:
    key = await service_of(request).database.read(api_keys.find, key_id) if key_id.isprintable() else None
    if key is None or key.environment_id != environment.id or key.is_revoked:
        raise Problem(404, "key-not-found", "There is no such key, or it was revoked before.")
    return key


def _by(request: Asked) -> By:
    person: Person = request.auth
    return person.by("page")


def _curl(url: str, secret: str, scope: str) -> str:
    """Something that the key may do, ready to paste."""
    curl = f'curl {url}/api/v1/waitpoints/tokens \\\n  -H "Authorization: Bearer {secret}"'
    if scope in {"full", "create"}:
        return curl + """ \\\n  -d '{"timeout": "1h", "tags": ["first"]}'"""
    if scope == "complete":
        return curl.replace("/tokens ", "/tokens/<id>/complete ") + """ \\\n  -d '{"data": {"approved": true}}'"""
    return curl
