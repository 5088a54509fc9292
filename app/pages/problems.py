"""Problems as pages: what happened, in words, and what to do next."""

from typing import Any

from litestar import Request, Response

from ..service import service_of
from ..web.problems import Problem
from . import words
from .page import Frame, page
from .paths import own_path

# What a page says beside the problem's own sentence: a title, and a way on.
_TITLES = {
    400: ("This does not work as it was asked", "Go back, and try it once more from the page itself."),
    401: ("Please sign in", "This page is for people who are signed in."),
    403: ("This is not open to you", "If you should be able to do this, ask whoever runs this server."),
    404: ("There is nothing here", "The address may be mistyped, or what was here belongs to another environment."),
    405: ("This address does something else", "Open it from the page where you found it."),
    409: ("Somebody was quicker", "Look at the page again to see how things stand."),
    413: ("That was too much", "Send less at once: an answer has at most 3 MB."),
    415: ("This does not work as it was asked", "Go back, and try it once more from the page itself."),
    422: ("This does not work as it was asked", "Go back, and try it once more from the page itself."),
    429: ("Too many requests", "Wait a minute, then try again. Nothing was lost or changed."),
    500: (
        "Something broke here",
        "It is our mistake, not yours. Try again; if it stays, tell whoever runs this server the reference.",
    ),
    503: ("Not available just now", "Nothing was changed. Try again in a moment."),
    507: ("There is no room left", "Nothing was changed. Whoever runs this server has to make room."),
}
_OWN_WORDS = {404, 405, 500}  # where the problem's sentence is for programs


def error_page(request: Request[Any, Any, Any], problem: Problem) -> Response[str]:
    """A problem for people."""
    if problem.status == 401:
        return _signed_out(request, problem)
    title, way_on = _TITLES.get(problem.status, _TITLES[500 if problem.status >= 500 else 400])
    sentences = [way_on] if problem.status in _OWN_WORDS else [words.capitalised(problem.detail), way_on]
    response = page(
        request,
        "errors/problem.html",
        status_code=problem.status,
        error_title=title,
        sentences=sentences,
        status=problem.status,
        reference=problem.more.get("reference"),
        home=None if request.scope["path"].startswith("/approve/") else "/inbox",
        home_words="To the inbox",
    )
    response.headers.update(problem.headers)
    return response


def _signed_out(request: Request[Any, Any, Any], problem: Problem) -> Response[str]:
    url = request.url
    here = own_path(f"{url.path}?{url.query}" if url.query else url.path) if request.method == "GET" else None
    response = page(
        request,
        "sign_in/new.html",
        status_code=401,
        frame=Frame(),
        has_asked=False,
        next_path=here,
        values={},
        errors={},
        has_server=service_of(request).has_mail_server,
    )
    response.headers.update({name: value for name, value in problem.headers.items() if name != "WWW-Authenticate"})
    return response
