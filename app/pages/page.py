"""A page: its template, inside the frame that all pages share."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import MediaType, Request, Response

from ..access.guards import TIME_ZONE
from ..environments.models import Environment
from ..web.problems import is_for_a_program
from . import flash, words
from .templates import render

THEMES = ("light", "dark")

# What a browser may do with a page of ours: nothing that the page did not bring along.
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    # Not no-referrer: with it, browsers send forms with the origin "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Frame(msgspec.Struct, frozen=True, kw_only=True):
    """What stands around every page."""

    path: str = "/"
    theme: str | None = None
    flash: str | None = None
    person: str | None = None
    environment: Environment | None = None
    environments: Sequence[Environment] = ()
    waiting: int = 0
    is_part: bool = False  # for somebody else's page, which has a frame of its own
    asked: int = 0
    is_member: bool = True
    is_owner: bool = True

    @property
    def section(self) -> str:
        """The part of the desk that the page belongs to."""
        return self.path.split("/", 2)[1]

    @property
    def environment_query(self) -> str:
        """Keeps the environment in links from page to page; the first one needs no words."""
        if self.environment is None or not self.environments or self.environment == self.environments[0]:
            return ""
        return f"?environment={self.environment.slug}"

    @property
    def environment_and(self) -> str:
        return self.environment_query.replace("?", "&")


def page(
    request: Request[Any, Any, Any],
    template: str,
    /,
    *,
    status_code: int = 200,
    frame: Frame | None = None,
    **context: Any,
) -> Response[str]:
    """Draw a whole page for this request, with moments in the time zone of whoever has signed in."""
    drawn = msgspec.structs.replace(
        frame or Frame(),
        path=request.scope["path"],
        theme=_theme(request),
        flash=flash.said(request),
        is_part=is_for_a_program(request),
    )
    with words.in_zone(request.scope.get(TIME_ZONE)):  # type: ignore[arg-type]  # ours beside ASGI's own
        drawn_html = render(template, frame=drawn, **context)
    response = Response(drawn_html, status_code=status_code, media_type=MediaType.HTML, headers=HEADERS)
    if drawn.flash is not None:
        flash.forget(response, request)
    return response


def _theme(request: Request[Any, Any, Any]) -> str | None:
    wanted = request.cookies.get("theme")
    return wanted if wanted in THEMES else None
