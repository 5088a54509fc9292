"""What a service posts to a callback URL becomes the output. What the sender said is never thrown away."""

import codecs
import re
from collections.abc import Sequence
from email.message import Message
from urllib.parse import parse_qsl

import msgspec

from ..web import strict_json
from ..web.problems import Problem

_JSON = {"application/json", "text/json"}
_FORM = "application/x-www-form-urlencoded"
_PARTS = "multipart/form-data"
_MOST_FIELDS = 10_000
_FIELD_NAME = re.compile(rb'(?im)^content-disposition:[^\r\n]*?;\s*name="?([^"\r\n;]*)')
_CHARSETS = {
    "utf-8",
    "ascii",
    "iso8859-1",
    "iso8859-15",
    "cp1252",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
}  # Python's names


def output_in(body: bytes, content_type: str) -> str:
    """The output as JSON text (CONTRACT.md section 1, "Callback").

    JSON is taken as it came, whatever the content type says; form data becomes an object of strings,
    other text a string; nothing becomes `{}`. Raises a 400 Problem for a body that is sent as JSON and
    is none, or that no text can hold.
    """
    described = _described(content_type)
    kind, charset = described.get_content_type(), described.get_content_charset("utf-8")
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return "{}"
    if kind == _FORM and text[:1] not in b"[{":
        return _form(text)
    if kind == _PARTS:
        return _fields(_parts(body, described.get_boundary("")))
    try:
        strict_json.parse(text)
    except Problem as problem:
        if problem.code not in {"malformed-json", "invalid-utf8"} or kind in _JSON or kind.endswith("+json"):
            raise
        return _text(body, charset)
    return text.decode()


def _form(text: bytes) -> str:
    try:
        fields = parse_qsl(
            text.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS, encoding="utf-8", errors="strict"
        )
    except ValueError as error:
        raise _malformed() from error
    return _fields(fields)


def _parts(body: bytes, boundary: str) -> list[tuple[str, str]]:
    """The fields of a `multipart/form-data` body, files among them: each is a text, or the form is refused."""
    between = b"\r\n--" + boundary.encode("latin-1", "replace")
    before, *parts = (b"\r\n" + body).split(between, _MOST_FIELDS + 2)
    if not boundary or before.strip() or not parts or not parts.pop().startswith(b"--"):
        raise _malformed()
    fields = []
    for part in parts:
        head, blank, value = part.partition(b"\r\n\r\n")
        name = _FIELD_NAME.search(head)
        if not blank or name is None:
            raise _malformed()
        fields.append((_decoded(name[1], "utf-8"), _decoded(value, "utf-8")))
    return fields


def _fields(fields: Sequence[tuple[str, str]]) -> str:
    values = dict(fields)
    if len(values) != len(fields):
        twice = strict_json.first_duplicate(name for name, _ in fields)
        raise Problem(400, "duplicate-key", f"The field {twice[:60]!r} occurs twice in the form.")
    return _json(values)


def _text(body: bytes, charset: str) -> str:
    return _json(_decoded(body, charset))


def _decoded(body: bytes, charset: str) -> str:
    try:
        if codecs.lookup(charset).name not in _CHARSETS:
            raise LookupError(charset)
        return body.decode(charset)
    except (ValueError, LookupError) as error:
        raise Problem(400, "invalid-utf8", f"The body is neither JSON nor text in {charset[:40]!r}.") from error


def _json(value: object) -> str:
    encoded = msgspec.json.encode(value)
    strict_json.parse(encoded)  # NUL and half surrogates are refused here, too
    return encoded.decode()


def _described(content_type: str) -> Message:
    message = Message()
    message["Content-Type"] = content_type or "application/octet-stream"
    return message


def _malformed() -> Problem:
    return Problem(400, "malformed-form", "The body is sent as a form and cannot be read as one.")
