"""From the text of an output to a value of the type that the caller expects."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec
import msgspec.inspect

from waitpoint._errors import InvalidInput, UnexpectedOutput

#: Turns plain JSON into a value of one type, or raises a ValueError.
Reader: TypeAlias = Callable[[Any], Any]


class Expected:
    """The type that a caller expects: a Pydantic model, dataclass, TypedDict, msgspec Struct, or made of them.

    Made when a wait begins: a type that cannot be read is refused before the wait rather than after it.
    """

    def __init__(self, kind: Any = None) -> None:
        self._name = getattr(kind, "__name__", None) or str(kind)
        self._read = _reader_of(kind)

    def convert(self, value: Any) -> Any:
        """Plain JSON as the expected type, or a ValueError."""
        return self._read(value)

    def read(self, token_id: str, output: Any) -> Any:
        """The output as the expected type."""
        try:
            return self._read(output)
        except ValueError as mismatch:
            error = UnexpectedOutput(f"{token_id} was completed with an output that is not {self._name}: {mismatch}")
            error.output = output
            raise error from mismatch


def read(text: str | None, content_type: str | None) -> Any:
    """The plain value: numbers of any length exact, text that is not JSON as it came."""
    if text is None:
        return None
    if content_type == "text/plain":
        return text
    return json.loads(text)


def _reader_of(kind: Any) -> Reader:
    if kind is None:
        return lambda output: output
    if _is_known_to_msgspec(kind):
        return lambda output: msgspec.convert(
            output, kind, dec_hook=_read_pydantic_model, builtin_types=(), str_keys=True
        )
    return _pydantic_reader(kind)


def _is_known_to_msgspec(kind: Any) -> bool:
    try:
        description = msgspec.inspect.type_info(kind)
    except (TypeError, NameError):
        return False
    return not isinstance(description, msgspec.inspect.CustomType) or _is_pydantic_model(description.cls)


def _is_pydantic_model(cls: Any) -> bool:
    return hasattr(cls, "model_validate_json")


def _read_pydantic_model(cls: Any, part: Any) -> Any:
    """Let a model read its part of the output as JSON: strict models expect text for dates there."""
    if not _is_pydantic_model(cls):
        raise ValueError(f"{cls!r} cannot be read from JSON")
    return cls.model_validate_json(json.dumps(part))


def _pydantic_reader(kind: Any) -> Reader:
    """Pydantic knows types that msgspec does not, unions of models among them.

    Who has a model has imported Pydantic; this module never does.
    """
    pydantic = sys.modules.get("pydantic")
    try:
        if pydantic is None or isinstance(kind, str):
            raise TypeError("it is no type that msgspec knows")
        adapter = pydantic.TypeAdapter(kind)
    except Exception as problem:
        raise InvalidInput(
            f"The type of the output: {kind!r} cannot be read from JSON. "
            "Give a Pydantic model, dataclass, TypedDict, msgspec Struct, or a type made of them."
        ) from problem
    return lambda output: adapter.validate_json(json.dumps(output))
