"""Where templates and static files are: beside `app` in a checkout, inside the package in a wheel."""

import hashlib
from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent
_DATA = _PACKAGE / "_data" if (_PACKAGE / "_data").is_dir() else _PACKAGE.parent

TEMPLATES = _DATA / "templates"
STATIC = _DATA / "static"


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
