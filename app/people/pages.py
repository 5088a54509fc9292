"""Signing in and out. A link opens a page; its button signs in, so that whatever opens links signs nobody in."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromPath

from ..access.guards import (
    anyone,
    anyone_who_wants_to_sign_in,
    anyone_with_a_sign_in_link,
    forms_of_our_own_pages,
    requires_a_signed_in_person,
    session_cookie,
)
from ..access.principals import Person
from ..notifications.addresses import BadAddress, address_of
from ..pages.answers import see_other
from ..pages.forms import Form, form_of
from ..pages.page import page
from ..pages.paths import own_path
from ..service import Service, service_of
from ..web.rate_limits import Limit
from . import passwords, sign_in
from .devices import device_of
from .sign_in import BY_PASSWORD, SignedIn

Asked = Request[Any, Any, Any]

_TOO_LATE = "It was used before, or it is too old. Each link is good for one sign-in."
_NO_MATCH = "This address and this password do not belong together. Try again, or leave the password empty."
_TOO_MANY = "There were too many tries. Leave the password empty to have a link mailed to you, or wait ten minutes."

# Of one address at one machine, and of one address wherever: who guesses is slowed down, and however much is
# guessed, its owner still comes in by a mailed link.
_FROM_ONE_PLACE = Limit(10, 600)
_FROM_EVERYWHERE = Limit(100, 3600)


@get("/sign-in", guards=[anyone])
async def sign_in_page(request: Asked) -> Response[str]:
    """How to get in."""
    has_asked = request.query_params.get("mailed") == "yes"
    return _page(request, has_asked=has_asked, next_path=own_path(request.query_params.get("next", "")))


@post("/sign-in", guards=[anyone_who_wants_to_sign_in, forms_of_our_own_pages])
async def enter(request: Asked) -> Response[Any]:
    """Sign in by password; without one, have a link mailed. Who has an account is told to nobody else."""
    service, form = service_of(request), await form_of(request)
    next_path = own_path(form.get("next", ""))
    try:
        email = address_of(form.get("email", "").strip())
    except BadAddress as problem:
        sentence = f"Write your mail address, such as ada@example.com: {problem}."
        return _page(request, status_code=400, next_path=next_path, values=form, errors={"email": sentence})
    if not form.get("password"):
        await service.database.write(sign_in.ask_for_link, email, next_path)
        return see_other("/sign-in?mailed=yes")
    if not _may_try(request, service, email):
        return _page(request, status_code=429, next_path=next_path, values=form, errors={"password": _TOO_MANY})
    person_id = await passwords.person_with(service.database, email, form["password"])
    if person_id is None:
        return _page(request, status_code=400, next_path=next_path, values=form, errors={"password": _NO_MATCH})
    signed_in = await service.database.write(
        sign_in.begin, person_id, BY_PASSWORD, _device(request), await _session_before(request)
    )
    return _in(service, signed_in, next_path)


@get("/sign-in/{secret:str}", guards=[anyone_with_a_sign_in_link])
async def confirm_page(request: Asked, secret: FromPath[str]) -> Response[str]:
    """The page of a sign-in link. Looking uses nothing up."""
    holder = await service_of(request).database.read(sign_in.whose_link, secret)
    if holder is None:
        return page(request, "sign_in/late.html", status_code=410, sentence=_TOO_LATE)
    next_path = own_path(request.query_params.get("next", ""))
    fields = {"next": next_path} if next_path else {}
    who = holder.person.name if holder.person else None
    return page(request, "sign_in/confirm.html", action=f"/sign-in/{secret}", person=who, fields=fields)


@post("/sign-in/{secret:str}", guards=[anyone_with_a_sign_in_link, forms_of_our_own_pages])
async def begin(request: Asked, secret: FromPath[str]) -> Response[Any]:
    """Use the link up and sign in."""
    service, form = service_of(request), await form_of(request)
    before = await _session_before(request)

    def use_up(db: Any) -> SignedIn | None:
        return sign_in.sign_in(db, secret, device=_device(request), instead_of=before)

    signed_in = await service.database.write(use_up)
    if signed_in is None:
        return page(request, "sign_in/late.html", status_code=410, sentence=_TOO_LATE)
    return _in(service, signed_in, own_path(form.get("next", "")))


@post("/sign-out", guards=[requires_a_signed_in_person, forms_of_our_own_pages])
async def end(request: Asked) -> Response[Any]:
    """Sign out on this device."""
    service = service_of(request)
    await service.database.write(sign_in.sign_out, request.auth.session_id)
    service.authentication.forget()
    return see_other("/sign-in", say="signed-out", cookies=(cookie(service, None),))


ROUTES = [sign_in_page, enter, confirm_page, begin, end]


def cookie(service: Service, value: str | None) -> Cookie:
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


def _page(
    request: Asked,
    *,
    status_code: int = 200,
    has_asked: bool = False,
    next_path: str | None = None,
    values: Form | None = None,
    errors: dict[str, str] | None = None,
) -> Response[str]:
    """The form; the password is typed anew each time."""
    return page(
        request,
        "sign_in/new.html",
        status_code=status_code,
        has_asked=has_asked,
        next_path=next_path,
        values={"email": (values or {}).get("email", "")},
        errors=errors or {},
        has_server=service_of(request).has_mail_server,
    )


def _may_try(request: Asked, service: Service, email: str) -> bool:
    client = request.client.host if request.client else "unknown"
    here = service.limits.spend("password", f"{client} {email}", _FROM_ONE_PLACE)
    return not here.is_exceeded and not service.limits.spend("password-of", email, _FROM_EVERYWHERE).is_exceeded


async def _session_before(request: Asked) -> str | None:
    """The session that this browser has until now."""
    service = service_of(request)
    value = request.cookies.get(session_cookie(service))
    person: Person | None = await service.authentication.person(value) if value else None
    return person.session_id if person else None


def _device(request: Asked) -> str | None:
    return device_of(request.headers.get("user-agent", ""))


def _in(service: Service, signed_in: SignedIn, next_path: str | None) -> Response[Any]:
    return see_other(next_path or "/inbox", cookies=(cookie(service, signed_in.cookie),))
