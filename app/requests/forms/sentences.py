"""What is wrong with a field, in one sentence that names it and says what to do. What was typed is never repeated."""

import json
import re
from decimal import Decimal
from typing import Any

from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from .labels import label_at, schemas_at
from .patterns import is_decimal, is_file

HINTS = "x-ui"
_MOST_OPTIONS = 12  # named in one sentence
_CAPITALS = re.compile(r"(?=[A-Z])")

_TYPES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "yes or no (true or false)",
    "array": "a list",
    "object": "a group of fields",
    "null": "empty (null)",
}
_FORMATS = {
    "email": "an email address, such as name@example.com",
    "idn-email": "an email address, such as name@example.com",
    "date": "a date, such as 2026-11-25",
    "time": "a time of day, such as 14:30",
    "date-time": "a date and time with its zone, such as 2026-11-25T14:30:00+01:00",
    "duration": "a duration, such as PT1H30M",
    "uri": "an address with its beginning, such as https://example.com",
    "iri": "an address with its beginning, such as https://example.com",
    "uri-reference": "an address",
    "hostname": "the name of a host, such as example.com",
    "ipv4": "an IPv4 address, such as 192.0.2.1",
    "ipv6": "an IPv6 address, such as 2001:db8::1",
    "uuid": "a UUID, such as 123e4567-e89b-12d3-a456-426614174000",
    "phone": "a telephone number, such as +44 20 7946 0018",
    "tel": "a telephone number, such as +44 20 7946 0018",
    "regex": "a regular expression",
    "json-pointer": "a JSON pointer, such as /name",
}


def sentence_for(schema: Any, error: ValidationError, path: list[str | int]) -> tuple[str, str]:
    """The rule that the field at the path breaks, by its name, and in words. The words can be the schema's own."""
    about = schemas_at(schema, path)
    code = _CAPITALS.sub("-", error.kind.name).lower()
    own = _own_words(about)
    if own is not None and code != "required":
        return code, own
    if path and any(is_file(each) for each in schemas_at(schema, path[:-1])):
        return code, f"{label_at(schema, path[:-1])} {_of_a_file(error, str(path[-1]))}."
    unknown = isinstance(error.kind, Kind.AdditionalProperties | Kind.UnevaluatedProperties)
    return code, f"{path[-1] if unknown else label_at(schema, path)} {_rule(error, about)}."


