"""Answers to forms: after something was done, look at it with a GET, so that loading again does nothing twice."""

from typing import Any

from litestar import Response
from litestar.datastructures import Cookie

from . import flash
from .page import HEADERS


def see_other(
    path: str, *, say: str | None = None, cookies: tuple[Cookie, ...] = (), flash_path: str = "/"
) -> Response[Any]:
    """303 to `path`; the next page says the words of the code `say`."""
    set_cookies = [*cookies, *([flash.cookie(say, flash_path)] if say else [])]
    return Response(b"", status_code=303, headers=HEADERS | {"Location": path}, cookies=set_cookies)
