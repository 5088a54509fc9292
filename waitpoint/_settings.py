"""Where the server is and who is asking."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from msgspec import Struct

from waitpoint._errors import InvalidInput, InvalidKey

DEFAULT_URL = "http://127.0.0.1:8000"


class Settings(Struct, frozen=True):
    """The address of a server and the key for it. The key is not part of the repr."""

    url: str
    key: str

    def __repr__(self) -> str:
        return f"Settings(url={self.url!r})"

    @property
    def websocket_url(self) -> str:
        return "ws" + self.url.removeprefix("http")


def settings(
    url: str | None = None,
    secret_key: str | None = None,
    public_access_token: str | None = None,
) -> Settings:
    """What was passed, else `WAITPOINT_URL` and `WAITPOINT_SECRET_KEY`."""
    if secret_key is not None and public_access_token is not None:
        raise InvalidInput("Pass secret_key or public_access_token, not both.")
    key = secret_key if secret_key is not None else public_access_token
    return Settings(
        url=_checked_url(url if url is not None else os.environ.get("WAITPOINT_URL") or DEFAULT_URL),
        key=_checked_key(key if key is not None else os.environ.get("WAITPOINT_SECRET_KEY", "")),
    )


def _checked_url(url: str) -> str:
    if not _is_an_address(url.strip()):
        raise InvalidInput(f"The address of the server is {url!r}. It looks like {DEFAULT_URL} (WAITPOINT_URL).")
    parts = urlsplit(url.strip())
    if parts.query or parts.fragment or parts.username:
        raise InvalidInput("The address of the server holds more than scheme, host and path (WAITPOINT_URL).")
    return url.strip().rstrip("/")


def _is_an_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number of a port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and " " not in url and url.isprintable()


def _checked_key(key: str) -> str:
    key = key.strip()
    if not key:
        raise InvalidKey("There is no key. Set WAITPOINT_SECRET_KEY, or pass secret_key= or public_access_token=.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise InvalidKey("The key holds a space, a line break or a character that no key has. Copy it again.")
    return key
