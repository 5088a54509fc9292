"""Taking in files: counted while they come, named safely, and only whole ones are ever seen."""

import re
from collections.abc import AsyncIterator
from typing import Any, Protocol, cast

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection

from .. import ids
from ..database import Database
from ..service import service_of
from ..web.problems import Problem, not_found
from . import lifecycle
from .lifecycle import MOST, NotWanted
from .models import File
from .multipart import Part
from .stores import CHUNK, Store

MEGABYTE = 1_000_000
LARGEST = 20 * MEGABYTE  # bytes of one file
LONGEST_NAME = 150  # characters
Events = AsyncIterator[Part | bytes | None]
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,80}/[a-z0-9][a-z0-9!#$&^_.+-]{0,80}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]+')
ANY_TYPE = "application/octet-stream"


class Taker(Protocol):
    """What becomes of a file that comes with a form."""

    async def take(self, part: Part, events: Events) -> File | None: ...


class Uploads:
    """Takes in the files that come for one token."""

    def __init__(self, database: Database, store: Store, token_id: str, environment_id: str) -> None:
        self._database = database
        self._store = store
        self._token_id = token_id
        self._environment_id = environment_id

    async def take(self, part: Part, events: Events) -> File | None:
        """Store a file whose bytes follow; None when it is empty and nameless, as a browser sends a field left alone.

        Raises a Problem. What was stored of a file that is refused is swept up later.
        """
        file: File | None = None
        waiting, size, number = bytearray(), 0, 0
        async for event in events:
            if not isinstance(event, bytes):
                break
            size += len(event)
            if size > LARGEST:
                raise too_large()
            waiting += event
            if len(waiting) >= CHUNK:
                file = file or await self._begin(part)
                await self._store.add(file.id, number, bytes(waiting))
                waiting, number = bytearray(), number + 1
        if size == 0:
            _refuse_empty(part)
            return None
        file = file or await self._begin(part)
        await self._store.add(file.id, number, bytes(waiting))
        await self._store.finish(file.id)
        await self._database.write(lifecycle.arrive, file.id, size, key=f"file:{file.id}")
        return msgspec.structs.replace(file, size=size)

    async def _begin(self, part: Part) -> File:
        begun = await self._database.write(
            lifecycle.begin,
            self._token_id,
            self._environment_id,
            safe_name(part.file_name or ""),
            safe_type(part.type),
            key=f"token:{self._token_id}",
        )
        if not isinstance(begun, NotWanted):
            return begun
        if begun.code == "unknown":
            raise not_found()
        if begun.code == "settled":
            raise Problem(409, "token-settled", "The token was settled, so nobody waits for a file any more.")
        raise Problem(422, "too-many-files", f"More than {MOST} files were sent for this token.")


class Glance:
    """Looks at a file and lets it go: where a form is only tried."""

    async def take(self, part: Part, events: Events) -> File | None:
        size = 0
        async for event in events:
            if not isinstance(event, bytes):
                break
            size += len(event)
            if size > LARGEST:
                raise too_large()
        if size == 0:
            _refuse_empty(part)
            return None
        return File(f"{ids.FILE_PREFIX}{'0' * 36}", safe_name(part.file_name or ""), safe_type(part.type), size)


def _refuse_empty(part: Part) -> None:
    """A field left alone has no name and is no file; one with a name is empty. Raises a Problem."""
    if part.file_name:
        raise Problem(422, "empty-file", "The file is empty.")


def safe_name(name: str) -> str:
    """The name of a file without a folder, a control or anything else that a system could take for more than a name."""
    last = re.split(r"[/\\]", name)[-1]
    clean = _UNSAFE.sub("_", last).strip(" .")
    if len(clean) > LONGEST_NAME:
        stem, dot, ending = clean.rpartition(".")
        clean = f"{stem[: LONGEST_NAME - 20]}{dot}{ending[:15]}" if dot else clean[:LONGEST_NAME]
    return clean or "file"


def safe_type(text: str) -> str:
    """The media type that was named, without parameters; that of any bytes where it is none."""
    kind = text.partition(";")[0].strip().lower()
    return kind if _TYPE.fullmatch(kind) else ANY_TYPE


def too_large() -> Problem:
    return Problem(413, "file-too-large", f"The file is larger than {LARGEST // MEGABYTE} MB.", more={"limit": LARGEST})


def uploads_for(request: Request[Any, Any, Any], token_id: str, environment_id: str) -> Uploads:
    """What takes in the files that come with this request."""
    return Uploads(service_of(request).database, store_in(request), token_id, environment_id)


def store_in(connection: ASGIConnection[Any, Any, Any, Any]) -> Store:
    """The store of the server that answers."""
    return cast("Store", connection.scope["litestar_app"].state["files"])
