"""Files over HTTP: sent for a token that waits, fetched by those who may see it."""

from typing import Any
from urllib.parse import quote

from litestar import Request, Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from ..access.guards import (
    anyone_with_the_approval_link,
    requires_a_member,
    requires_an_api_key_or_public_access_to,
)
from ..access.principals import ApiKey, Person, PublicAccess
from ..requests.access import Closed, closed_page, visit
from ..service import service_of
from ..tokens.api import beyond_the_scope
from ..tokens.search import certain, retrieve
from ..web.problems import Problem, not_found
from . import lifecycle
from .models import File
from .multipart import KIND, Part, malformed, parts_of
from .uploads import store_in, uploads_for

Asked = Request[Any, Any, Any]

_PATH = "/api/v1/waitpoints/tokens/{token_id:str}/files"


@post(_PATH, guards=[requires_an_api_key_or_public_access_to("complete")], status_code=200)
async def send_file(request: Asked, token_id: FromPath[str]) -> Response[File]:
    """Store a file for a token that waits, and say what an answer names it by."""
    asker: ApiKey | PublicAccess = request.auth
    if isinstance(asker, PublicAccess) and not asker.may_complete(token_id):
        raise beyond_the_scope()
    if isinstance(asker, PublicAccess):
        await _refuse_strangers(request, token_id, asker)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        raise Problem(415, "not-a-form", f"A file is sent as {KIND}.")
    uploads = uploads_for(request, token_id, asker.environment_id)
    events = parts_of(request)
    async for event in events:
        if isinstance(event, Part) and event.file_name is not None:
            file = await uploads.take(event, events)
            if file is not None:
                return Response(file)
    raise malformed("there is no file in it")


@get(_PATH + "/{file_id:str}", guards=[requires_an_api_key_or_public_access_to("read")])
async def fetch_file(request: Asked, token_id: FromPath[str], file_id: FromPath[str]) -> Stream:
    """A file, for a program."""
    asker: ApiKey | PublicAccess = request.auth
    if isinstance(asker, PublicAccess):
        await _refuse_who_only_writes(request, token_id, asker)
    return await _given(request, token_id, asker.environment_id, file_id)


@get("/tokens/{token_id:str}/files/{file_id:str}", guards=[requires_a_member])
async def fetch_at_the_desk(request: Asked, token_id: FromPath[str], file_id: FromPath[str]) -> Stream:
    """A file, for a member."""
    person: Person = request.auth
    token = await certain(service_of(request).database, retrieve, token_id)
    if token is None or not person.may_see_desk_of(token.environment_id):
        raise not_found()
    return await _given(request, token_id, token.environment_id, file_id)


@get("/approve/{token_id:str}/files/{file_id:str}", guards=[anyone_with_the_approval_link])
async def fetch_at_the_door(request: Asked, token_id: FromPath[str], file_id: FromPath[str]) -> Response[Any] | Stream:
    """A file, for whoever may see the question that it belongs to."""
    try:
        here = await visit(request, token_id)
    except Closed as closed:
        return closed_page(request, closed)
    if isinstance(here.guest, PublicAccess):
        await _refuse_who_only_writes(request, token_id, here.guest)
    return await _given(request, token_id, here.environment_id, file_id)


ROUTES = [send_file, fetch_file, fetch_at_the_desk, fetch_at_the_door]


async def _refuse_who_only_writes(request: Asked, token_id: str, asker: PublicAccess) -> None:
    """Whoever may answer sees what they have sent; where certain people are asked, that is nobody without a name."""
    if asker.may_read(token_id):
        return
    if not asker.may_complete(token_id):
        raise beyond_the_scope()
    await _refuse_strangers(request, token_id, asker)


async def _refuse_strangers(request: Asked, token_id: str, asker: PublicAccess) -> None:
    """A public access token names nobody, so where certain people are asked it answers nothing, and sends nothing."""
    service = service_of(request)
    token = await certain(service.database, retrieve, token_id, asker.environment_id)
    if token is not None and not await service.questions.is_open(token):
        raise Problem(403, "not-asked", "This asks certain people; who answers sends the files, too.")


async def _given(request: Asked, token_id: str, environment_id: str, file_id: str) -> Stream:
    """The bytes, to be saved and never shown: nothing that somebody sent runs as a page of ours."""
    file = await service_of(request).database.read(lifecycle.find, token_id, environment_id, file_id)
    if file is None:
        raise not_found()
    headers = {
        "Cache-Control": "private, no-store",
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(file.name, safe='')}",
        "Content-Length": str(file.size),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
    }
    return Stream(store_in(request).read(file.id), media_type=file.type, headers=headers)
