"""Links in a browser: at the door that a page was opened, at the desk who has one, and taking it back."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from .. import ids
from ..access.guards import anyone_with_the_approval_link, forms_of_our_own_pages, requires_a_member
from ..access.principals import LinkHolder, Person
from ..notifications.addresses import BadAddress, address_of
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import Form, form_of
from ..pages.leafing import leaf_of
from ..pages.page import page
from ..requests.access import Closed, visit
from ..service import service_of
from ..tokens.models import Token
from ..tokens.search import certain, retrieve
from ..web.problems import Problem, not_found
from . import links
from .addresses import url_of
from .invitations import NotAsked, OwnRequest, hand_out, leading_to, unwritten

Asked = Request[Any, Any, Any]

_DESK = "/tokens/{token_id:str}/links"


@post("/approve/{token_id:str}/opened", guards=[anyone_with_the_approval_link, forms_of_our_own_pages], status_code=204)
async def opened(request: Asked, token_id: FromPath[str]) -> None:
    """The page tells that somebody is before it: their hand or their keyboard moved, not only a program's."""
    try:
        guest = (await visit(request, token_id)).guest
    except Closed as closed:
        raise Problem(401, "unauthorized", "The approval link tells this, and was not opened here.") from closed
    if isinstance(guest, LinkHolder):
        await service_of(request).database.write(links.opened, guest.id, token_id, guest.by("approval"))


@get(_DESK, guards=[requires_a_member])
async def links_page(request: Asked, token_id: FromPath[str]) -> Response[str]:
    """Who has a link to a token."""
    return await _page(request, await _token(request, token_id))


@post(_DESK, guards=[requires_a_member, forms_of_our_own_pages])
async def make(request: Asked, token_id: FromPath[str]) -> Response[str]:
    """Make a link for somebody, and show its address."""
    service, form, token = service_of(request), await form_of(request), await _token(request, token_id)
    person: Person = request.auth
    try:
        recipient = address_of(form.get("recipient", "").strip())
    except BadAddress as error:
        return await _page(request, token, form, {"recipient": f"Write one mail address: {error}."})
    if token.is_settled:
        return await _page(request, token, form, {"recipient": "The token is settled, so there is nothing to answer."})
    link = await service.database.write(hand_out, token, recipient, person.by("page"), key=f"token:{token.id}")
    if isinstance(link, NotAsked):
        return await _page(request, token, form, {"recipient": "The request asks other people."})
    if isinstance(link, OwnRequest):
        told = "You have asked this yourself and may not answer it, so you cannot hand out links to it either."
        return await _page(request, token, form, {"recipient": told})
    return await _page(request, token, made=await url_of(service, link), made_for=recipient)


@post(_DESK + "/{link_id:str}/revocation", guards=[requires_a_member, forms_of_our_own_pages])
async def revoke(request: Asked, token_id: FromPath[str], link_id: FromPath[str]) -> Response[Any]:
    """Make a link worthless."""
    service, token = service_of(request), await _token(request, token_id)
    await form_of(request)
    if link_id not in {link.id for link in await service.database.read(leading_to, token)}:
        raise not_found()
    person: Person = request.auth
    await service.database.write(links.revoke, link_id, token.id, person.by("page"))
    return see_other(f"/tokens/{token.id}/links", say="link-revoked")


ROUTES = [opened, links_page, make, revoke]


async def _token(request: Asked, token_id: str) -> Token:
    person: Person = request.auth
    token = await certain(service_of(request).database, retrieve, token_id) if ids.is_token_id(token_id) else None
    if token is None or not person.may_see_desk_of(token.environment_id):
        raise not_found()
    return token


async def _page(
    request: Asked,
    token: Token,
    values: Form | None = None,
    errors: dict[str, str] | None = None,
    *,
    made: str | None = None,
    made_for: str | None = None,
) -> Response[str]:
    service = service_of(request)
    return page(
        request,
        "links/index.html",
        status_code=400 if errors else 200,
        frame=await desk(request, token.environment_id),
        token=token,
        leaf=leaf_of(
            await service.database.read(leading_to, token),
            f"/tokens/{token.id}/links",
            request.query_params,
            key=lambda link: link.id,
            says=lambda link: link.recipient,
        ),
        unwritten=await service.database.read(unwritten, token),
        values=values or {},
        errors=errors or {},
        made=made,
        made_for=made_for,
        now=service.database.clock.now(),
    )
