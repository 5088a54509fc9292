"""Whether a schema can be a form: understood, checkable in bounded time, and complete in itself."""

from collections.abc import Iterator
from typing import Any

import msgspec
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from ...web.problems import Problem, invalid
from .effort import TooMuch
from .references import parts_of, pointer_to, resolved, target
from .validation import compiled_for

LARGEST = 131_072  # bytes
MOST_PARTS = 2_000  # schemas inside the schema
DEEPEST = 64  # levels

_DIALECTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-06/schema",
)
# What older drafts had, and what says the same now. Passing over it in silence would let wrong answers through.
_OUTDATED = {
    "dependencies": "dependentRequired or dependentSchemas",
    "additionalItems": "items beside prefixItems",
    "$recursiveRef": "$ref",
    "$dynamicRef": "$ref",
}


def check_schema(schema: Any, pointer: str) -> None:
    """Whether a JSON Schema can be the form of a request. Raises a 400 Problem that points to the part that cannot.

    `pointer` is where the schema stands in the body that it came in.
    """
    if not isinstance(schema, dict):
        raise invalid(pointer, "invalid-schema", "must be a JSON Schema, which is an object")
    if _is_too_deep(schema):
        raise invalid(pointer, "schema-too-deep", f"must not be nested deeper than {DEEPEST} levels")
    if len(msgspec.json.encode(schema)) > LARGEST:
        raise invalid(pointer, "schema-too-large", f"must not be larger than {LARGEST} bytes")
    dialect = schema.get("$schema", _DIALECTS[0])
    if not isinstance(dialect, str) or dialect.rstrip("#") not in _DIALECTS:
        raise invalid(f"{pointer}/$schema", "unknown-dialect", f"must be {_DIALECTS[0]}, or be left out")
    for number, (place, part) in enumerate(_all_parts(schema, pointer)):
        if number >= MOST_PARTS:
            raise invalid(pointer, "schema-too-large", f"must not consist of more than {MOST_PARTS} schemas")
        _check_part(schema, part, place, is_whole=part is schema)
    _compile(schema, pointer)
    whole = resolved(schema, schema)
    if "object" not in _types(whole):
        raise invalid(pointer, "not-an-object", 'must describe an object: "type": "object" with "properties"')


def _all_parts(schema: Any, pointer: str) -> Iterator[tuple[str, Any]]:
    yield pointer, schema
    for step, part in parts_of(schema):
        yield from _all_parts(part, pointer + step)


def _check_part(root: Any, part: Any, pointer: str, *, is_whole: bool) -> None:
    if not isinstance(part, dict):
        return
    reference = part.get("$ref")
    if isinstance(reference, str):
        _check_reference(root, reference, f"{pointer}/$ref")
    for keyword, instead in _OUTDATED.items():
        if keyword in part:
            raise invalid(f"{pointer}/{keyword}", "outdated-keyword", f"is not understood: write {instead}")
    if "$id" in part and not is_whole:
        raise invalid(f"{pointer}/$id", "nested-id", "can only stand at the top of a schema")


def _check_reference(root: Any, reference: str, pointer: str) -> None:
    if not reference.startswith("#"):
        detail = f"must lead to a place in the same schema, such as #/$defs/Name; {reference[:80]!r} is never fetched"
        raise invalid(pointer, "remote-reference", detail)
    try:
        target(root, reference)
    except LookupError as error:
        raise invalid(pointer, "broken-reference", f"leads nowhere: {reference[:80]!r} is not in the schema") from error


def _compile(schema: dict[str, Any], pointer: str) -> None:
    try:
        compiled_for(schema)
    except TooMuch as error:
        raise invalid(pointer, "schema-too-entangled", str(error)) from error
    except ValidationError as error:
        raise _not_a_schema(error, pointer) from error


def _not_a_schema(error: ValidationError, pointer: str) -> Problem:
    place = pointer + pointer_to(list(error.instance_path))
    match error.kind:
        case Kind.Format("regex"):
            detail = (
                "is not a regular expression that can be checked in linear time: no look-around, no references back"
            )
            return invalid(place, "invalid-pattern", detail)
        case _:
            return invalid(place, "invalid-schema", f"is not valid JSON Schema 2020-12: {_first_line(error.message)}")


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:200]


def _types(schema: Any) -> list[Any]:
    """What the value may be; without a word, anything."""
    types = schema.get("type", "object") if isinstance(schema, dict) else []
    return types if isinstance(types, list) else [types]


def _is_too_deep(schema: Any) -> bool:
    level = [schema]
    for _ in range(DEEPEST + 1):
        level = [
            inner
            for each in level
            if isinstance(each, (dict, list))
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return False
    return True
