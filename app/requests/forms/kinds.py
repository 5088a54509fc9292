"""Which kind of field asks for one value: by its type, its format, and the hint that a person gave."""

import re
from typing import Any

import msgspec

from .fields import Field, Kind
from .options import options_of
from .references import Schema
from .shapes import Shape

SCALARS = frozenset({"string", "number", "integer", "boolean"})
_LONG_TEXT = 200  # characters: what may be longer gets room
_MOST_STARS = 10
_NUMBERS = ({"integer", "number"}, {"number"}, {"integer"})
_BY_FORMAT: dict[str, Kind] = {
    "date": "date",
    "date-time": "date-time",
    "email": "email",
    "idn-email": "email",
    "iri": "url",
    "password": "password",
    "phone": "phone",
    "tel": "phone",
    "time": "time",
    "uri": "url",
    "url": "url",
}
_WIDGETS: dict[str, Kind] = {
    "email": "email",
    "json": "json",
    "password": "password",
    "phone": "phone",
    "text": "text",
    "textarea": "area",
    "url": "url",
}
_AUTOCOMPLETE = re.compile(r"[a-z][a-z0-9 -]{0,60}")


def scalar(field: Field, shape: Shape) -> Field:
    """The field of a text, a number, or yes or no."""
    says, widget = shape.says, str(field.hints.get("widget", ""))
    types = set(shape.types)
    if types == {"boolean"}:
        return _kind(field, "check" if widget == "checkbox" else "yes-no")
    if types in _NUMBERS:
        if widget == "rating":
            return _rating(field, says)
        return _kind(field, "integer" if types == {"integer"} else "number")
    if types == {"string"}:
        return _kind(field, _WIDGETS.get(widget) or _text_kind(says))
    return _kind(field, "area" if widget == "textarea" else "text")


def union(field: Field, shapes: list[Shape]) -> Field | None:
    """One line for a choice of texts and numbers, where what is typed shows which of them is meant."""
    types = tuple(dict.fromkeys(name for shape in shapes for name in shape.types))
    if not types or not all(shape.types and set(shape.types) <= SCALARS for shape in shapes):
        return None
    changed = msgspec.structs.replace(field, types=types)
    texts = [shape.says for shape in shapes if "string" in shape.types]
    if {"number", "integer"} & set(types) and "boolean" not in types and all("pattern" in says for says in texts):
        return _kind(changed, "number")  # as Pydantic describes a Decimal
    return _kind(changed, "area" if field.hints.get("widget") == "textarea" else "text")


def constant(field: Field, value: Any) -> Field:
    """A value that cannot be chosen is set; a yes that has to be given is ticked."""
    if value is True:
        return _kind(
            msgspec.structs.replace(field, types=("boolean",), options=options_of([(True, "", "")], {})), "check"
        )
    return msgspec.structs.replace(field, kind="const", default=value)


def _text_kind(says: Schema) -> Kind:
    kind = _BY_FORMAT.get(str(says.get("format", "")))
    if kind is None and says.get("writeOnly") is True:
        return "password"
    return kind or ("area" if says.get("maxLength", 0) > _LONG_TEXT else "text")


def _rating(field: Field, says: Schema) -> Field:
    first, last = says.get("minimum", 1), says.get("maximum", 5)
    if not (isinstance(first, int) and isinstance(last, int) and first < last <= first + _MOST_STARS):
        return _kind(field, "integer")
    options = options_of([(number, "", "") for number in range(first, last + 1)], field.hints)
    return msgspec.structs.replace(field, kind="rating", options=options)


def _kind(field: Field, kind: Kind) -> Field:
    is_secret = field.is_secret or kind == "password"
    return msgspec.structs.replace(field, kind=kind, is_secret=is_secret, attributes=_attributes(kind, field.hints))


def _attributes(kind: Kind, hints: dict[str, Any]) -> dict[str, str]:
    """What a control tells the browser: which keyboard, and what it may fill in by itself."""
    attributes: dict[str, str] = {}
    if kind in {"integer", "number"}:
        attributes["inputmode"] = "numeric" if kind == "integer" else "decimal"
    autocomplete = hints.get("autocomplete")
    if isinstance(autocomplete, str) and _AUTOCOMPLETE.fullmatch(autocomplete):
        attributes["autocomplete"] = autocomplete
    return attributes
