"""A form that was sent, files included: each file is stored as it comes, and stands in the form as what an answer names."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
from litestar import Request

from ..pages.forms import Form, SentTwice, form_of
from ..web.problems import Problem
from .multipart import KIND, LARGEST_FORM, Part, malformed, parts_of
from .uploads import Taker

UPLOAD, PROBLEM = ":upload", ":problem"
"""Behind a field's name: the control that sends a file, and why a file was not taken."""

_PATIENCE = 200_000_000  # bytes that are read on after a file was refused, so that the rest of the form arrives


async def form_with_files(request: Request[Any, Any, Any], taker: Taker) -> Form:
    """The fields of a form, each once. Raises a Problem for what no browser sends.

    A file that is not taken does not cost the rest of the form: the sentence stands at its field.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != KIND:
        return await form_of(request)
    form: Form = {}
    taken: Form = {}
    twice = set()
    room = LARGEST_FORM
    events = parts_of(request)
    async for event in events:
        if not isinstance(event, Part):
            continue
        if event.name in form:
            twice.add(event.name)
        if event.file_name is None:
            form[event.name] = text = await _text(events, room)
            room -= len(text)
        elif event.name.endswith(UPLOAD):
            taken |= await _file(event, events, taker)
        else:
            await _pass_over(events)
    if twice:
        raise SentTwice(twice, form | taken)
    return form | taken


async def _file(part: Part, events: AsyncIterator[Part | bytes | None], taker: Taker) -> Form:
    field = part.name.removesuffix(UPLOAD)
    try:
        file = await taker.take(part, events)
    except Problem as problem:
        if problem.status in {400, 404, 503, 507}:
            raise
        await _pass_over(events)
        return {field + PROBLEM: problem.detail}
    return {} if file is None else {field: msgspec.json.encode(file).decode()}


async def _text(events: AsyncIterator[Part | bytes | None], room: int) -> str:
    body = bytearray()
    async for event in events:
        if not isinstance(event, bytes):
            break
        body += event
        if len(body) > room:
            raise Problem(413, "payload-too-large", f"The form is larger than {LARGEST_FORM} bytes without its files.")
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise malformed("its text is not UTF-8") from error
    if "\x00" in text:
        raise Problem(400, "nul-character", "A field contains a character that cannot be stored.")
    return text.replace("\r\n", "\n")


async def _pass_over(events: AsyncIterator[Part | bytes | None]) -> None:
    size = 0
    async for event in events:
        if not isinstance(event, bytes):
            return
        size += len(event)
        if size > _PATIENCE:
            raise Problem(413, "payload-too-large", "The file is far too large.")
