"""What a person sees who clicks a callback URL: what it is for, and where they can answer instead."""

from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from .. import ids
from ..access.guards import anyone_who_knows_the_callback_url
from ..pages.page import page
from ..service import Service, service_of
from ..web.problems import Problem
from .api import approval_url_of
from .search import certain, retrieve

_ALLOW = {"Allow": "POST"}


@get(
    "/api/v1/waitpoints/tokens/{token_id:str}/callback/{digest:str}",
    guards=[anyone_who_knows_the_callback_url],
    opt={"only_explains": True},
)
async def callback_page(
    request: Request[Any, Any, Any], token_id: FromPath[str], digest: FromPath[str]
) -> Response[str]:
    """405 in either case: a problem for programs, a page for people. Nothing is completed by looking."""
    if "text/html" not in request.headers.get("accept", ""):
        raise Problem(405, "method-not-allowed", "A callback URL takes a POST.", headers=_ALLOW)
    approval_url = await _approval_url(service_of(request), token_id, digest)
    response = page(request, "tokens/callback.html", status_code=405, approval_url=approval_url)
    response.headers.update(_ALLOW)
    return response


ROUTES = [callback_page]


async def _approval_url(service: Service, token_id: str, digest: str) -> str | None:
    """Whoever knows the callback URL may answer already; the approval page is only the kinder way."""
    if not ids.is_token_id(token_id) or not service.callbacks.is_right(token_id, digest):
        return None
    token = await certain(service.database, retrieve, token_id)
    if token is None or token.is_settled:
        return None
    return await approval_url_of(service, token)
