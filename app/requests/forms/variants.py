"""Which variant a value is, and which cases hold: asked of the same validator, with a part of the schema."""

from functools import lru_cache
from typing import Any
from urllib.parse import quote

import jsonschema_rs
import msgspec

from .fields import Condition, Field, Form, Missing
from .validation import OPTIONS, prepared

_WHOLE = "urn:waitpoint:form"
_TYPES = {bool: "boolean", dict: "object", float: "number", int: "integer", list: "array", str: "string"}


def variant_for(form: Form, field: Field, value: Any) -> int | None:
    """The first variant that the value satisfies; where none is, the one that it is marked as, or has the type of."""
    if isinstance(value, Missing) or value is None:
        return None
    ways = (_satisfies, _is_marked_as) if field.is_inline else (_satisfies, _is_marked_as, _has_the_type)
    for fits in ways:
        for number, variant in enumerate(field.fields):
            if fits(form, variant, value):
                return number
    return None


def _satisfies(form: Form, variant: Field, value: Any) -> bool:
    return satisfies(form, variant.pointer, value)


def _is_marked_as(_: Form, variant: Field, value: Any) -> bool:
    marks = {inner.key: inner.default for inner in variant.fields if inner.kind == "const"}
    return isinstance(value, dict) and bool(marks) and marks.items() <= value.items()


def _has_the_type(_: Form, variant: Field, value: Any) -> bool:
    return _TYPES.get(type(value), "") in variant.types


def holds(form: Form, condition: Condition, group: dict[str, Any]) -> bool:
    """Whether the fields of a case are asked for, by what stands in the rest of the group."""
    if condition.present:
        return condition.present in group
    return satisfies(form, condition.rule, group) != condition.is_negated


def satisfies(form: Form, pointer: str, value: Any) -> bool:
    """Whether a value satisfies the part of a form's schema that a pointer leads to."""
    return _part(msgspec.json.encode(form.schema), pointer).is_valid(value)


@lru_cache(maxsize=1024)
def _part(schema_text: bytes, pointer: str) -> jsonschema_rs.Validator:
    """A validator for one part. The references in it lead into the whole, which is known under a name."""
    place = {"$ref": f"{_WHOLE}#{quote(pointer)}"}
    return jsonschema_rs.Draft202012Validator(place, registry=_registry(schema_text), **OPTIONS)


@lru_cache(maxsize=128)
def _registry(schema_text: bytes) -> jsonschema_rs.Registry:
    return jsonschema_rs.Registry([(_WHOLE, prepared(msgspec.json.decode(schema_text)))])
