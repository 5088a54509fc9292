"""Patterns that are checked in linear time, whatever is typed.

The engine has no look-around and no back-references, because with them a short text can take hours. Pydantic
writes look-arounds for every `Decimal`; those few are known, and put into words that the engine understands.
"""

import re
from typing import Any

from .references import mapped

_DECIMAL = "^(?!^[-+.]*$)[+-]?0*"
_LIMITED = re.compile(r"\(\?:(?P<whole>\\d\{0,\d+\})\|\(\?=(?P<length>\[\\d\.\]\{1,\d+\}0\*\$)\)(?P<parts>.+)\)")


def is_decimal(pattern: str) -> bool:
    """Whether the pattern is the one of a number that is sent as text."""
    return pattern.startswith(_DECIMAL)


FILE = "file"
"""The format of an object that names a file which was sent for the token."""

_NAMES_A_FILE = {
    "required": ["id", "name", "type", "size"],
    "properties": {
        "id": {"type": "string", "pattern": "^file_[0-9a-f]{36}$"},
        "name": {"type": "string"},
        "type": {"type": "string"},
        "size": {"type": "integer"},
    },
}


def is_file(schema: Any) -> bool:
    """Whether a schema describes a file."""
    return isinstance(schema, dict) and schema.get("format") == FILE and schema.get("type") == "object"


def linear(schema: Any) -> Any:
    """The schema with every pattern of Pydantic's decimals rewritten; the schema itself stays as it is.

    A file is told to name one. Where no property is allowed at all, an empty list of them is written down: the library then names those that came.
    """
    if not isinstance(schema, dict):
        return schema
    changed = mapped(schema, linear)
    if changed.get("additionalProperties") is False:
        changed.setdefault("properties", {})
    if is_file(changed):
        changed["allOf"] = [*changed.get("allOf", []), _NAMES_A_FILE]
    pattern = changed.get("pattern")
    if isinstance(pattern, str) and is_decimal(pattern):
        del changed["pattern"]
        rules = [{"pattern": rule} for rule in _without_look_around(pattern)]
        changed["allOf"] = [*changed.get("allOf", []), *rules]
    return changed


def _without_look_around(pattern: str) -> list[str]:
    rest = pattern.removeprefix(_DECIMAL)
    rules = [r"\d"]  # "not only signs and points" is "some digit", because nothing else may stand there
    limited = _LIMITED.fullmatch(rest)
    if limited is None:
        return [*rules, f"^[+-]?0*{rest}"]
    whole, length, parts = limited["whole"], limited["length"], limited["parts"]
    return [*rules, f"^[+-]?0*(?:{whole}$|{parts})", f"^[+-]?0*(?:{whole}$|{length})"]
