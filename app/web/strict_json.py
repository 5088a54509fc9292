"""JSON as a decision deserves: what one parser could read differently from another is refused.

Duplicate keys, NUL, lone surrogates, numbers that no database keeps, nesting beyond reason: each has
its own answer. What passes is stored as the bytes that came in.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, NoReturn

from .problems import Problem, invalid

DEEPEST = 64  # levels
MOST_KEYS = 10_000
LONGEST_KEY = 1_000  # characters
_LONGEST_NUMBER = 300  # digits
_SUSPICIOUS = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])|\x00")
_HARMLESS = re.compile(rb"\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}")  # whole escapes and pairs
_EXTREME = re.compile(rb"[0-9.]{200}|[eE][+-]?[0-9]{3}")  # without one of these no number is too large
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # possessive: linear, whatever comes
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_AS_ROUND = bytes.maketrans(b"[]{}", b"()()")
_BOM = b"\xef\xbb\xbf"


def parse(body: bytes) -> Any:
    """The value in a JSON body. Raises a 400 Problem that names the rule."""
    body = body.removeprefix(_BOM)
    text = _decoded(body)
    reader = _Reader()
    looks_extreme = _EXTREME.search(body) is not None  # a call for each of a million numbers would take its time
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.object,
            parse_constant=_refuse_constant,
            parse_float=_float if looks_extreme else None,
            parse_int=_integer if looks_extreme else None,
        )
    except json.JSONDecodeError as error:
        raise malformed(error.pos, error.msg) from error
    except RecursionError as error:
        raise _too_deep() from error
    if body.count(b"[") + body.count(b"{") > DEEPEST and _is_too_deep(body):
        raise _too_deep()
    if _SUSPICIOUS.search(body) and _SUSPICIOUS.search(_HARMLESS.sub(b" ", body)):
        _refuse_strange_text(value, "")
    return value


def first_duplicate(names: Iterable[str]) -> str:
    """The first name that was there before; "" when all differ."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def malformed(position: int, reason: str) -> Problem:
    """A body that is no JSON: where the reading stopped, and why."""
    return Problem(400, "malformed-json", f"The body is not valid JSON: {reason} at character {position}.")


class _Reader:
    """Builds objects and counts their keys."""

    def __init__(self) -> None:
        self.keys = 0

    def object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) != len(pairs):
            _refuse_duplicate([key for key, _ in pairs])
        self.keys += len(pairs)
        if self.keys > MOST_KEYS:
            raise Problem(400, "too-many-keys", f"The body has more than {MOST_KEYS} keys.")
        for key in value:
            if len(key) > LONGEST_KEY:
                raise Problem(400, "key-too-long", f"A key is longer than {LONGEST_KEY} characters.")
        return value


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Problem(400, "invalid-utf8", f"The body is not UTF-8: byte {error.start} cannot be read.") from error


def _is_too_deep(body: bytes) -> bool:
    """Whether JSON that could be read nests deeper than the limit: each round takes the innermost brackets away."""
    brackets = _STRING.sub(b"", body).translate(_AS_ROUND, _NO_BRACKETS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"()", b"")
        if not brackets:
            return False
    return True


def _too_deep() -> Problem:
    return Problem(400, "json-too-deep", f"The body is nested deeper than {DEEPEST} levels.")


def _refuse_duplicate(keys: list[str]) -> NoReturn:
    twice = first_duplicate(keys)
    raise Problem(400, "duplicate-key", f"The key {twice[:60]!r} occurs twice in one object.")


def _refuse_constant(name: str) -> NoReturn:
    raise Problem(400, "malformed-json", f"The body is not valid JSON: {name} is not a JSON number.")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number) or len(text) > _LONGEST_NUMBER:
        raise _out_of_range(text)
    return number


def _integer(text: str) -> int:
    if len(text) > _LONGEST_NUMBER:
        raise _out_of_range(text)
    return int(text)


def _out_of_range(text: str) -> Problem:
    return Problem(400, "number-out-of-range", f"The number {text[:20]}… is too large to be kept exactly.")


def _refuse_strange_text(value: Any, pointer: str) -> None:
    """Walk the value for text that PostgreSQL or a browser could not take. Only met when the bytes look like it."""
    if isinstance(value, str):
        _refuse_strange_string(value, pointer)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _refuse_strange_text(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for key, item in value.items():
            here = f"{pointer}/{_escaped(key)}"
            _refuse_strange_string(key, here)
            _refuse_strange_text(item, here)


def _refuse_strange_string(text: str, pointer: str) -> None:
    if "\x00" in text:
        raise invalid(pointer, "nul-character", "must not contain the character NUL (\\u0000)")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise invalid(pointer, "invalid-unicode", "contains half of a surrogate pair, which is no character")


def _escaped(key: str) -> str:
    readable = key.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\u0000")
    return readable.replace("~", "~0").replace("/", "~1")