def in_words(value: Any) -> str:
    """A value as somebody would name it: text as it is, the rest as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def size_in_words(size: float) -> str:
    """A number of bytes: `1.5 MB`, `12 kB`."""
    if size >= 1_000_000:
        return f"{size / 1_000_000:.3g} MB"
    return f"{size / 1_000:.3g} kB" if size >= 1_000 else f"{size:g} bytes"


def _of_a_file(error: ValidationError, part: str) -> str:
    match error.kind:
        case Kind.Maximum(limit) | Kind.ExclusiveMaximum(limit) if part == "size":
            return f"must be at most {size_in_words(float(limit or 0))}"
        case Kind.Minimum() | Kind.ExclusiveMinimum() if part == "size":
            return "is too small"
        case Kind.Enum(options) if part == "type":
            return f"must be a file of the type {_or([str(option) for option in options])}"
        case Kind.Constant(option) if part == "type":
            return f"must be a file of the type {option}"
        case _:
            return "must be a file that was sent for this token"


def _own_words(about: list[dict[str, Any]]) -> str | None:
    for schema in about:
        hints = schema.get(HINTS)
        if isinstance(hints, dict) and isinstance(hints.get("error"), str):
            return str(hints["error"])
    return None


def _rule(error: ValidationError, about: list[dict[str, Any]]) -> str:  # noqa: C901, PLR0911, PLR0912 - a table of rules
    match error.kind:
        case Kind.Required() | Kind.MinLength(1):
            return "must be ticked" if any(each.get("const") is True for each in about) else "must be filled in"
        case Kind.AdditionalProperties() | Kind.UnevaluatedProperties():
            return "is not a field of this form"
        case Kind.Type(["number"]):
            return "must be a number, such as 12.50"
        case Kind.Type(types):
            return f"must be {_or(_named(types))}"
        case Kind.Minimum(limit):
            return f"must be {_number(limit)} or more"
        case Kind.Maximum(limit):
            return f"must be {_number(limit)} or less"
        case Kind.ExclusiveMinimum(limit):
            return f"must be more than {_number(limit)}"
        case Kind.ExclusiveMaximum(limit):
            return f"must be less than {_number(limit)}"
        case Kind.MultipleOf(step):
            return _multiple(step)
        case Kind.MinLength(limit):
            return f"must have at least {limit} characters"
        case Kind.MaxLength(limit):
            return f"must have at most {_count(limit, 'character')}"
        case Kind.MinItems(limit):
            return f"must have at least {_count(limit, 'entry')}"
        case Kind.MaxItems(limit):
            return f"must have at most {_count(limit, 'entry')}"
        case Kind.UniqueItems():
            return "must not have the same entry twice"
        case Kind.Format(name):
            return f"must be {_FORMATS.get(name, f'of the format {name}')}"
        case Kind.Pattern():
            return "must be a number, such as 12.50" if _is_of_a_decimal(about) else _shape(about)
        case Kind.Enum(options):
            return f"must be one of: {_listed(options)}"
        case Kind.Constant(expected):
            return "must be yes (true)" if expected is True else f"must be {in_words(expected)}"
        case Kind.OneOfMultipleValid():
            return "fits several of the allowed shapes, and must fit exactly one"
        case Kind.AnyOf(branches) | Kind.OneOfNotValid(branches):
            return _any_of(branches)
        case Kind.MinProperties(limit):
            return f"must have at least {_count(limit, 'field')}"
        case Kind.MaxProperties(limit):
            return f"must have at most {_count(limit, 'field')}"
        case Kind.Contains():
            return "lacks an entry that it must have"
        case Kind.PropertyNames():
            return "has a field whose name is not allowed"
        case Kind.FalseSchema() | Kind.AdditionalItems() | Kind.UnevaluatedItems():
            return "is not asked for"
        case _:
            return "is not allowed as it is"


def _any_of(branches: list[list[ValidationError]]) -> str:
    types: list[str] = []
    for branch in branches:
        kinds = [found.kind for found in branch]
        if len(kinds) != 1 or not isinstance(kinds[0], Kind.Type):
            return "does not fit any of the allowed shapes"
        types += kinds[0].types
    return f"must be {_or(_named(types))}"


def _named(types: list[str]) -> list[str]:
    return [words for name, words in _TYPES.items() if name in types]


def _multiple(step: float | Decimal) -> str:
    decimals = -Decimal(str(step)).adjusted()
    if decimals > 0 and Decimal(str(step)) == Decimal(1).scaleb(-decimals):
        return f"must have at most {_count(decimals, 'decimal place')}"
    return "must be a whole number" if step == 1 else f"must be a multiple of {_number(step)}"


def _shape(about: list[dict[str, Any]]) -> str:
    for schema in about:
        examples = schema.get("examples")
        if isinstance(examples, list) and examples:
            return f"does not have the right form, for example {in_words(examples[0])}"
    return "does not have the right form"


def _is_of_a_decimal(about: list[dict[str, Any]]) -> bool:
    return any(is_decimal(str(schema.get("pattern", ""))) for schema in about)


def _listed(options: list[Any]) -> str:
    named = [in_words(option) for option in options[:_MOST_OPTIONS]]
    return ", ".join(named) + (f" and {len(options) - _MOST_OPTIONS} more" if len(options) > _MOST_OPTIONS else "")


def _or(words: list[str]) -> str:
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def _number(number: Any) -> str:
    return f"{number:g}" if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else str(number)


def _count(number: int, noun: str) -> str:
    many = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{number} {noun if number == 1 else many}"
