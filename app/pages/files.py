"""Static files: their addresses, and the route that serves them."""

import gzip
import hashlib
import mimetypes
from functools import cache
from typing import Any

from litestar import Request, Response, get
from litestar.params import FromPath

from ..access.guards import anyone
from ..paths import STATIC
from ..web.problems import Problem

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_TEXT = ("text/", "application/javascript", "image/svg+xml", "application/json")


@cache
def version() -> str:
    """A short fingerprint of everything static: part of its URLs, so that browsers may keep it for ever."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.rglob("*")):
        if path.is_file():
            digest.update(path.relative_to(STATIC).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static_url(name: str) -> str:
    return f"/static/{version()}/{name}"


@cache
def icon(name: str) -> str:
    """The SVG of an icon, to be drawn inside the page in the colour of its text."""
    return (STATIC / "icons" / f"{name}.svg").read_text(encoding="utf-8").strip()


@get(["/static/{path:path}"], guards=[anyone], name="static")
async def serve(request: Request[Any, Any, Any], path: FromPath[str]) -> Response[bytes]:
    """A static file. Under the fingerprint of this version it never changes; under its plain name it may."""
    first, _, rest = path.lstrip("/").partition("/")
    is_versioned = first == version()
    found = _file(rest if is_versioned else path.lstrip("/"))
    if found is None:
        raise Problem(404, "not-found", "There is no such file.")
    headers = {
        "Access-Control-Allow-Origin": "*",  # `waitpoint.js` is a module, and other people's pages load it
        "Cache-Control": _FOR_EVER if is_versioned else _ASK_AGAIN,
        "ETag": found.tag,
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == found.tag:
        return Response(b"", status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.kind, headers=headers | {"Content-Encoding": "gzip"})
    return Response(found.plain, media_type=found.kind, headers=headers)


class _File:
    """A file in memory, packed once: what we ship is small."""

    def __init__(self, name: str, plain: bytes) -> None:
        self.kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        self.plain = plain
        self.packed = gzip.compress(plain, mtime=0) if self.kind.startswith(_TEXT) else None
        self.tag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'


@cache
def _names() -> frozenset[str]:
    return frozenset(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*") if path.is_file())


def _file(name: str) -> _File | None:
    """Only what lies in the folder has a name here, so no path leads out of it."""
    return _read(name) if name in _names() else None


@cache
def _read(name: str) -> _File:
    return _File(name, (STATIC / name).read_bytes())


ROUTES = [serve]
