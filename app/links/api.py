"""Links over HTTP: a program hands them out itself, sees what became of them, and takes them back."""

from typing import Any

from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import requires_an_api_key_that_may
from ..access.principals import ApiKey
from ..service import Service, service_of
from ..tokens.api import CREATE_LIMIT, conflict, is_strict
from ..tokens.models import Token
from ..tokens.schemas import CompletedToken
from ..tokens.search import certain, retrieve
from ..web.bodies import read_body
from ..web.problems import Problem, not_found
from . import links
from .addresses import url_of
from .invitations import NotAsked, OwnRequest, hand_out, leading_to
from .schemas import LinkList, MadeLink, MakeLink, made, recipient_in, shown

Asked = Request[Any, Any, Any]

_PATH = "/api/v1/waitpoints/tokens/{token_id:str}/links"
_DONE = Response(b'{"success":true}', media_type="application/json")


@post(
    _PATH,
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"body": MakeLink, "answer": MadeLink, "problems": (400, 401, 403, 404, 409, 413, 415, 422, 429, 503)},
)
async def make_link(request: Asked, token_id: FromPath[str]) -> Response[MadeLink]:
    """Make the link of a recipient to a token. Asked again, it is the same link."""
    service, asker = service_of(request), _key(request)
    recipient = recipient_in(await read_body(request, CREATE_LIMIT), strict=is_strict(request))
    token = await _token(service, token_id, asker)
    if token.is_settled:
        raise conflict(token)
    link = await service.database.write(hand_out, token, recipient, asker.by("rest"), key=f"token:{token_id}")
    if isinstance(link, NotAsked):
        raise Problem(422, "not-asked", "The request asks other people, so a link for this one would not answer it.")
    if isinstance(link, OwnRequest):
        raise Problem(
            403, "own-request", "Who asks may not answer, and so hands out no links: let the server mail them."
        )
    return Response(made(link, await url_of(service, link)))


@get(
    _PATH,
    guards=[requires_an_api_key_that_may("read")],
    opt={"answer": LinkList, "problems": (401, 403, 404, 429, 503)},
)
async def list_links(request: Asked, token_id: FromPath[str]) -> Response[LinkList]:
    """The links to a token, and what became of them; without their addresses."""
    service = service_of(request)
    token = await _token(service, token_id, _key(request))
    every = await service.database.read(leading_to, token)
    return Response(LinkList([shown(link) for link in every]))


@post(
    _PATH + "/{link_id:str}/revoke",
    guards=[requires_an_api_key_that_may("create")],
    status_code=200,
    opt={"answer": CompletedToken, "problems": (401, 403, 404, 413, 415, 429, 503)},
)
async def revoke_link(request: Asked, token_id: FromPath[str], link_id: FromPath[str]) -> Response[bytes]:
    """Make a link worthless. Its token, and the links of others, stay as they are."""
    service, asker = service_of(request), _key(request)
    await read_body(request, CREATE_LIMIT)
    token = await _token(service, token_id, asker)
    if link_id not in {link.id for link in await service.database.read(leading_to, token)}:
        raise not_found()
    await service.database.write(links.revoke, link_id, token.id, asker.by("rest"))
    return _DONE


ROUTES = [make_link, list_links, revoke_link]


def _key(request: Asked) -> ApiKey:
    asker: ApiKey = request.auth
    return asker


async def _token(service: Service, token_id: str, asker: ApiKey) -> Token:
    token = await certain(service.database, retrieve, token_id, asker.environment_id)
    if token is None:
        raise not_found()
    return token
