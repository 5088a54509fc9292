"""Signing in and out. A link opens a page; its button signs in, so that whatever opens links signs nobody in."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from ..access.guards import (
    anyone,
    anyone_with_a_sign_in_link,
    forms_of_our_own_pages,
    requires_a_signed_in_person,
    session_cookie,
)
from ..pages.answers import see_other
from ..pages.forms import form_of
from ..pages.page import page
from ..service import Service, service_of
from . import sign_in

Asked = Request[Any, Any, Any]

_TOO_LATE = "It was used before, or it is older than a day. Each link is good for one sign-in."


@get("/sign-in", guards=[anyone])
async def signed_out_page(request: Asked) -> Response[str]:
    """How to get in."""
    return page(request, "sign_in/new.html")


@get("/sign-in/{secret:str}", guards=[anyone_with_a_sign_in_link])
async def confirm_page(request: Asked, secret: FromPath[str]) -> Response[str]:
    """The page of a sign-in link. Looking uses nothing up."""
    if not await service_of(request).database.read(sign_in.is_link_good, secret):
        return page(request, "sign_in/late.html", status_code=410, sentence=_TOO_LATE)
    return page(request, "sign_in/confirm.html", action=f"/sign-in/{secret}", person=None, fields={})


@post("/sign-in/{secret:str}", guards=[anyone_with_a_sign_in_link, forms_of_our_own_pages])
async def begin(request: Asked, secret: FromPath[str]) -> Response[Any]:
    """Use the link up and sign in."""
    service = service_of(request)
    await form_of(request)
    signed_in = await service.database.write(sign_in.sign_in, secret)
    if signed_in is None:
        return page(request, "sign_in/late.html", status_code=410, sentence=_TOO_LATE)
    return see_other("/tokens", cookies=(_cookie(service, signed_in.cookie),))


@post("/sign-out", guards=[requires_a_signed_in_person, forms_of_our_own_pages])
async def end(request: Asked) -> Response[Any]:
    """Sign out on this device."""
    service = service_of(request)
    await service.database.write(sign_in.sign_out, request.auth.session_id)
    service.authentication.forget()
    return see_other("/sign-in", say="signed-out", cookies=(_cookie(service, None),))


ROUTES = [signed_out_page, confirm_page, begin, end]


def _cookie(service: Service, value: str | None) -> Cookie:
    """The cookie of a sign-in, or the one that takes it away."""
    return Cookie(
        key=session_cookie(service),
        value=value or "",
        path="/",
        max_age=int(sign_in.SESSION_LIFETIME.total_seconds()) if value else 0,
        httponly=True,
        samesite="lax",
        secure=service.is_secure,
    )
