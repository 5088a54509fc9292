"""Somebody has filled in a question and is not let in any more: their sign-in has ended, or their link was taken back.

What they had typed is shown to them, for them to copy. Of the question itself nothing is told, so it stands there by
the names that it was sent with.
"""

import re
from collections.abc import Iterator
from typing import Any

from litestar import Request, Response

from ..files.posted import form_with_files
from ..files.uploads import Glance
from ..pages.forms import LIMIT, Form, SentTwice
from ..service import service_of
from ..web.problems import Problem
from . import reading
from .access import NO_SECRET, Closed, closed_page
from .answers import without_secrets
from .forms.labels import in_words
from .models import COMMENT

_BESIDE = re.compile(r":(?:[0-9]+|rows|variant|zone|upload|remove|problem)\Z")
"""What belongs to a field and is no text of its own."""
_VARIANT = re.compile(r":[0-9]+\Z")
_FILE = '{"id":"file_'

_NOT_KNOWN_ANY_MORE = (
    "Nothing was recorded",
    [
        "It is not known any more who you are: you were signed out since you opened the question, or its cookie is gone.",
        "Sign in again if you have an account here, or open the link in the message that you were sent. Then answer once more.",
    ],
)


async def turned_away(request: Request[Any, Any, Any], token_id: str, closed: Closed) -> Response[str]:
    """Why the door stays closed, and what was sent to it."""
    if closed.words is NO_SECRET:
        closed = Closed(_NOT_KNOWN_ANY_MORE, closed.status, opens_to_people=closed.opens_to_people)
    typed = list(_in_words(await _sent(request, token_id)))
    return closed_page(request, closed, typed)


async def _sent(request: Request[Any, Any, Any], token_id: str) -> Form:
    """What was sent, without secrets. Nothing of a form that is too large to be read for somebody who is not known."""
    size = request.headers.get("content-length", "")
    if not (size.isascii() and size.isdecimal() and len(size) < 9 and int(size) <= LIMIT):
        return {}
    try:
        posted = await form_with_files(request, Glance())
    except SentTwice as twice:
        posted = twice.once
    except Problem:
        return {}
    asked = await service_of(request).database.read(reading.find, token_id)
    return posted if asked is None else without_secrets(asked.spec, posted)


def _in_words(posted: Form) -> Iterator[tuple[str, str]]:
    for name, text in posted.items():
        is_a_field = name.startswith("/") and not _BESIDE.search(name)
        if (is_a_field or name == COMMENT) and text.strip() and not text.startswith(_FILE):
            yield _label(name), text.strip()


def _label(name: str) -> str:
    """`/guests/0/name` as "Guests, 1, Name"."""
    steps = [_VARIANT.sub("", step) for step in name.removeprefix("/").split("/")]
    named = (step.replace("~1", "/").replace("~0", "~") for step in steps)
    return ", ".join(str(int(step) + 1) if step.isdecimal() and len(step) < 4 else in_words(step) for step in named)
