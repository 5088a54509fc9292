"""Whether an answer satisfies a form, and if not, why: one sentence for each field that is wrong."""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs
import msgspec
from jsonschema_rs import ValidationError
from jsonschema_rs import ValidationErrorKind as Kind

from .effort import Effort, effort_of
from .formats import FORMATS
from .patterns import linear
from .references import Schema, pointer_to
from .sentences import sentence_for

MOST_ERRORS = 100
_MOST_VISITS = 20_000_000  # of one answer: about a second
_MOST_VISITS_FOR_ALL_ERRORS = 50_000  # beyond it, the first one is told
OPTIONS: dict[str, Any] = {
    "validate_formats": True,
    "formats": FORMATS,
    "pattern_options": jsonschema_rs.RegexOptions(size_limit=1_000_000, dfa_size_limit=1_000_000),
    "email_options": jsonschema_rs.EmailOptions(allow_display_text=False, allow_domain_literal=False),
    "offline": True,
}


class FieldError(msgspec.Struct, frozen=True):
    """What is wrong with one field of an answer: where, by which rule, and a sentence for whoever filled it in."""

    pointer: str
    code: str
    detail: str


class Compiled(msgspec.Struct, frozen=True):
    """A schema, ready to be asked."""

    validator: jsonschema_rs.Validator
    effort: Effort


def validate(schema: Schema, value: Any) -> list[FieldError]:
    """What is wrong with an answer, field by field; nothing when it satisfies the schema.

    The schema is one that `check_schema` has let pass.
    """
    compiled = compiled_for(schema)
    depth, size = _depth_and_size(value)
    if depth > compiled.effort.deepest:
        return [FieldError("", "too-deep", f"The answer is nested deeper than {compiled.effort.deepest} levels.")]
    visits = size * compiled.effort.visits
    if visits > _MOST_VISITS:
        return [FieldError("", "too-large", f"The answer has {size} values, too many for this form to be checked.")]
    if compiled.validator.is_valid(value):
        return []
    return list(dict.fromkeys(_errors(schema, compiled, value, tell_all=visits <= _MOST_VISITS_FOR_ALL_ERRORS)))[
        :MOST_ERRORS
    ]


def prepared(schema: Schema) -> Schema:
    """The schema as the library is given it, always in the same dialect, whatever `$schema` says."""
    return {name: part for name, part in linear(schema).items() if name != "$schema"}


def compiled_for(schema: Schema) -> Compiled:
    """The validator of a schema. Raises a ValidationError of the library, a LookupError, or TooMuch."""
    return _compiled(msgspec.json.encode(schema))


@lru_cache(maxsize=512)
def _compiled(schema_text: bytes) -> Compiled:
    schema = msgspec.json.decode(schema_text)
    effort = effort_of(schema)
    validator = jsonschema_rs.Draft202012Validator(prepared(schema), **OPTIONS)
    return Compiled(validator, effort)


def _errors(schema: Schema, compiled: Compiled, value: Any, *, tell_all: bool) -> Iterator[FieldError]:
    for error in _found(compiled, value, tell_all=tell_all):
        for closest in _closest(error):
            for path in _places(closest):
                code, sentence = sentence_for(schema, closest, path)
                yield FieldError(pointer_to(path), code, sentence)


def _found(compiled: Compiled, value: Any, *, tell_all: bool) -> list[ValidationError]:
    if tell_all:
        return list(compiled.validator.iter_errors(value))
    try:
        compiled.validator.validate(value)
    except ValidationError as error:
        return [error]
    return []


def _closest(error: ValidationError) -> list[ValidationError]:
    """Where several shapes are allowed and none fits, what is wrong with the one that was probably meant."""
    kind = error.kind
    match kind:
        case Kind.AnyOf() | Kind.OneOfNotValid():
            branches = [[found for each in branch for found in _closest(each)] for branch in kind.context]
            meant = [branch for branch in branches if not any(_is_another_shape(error, found) for found in branch)]
            return min(meant, key=len) if meant else [error]
        case _:
            return [error]


def _is_another_shape(outer: ValidationError, error: ValidationError) -> bool:
    """Whether an error says that a branch was not meant at all: the value is of another type, or named otherwise."""
    depth = len(error.instance_path) - len(outer.instance_path)
    match error.kind:
        case Kind.Type():
            return depth == 0
        case Kind.Constant():
            return depth <= 1
        case Kind.Enum():
            return depth == 0
        case _:
            return False


def _places(error: ValidationError) -> list[list[str | int]]:
    """The fields that an error is about: one that is missing is the field itself, not what it is missing from."""
    path = list(error.instance_path)
    match error.kind:
        case Kind.Required(name):
            return [[*path, name]]
        case Kind.AdditionalProperties(names) | Kind.UnevaluatedProperties(names):
            return [[*path, name] for name in names]
        case _:
            return [path]


def _depth_and_size(value: Any) -> tuple[int, int]:
    """How deep an answer is nested, and how many values it is made of."""
    depth, size, level = 0, 0, [value]
    while level:
        size += len(level)
        nested = [each for each in level if isinstance(each, (dict, list))]
        level = [inner for each in nested for inner in (each.values() if isinstance(each, dict) else each)]
        depth += bool(nested)
    return depth, size
