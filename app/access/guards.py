"""Routes are closed until a guard opens them; its name is the sentence that says to whom.

A guard puts the principal into `request.auth` and counts the request against that principal's limit.
"""

from collections.abc import Callable
from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from ..service import Service, service_of
from ..web.edge import ALLOWANCE
from ..web.problems import Problem
from ..web.rate_limits import Limit
from .principals import Action, ApiKey, Person, PublicAccess

TIME_ZONE = "waitpoint.time_zone"  # where a scope holds that of whoever has signed in, for the page that is drawn

Connection = ASGIConnection[Any, Any, Any, Any]
Guard = Callable[[Connection, BaseRouteHandler], Any]


def requires_an_api_key_that_may(action: Action) -> Guard:
    """Open to programs with an API key whose scope is full or this action."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        principal = await _recognised(connection)
        if not isinstance(principal, ApiKey):
            raise _no_api_key()
        _require(principal, action)

    guard.__name__ = f"requires_an_api_key_that_may_{action}"
    return guard


async def requires_an_api_key(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to programs with any API key of an environment."""
    if not isinstance(await _recognised(connection), ApiKey):
        raise _no_api_key()


def requires_an_api_key_or_public_access_to(action: Action) -> Guard:
    """Open to programs, and to browsers with a public access token; the handler compares the token's scope."""

    async def guard(connection: Connection, _: BaseRouteHandler) -> None:
        principal = await _recognised(connection)
        if isinstance(principal, ApiKey):
            _require(principal, action)

    guard.__name__ = f"requires_an_api_key_or_public_access_to_{action}"
    return guard


