"""What a program may ask about its own environment: claims, and public access tokens."""

from datetime import timedelta
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, post
from msgspec import Meta

from ..access.guards import requires_an_api_key
from ..access.principals import ApiKey
from ..access.public_access import LONGEST_LIFETIME, claims_of
from ..clock import from_milliseconds
from ..durations import BadDuration, parse_deadline
from ..service import service_of
from ..tokens.api import is_strict
from ..tokens.schemas import object_in, refuse_unknown
from ..web.bodies import read_body
from ..web.problems import Problem, invalid

Asked = Request[Any, Any, Any]
_LIMIT = 65_536  # bytes
_MOST_SCOPES = 100


class PublicTokenRequest(msgspec.Struct, rename="camel", frozen=True):
    """Which scopes (`read:waitpoints:<id>`, `write:waitpoints:<id>`), and how long: "15m", an instant, or epoch seconds."""

    scopes: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=256)]], Meta(min_length=1, max_length=_MOST_SCOPES)
    ]
    expiration_time: Annotated[
        str | int | None, Meta(description="At most 30 days ahead. Left out: 15 minutes.", examples=["1h", 1798761600])
    ] = None


class PublicToken(msgspec.Struct, frozen=True):
    """A public access token."""

    token: str


class Claims(msgspec.Struct, frozen=True):
    """What an environment puts into its public access tokens."""

    sub: str
    pub: bool


@post(
    "/api/v1/auth/jwt/claims",
    guards=[requires_an_api_key],
    status_code=200,
    opt={"answer": Claims, "problems": (401, 403, 429, 503)},
)
async def show_claims(request: Asked) -> Response[dict[str, Any]]:
    """The claims of the environment, as the official SDK asks for them."""
    asker: ApiKey = request.auth
    return Response(claims_of(asker.environment_id))


@post(
    "/api/v1/auth/public-tokens",
    guards=[requires_an_api_key],
    status_code=200,
    opt={"body": PublicTokenRequest, "answer": PublicToken, "problems": (400, 401, 403, 413, 415, 429, 503)},
)
async def create_public_token(request: Asked) -> Response[PublicToken]:
    """A public access token with scopes of the caller's choice, within the key's own rights."""
    service = service_of(request)
    asker: ApiKey = request.auth
    fields = object_in(await read_body(request, _LIMIT))
    if is_strict(request):
        refuse_unknown(fields, {"scopes", "expirationTime"})
    scopes = _scopes(fields.get("scopes"))
    for scope in scopes:
        _require_own_right(asker, scope)
    lifetime = _lifetime(fields.get("expirationTime"), service.database.clock.now())
    return Response(PublicToken(await service.authentication.mint(asker.environment_id, scopes, lifetime)))


ROUTES = [show_claims, create_public_token]


def _scopes(value: Any) -> list[str]:
    if not isinstance(value, list) or not 1 <= len(value) <= _MOST_SCOPES:
        raise invalid("/scopes", "invalid-scopes", f"must be a list of 1 to {_MOST_SCOPES} scopes")
    for index, scope in enumerate(value):
        if not isinstance(scope, str) or not scope or len(scope) > 256:
            raise invalid(f"/scopes/{index}", "invalid-scopes", "must be a text such as read:waitpoints:<id>")
    return value


def _require_own_right(asker: ApiKey, scope: str) -> None:
    """Nobody hands out more than they have."""
    action = scope.partition(":")[0]
    allowed = (
        asker.scope == "full"
        or (asker.may("read") and action == "read")
        or (asker.may("complete") and action == "write")
    )
    if not allowed:
        raise Problem(
            403, "insufficient_scope", f"The API key {asker.name!r} may not hand out the scope {scope[:80]!r}."
        )


def _lifetime(value: Any, now: Any) -> timedelta:
    pointer = "/expirationTime"
    if value is None:
        return timedelta(minutes=15)
    try:
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise BadDuration("invalid-duration", "must be a duration, an instant or epoch seconds")
        end = from_milliseconds(value * 1000) if isinstance(value, int) else parse_deadline(value, now)
    except (BadDuration, OverflowError) as error:
        raise invalid(pointer, "invalid-duration", str(error)) from error
    lifetime = end if isinstance(end, timedelta) else end - now
    if lifetime <= timedelta():
        raise invalid(pointer, "deadline-in-past", "must lie in the future")
    if lifetime > LONGEST_LIFETIME:
        raise invalid(pointer, "too-long", f"must be at most {LONGEST_LIFETIME.days} days ahead")
    return lifetime
