"""Requests over HTTP: who asked amends what is asked, while it waits."""

from typing import Any

import msgspec
from litestar import Request, Response, patch
from litestar.params import FromPath

from ..access.guards import requires_an_api_key_that_may
from ..access.principals import ApiKey
from ..service import Service, service_of
from ..tokens.api import CREATE_LIMIT, conflict, request_changed, seen_version, url_of
from ..tokens.lifecycle import AlreadySettled, Changed, NotFound, Refused
from ..tokens.models import Token
from ..tokens.schemas import ShownToken, object_in
from ..tokens.schemas import shown as shown_token
from ..tokens.search import certain, retrieve
from ..web.bodies import read_body
from ..web.problems import Problem, invalid, not_found
from . import lifecycle
from .asking import Requests, shown
from .lifecycle import Amended, NewRequest, asked_in
from .reading import Request as StandingRequest
from .spec import Spec

Asked = Request[Any, Any, Any]


class AmendRequest(Spec, frozen=True, kw_only=True):
    """Fields of a request that shall read differently; null takes one away."""


@patch(
    "/api/v1/waitpoints/tokens/{token_id:str}/request",
    guards=[requires_an_api_key_that_may("create")],
    opt={"body": AmendRequest, "answer": ShownToken, "problems": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)},
)
async def amend_request(request: Asked, token_id: FromPath[str]) -> Response[ShownToken]:
    """Amend the request of a token that waits. Fields that are given replace those of the request; null takes one away.

    Whoever has the old version open is shown what changed, and their answer to it is not taken.
    """
    service, seen = service_of(request), seen_version(request)
    asker: ApiKey = request.auth
    changes = object_in(await read_body(request, CREATE_LIMIT))
    while True:
        token, standing = await _standing(service, token_id, asker.environment_id)
        new = await _amended(service, token, standing, changes)
        outcome = await service.database.write(
            lifecycle.amend,
            token_id,
            asker.environment_id,
            new,
            standing.version if seen is None else seen,
            asker.by("rest"),
            service.rules,
            key=f"token:{token_id}",
        )
        match outcome:
            case Amended(now):
                return Response(shown_token(token, url_of(service, token.id), with_output=True, **shown(now)))
            case Changed(version):
                if seen is not None:
                    raise request_changed(version)
            case AlreadySettled(settled):
                raise conflict(settled)
            case NotFound():
                raise not_found()
            case Refused(code, reason):
                raise Problem(403, code, reason)
            case _:
                raise _no_request()


ROUTES = [amend_request]


def requests_of(service: Service) -> Requests:
    """The requests of a server, which `asgi.py` has put in."""
    assert isinstance(service.questions, Requests)  # noqa: S101 - for the type checker
    return service.questions


async def _standing(service: Service, token_id: str, environment_id: str) -> tuple[Token, StandingRequest]:
    token = await certain(service.database, retrieve, token_id, environment_id)
    if token is None:
        raise not_found()
    if token.is_settled:
        raise conflict(token)
    standing = await requests_of(service).find(token_id)
    if standing is None:
        raise _no_request()
    return token, standing


async def _amended(service: Service, token: Token, standing: StandingRequest, changes: dict[str, Any]) -> NewRequest:
    """The request with the changes in it. Raises a Problem."""
    fields = msgspec.to_builtins(standing.spec) | changes
    new = asked_in({name: value for name, value in fields.items() if value is not None}, "")
    if new.default_output is not None and token.timeout_at is None:
        raise invalid("/onTimeout", "missing-timeout", "needs a deadline at which it is taken, and the token has none")
    await requests_of(service).refuse_unknown_groups(new.spec, "", asked_before=standing.spec.approvers)
    return new


def _no_request() -> Problem:
    return Problem(422, "no-request", "The token asks nobody anything; a request is given when a token is created.")
