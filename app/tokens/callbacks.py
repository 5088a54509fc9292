"""What a service posts to a callback URL becomes the output. What the sender said is never thrown away."""

import codecs
from email.message import Message
from urllib.parse import parse_qsl

import msgspec

from ..web import strict_json
from ..web.problems import Problem

_JSON = {"application/json", "text/json"}
_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 10_000
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
    kind, charset = _described(content_type)
    text = body.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        return "{}"
    if kind == _FORM and text[:1] not in b"[{":
        return _form(text)
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
        raise Problem(400, "malformed-form", "The body is sent as a form and cannot be read as one.") from error
    values = dict(fields)
    if len(values) != len(fields):
        twice = strict_json.first_duplicate(name for name, _ in fields)
        raise Problem(400, "duplicate-key", f"The field {twice[:60]!r} occurs twice in the form.")
    return _json(values)


def _text(body: bytes, charset: str) -> str:
    try:
        if codecs.lookup(charset).name not in _CHARSETS:
            raise LookupError(charset)
        return _json(body.decode(charset))
    except (ValueError, LookupError) as error:
        raise Problem(400, "invalid-utf8", f"The body is neither JSON nor text in {charset[:40]!r}.") from error


def _json(value: object) -> str:
    encoded = msgspec.json.encode(value)
    strict_json.parse(encoded)  # NUL and half surrogates are refused here, too
    return encoded.decode()


def _described(content_type: str) -> tuple[str, str]:
    message = Message()
    message["Content-Type"] = content_type or "application/octet-stream"
    return message.get_content_type(), message.get_content_charset("utf-8")