async def anyone_who_knows_the_callback_url(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to services that were told a callback URL; the handler compares its hash."""
    service = service_of(connection)
    url = "{token_id}/{digest}".format_map(connection.path_params)  # wrong guesses do not keep the right one out
    _spend(connection, service, "callback", url, _public_limit(service))


async def anyone_with_the_approval_link(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to people who were sent a public access token; the handler verifies it, and is kind to late ones."""
    service = service_of(connection)
    token_id = str(connection.path_params.get("token_id", ""))
    _spend(connection, service, "approval", token_id, _public_limit(service))


async def anyone_with_the_journey_link(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to people who were sent the link of a journey, or are asked there; the handler knows, and is kind to others."""
    service = service_of(connection)
    _spend(connection, service, "journey", str(connection.path_params.get("journey", "")), _public_limit(service))


async def anyone_with_the_journey_link_who_types(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to the same people for what is saved as they type, counted apart: typing must not use up the page."""
    service = service_of(connection)
    limit = Limit(2 * service.settings.public_rate_limit, 60)
    _spend(connection, service, "draft", str(connection.path_params.get("token_id", "")), limit)


async def anyone_with_a_sign_in_link(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to people who were given a sign-in link; the handler looks it up. Guessing is slow."""
    client = connection.client.host if connection.client else "unknown"
    _spend(connection, service_of(connection), "sign-in", client, Limit(30, 60))


async def anyone_who_wants_to_sign_in(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to everybody, not too often. Whoever is let in is found out by the handler."""
    client = connection.client.host if connection.client else "unknown"
    _spend(connection, service_of(connection), "sign-in-form", client, Limit(30, 60))


async def requires_a_signed_in_person(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to people who have signed in."""
    person = await person_at(connection)
    if person is None:
        raise Problem(401, "sign-in-required", "Sign in to see this page.")
    connection.scope["auth"] = person


async def requires_a_member(connection: Connection, handler: BaseRouteHandler) -> None:
    """Open to people who work with this server. Approvers have their inbox; the handler asks which environment."""
    await requires_a_signed_in_person(connection, handler)
    if not connection.scope["auth"].is_member:
        raise Problem(403, "members-only", "This is for members. What you are asked is in your inbox.")


async def requires_an_owner(connection: Connection, handler: BaseRouteHandler) -> None:
    """Open to signed-in people whose role is owner."""
    await requires_a_signed_in_person(connection, handler)
    if not connection.scope["auth"].is_owner:
        raise Problem(403, "owners-only", "Only an owner may do this.")


async def forms_of_our_own_pages(connection: Connection, _: BaseRouteHandler) -> None:
    """Refuse a form that another site's page sent: the browser says where it comes from (threat: CSRF).

    Placed beside the guard that opens the route. A request that says nothing about where it comes from
    is refused as well: every browser says it with a POST.
    """
    site = connection.headers.get("sec-fetch-site")
    origin = connection.headers.get("origin")
    own = service_of(connection).origins
    is_ours = origin in own if origin is not None else site == "same-origin"
    if not is_ours or site not in {None, "same-origin"}:
        detail = "This form was sent from another site, so nothing was done. Open the page here and send it again."
        raise Problem(403, "cross-origin-request", detail)


async def person_at(connection: Connection) -> Person | None:
    """Who has signed in, if anybody. The page that is drawn for this request tells moments in their time zone."""
    service = service_of(connection)
    cookie = connection.cookies.get(session_cookie(service))
    person = await service.authentication.person(cookie) if cookie else None
    connection.scope[TIME_ZONE] = person and person.time_zone  # type: ignore[literal-required]  # ours beside ASGI's own
    return person


def session_cookie(service: Service) -> str:
    """The name of the cookie of a sign-in. Behind https a browser takes it from this host only."""
    return "__Host-waitpoint" if service.is_secure else "waitpoint"


async def anyone(_: Connection, __: BaseRouteHandler) -> None:
    """Open to everybody: there is nothing to protect here."""


async def anyone_known_or_not(connection: Connection, _: BaseRouteHandler) -> None:
    """Open to everybody; whoever has signed in keeps their way around."""
    connection.scope["auth"] = await person_at(connection)


async def closed_until_opened(connection: Connection, handler: BaseRouteHandler) -> None:
    """Refuse a route that no guard has opened. To OPTIONS the framework answers by itself which methods there are."""
    if connection.scope.get("method") == "OPTIONS":
        return
    if all(guard is closed_until_opened for guard in handler.resolve_guards()):
        raise Problem(403, "closed", "This route is not open to anybody.")


async def _recognised(connection: Connection) -> ApiKey | PublicAccess:
    service = service_of(connection)
    try:
        principal = await service.authentication.recognise(connection.headers.getall("authorization", []))
    except Problem:
        client = connection.client.host if connection.client else "unknown"
        _spend(connection, service, "unknown", client, Limit(service.settings.rate_limit, 1))
        raise
    connection.scope["auth"] = principal
    if isinstance(principal, ApiKey):
        limit = Limit(service.settings.rate_limit, 1)
        _spend(connection, service, "environment", principal.environment_id, limit)
    else:
        _spend(connection, service, "public", principal.id, _public_limit(service))
    return principal


def _no_api_key() -> Problem:
    detail = "A public access token does not open this; send an API key."
    return Problem(401, "unauthorized", detail, error="Invalid API key", headers={"WWW-Authenticate": "Bearer"})


def _require(principal: ApiKey, action: Action) -> None:
    if not principal.may(action):
        detail = f"The API key {principal.name!r} has the scope {principal.scope!r}; this needs {action!r} or 'full'."
        raise Problem(403, "insufficient_scope", detail)


def _public_limit(service: Service) -> Limit:
    return Limit(service.settings.public_rate_limit, 60)


def _spend(connection: Connection, service: Service, kind: str, caller: str, limit: Limit) -> None:
    allowance = service.limits.spend(kind, caller, limit)
    connection.scope[ALLOWANCE] = allowance  # type: ignore[literal-required]  # ours beside ASGI's own
    if allowance.is_exceeded:
        wait = max(1, limit.seconds)
        detail = f"More than {limit.requests} requests in {limit.seconds} s; try again later."
        raise Problem(429, "too-many-requests", detail, headers={"Retry-After": str(wait)})
