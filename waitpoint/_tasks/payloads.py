"""The arguments of a task as JSON, and back into what its annotations ask for."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from waitpoint import _arguments as arguments
from waitpoint._errors import InvalidInput
from waitpoint._outputs import Expected

Function = Callable[..., Any]


def payload_of(function: Function, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What travels: the arguments as they were given, once they are known to fit the function."""
    inspect.signature(function).bind(*args, **kwargs)
    return {
        "args": [arguments.plain(f"argument {number}", value) for number, value in enumerate(args, 1)],
        "kwargs": {name: arguments.plain(name, value) for name, value in kwargs.items()},
    }


def arguments_of(function: Function, payload: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments that a payload stands for.

    A JSON object that was triggered from elsewhere is the keyword arguments, or the one parameter of a function
    that takes one.
    """
    signature = inspect.signature(function)
    try:
        bound = signature.bind(*(given := _given(signature, payload))[0], **given[1])
    except TypeError as misfit:
        raise InvalidInput(f"The payload does not fit {function.__name__}{signature}: {misfit}.") from None
    expected = _expected(function)
    for name, value in bound.arguments.items():
        bound.arguments[name] = _read(name, signature.parameters[name], expected, value)
    return bound.args, bound.kwargs


def expected_result(function: Function) -> Expected:
    """The type that a function says it returns."""
    kind = _hints(function).get("return", Any)
    return Expected(None if kind in {Any, type(None)} else kind)


def _given(signature: inspect.Signature, payload: Any) -> tuple[list[Any], dict[str, Any]]:
    match payload:
        case {"args": list(args), "kwargs": dict(kwargs), **rest} if not rest:
            return args, kwargs
        case None if not signature.parameters:
            return [], {}
        case dict() if _fits(signature, payload):
            return [], payload
        case _:
            return [payload], {}


def _fits(signature: inspect.Signature, payload: dict[str, Any]) -> bool:
    try:
        signature.bind(**payload)
    except TypeError:
        return len(signature.parameters) != 1
    return True


def _read(name: str, parameter: inspect.Parameter, expected: Mapping[str, Expected], value: Any) -> Any:
    reader = expected.get(name)
    if reader is None:
        return value
    try:
        if parameter.kind is parameter.VAR_POSITIONAL:
            return tuple(reader.convert(item) for item in value)
        if parameter.kind is parameter.VAR_KEYWORD:
            return {key: reader.convert(item) for key, item in value.items()}
        return reader.convert(value)
    except ValueError as misfit:
        raise InvalidInput(f"The argument {name} is not what the task expects: {misfit}.") from None


@lru_cache(maxsize=1024)
def _expected(function: Function) -> dict[str, Expected]:
    hints = {name: kind for name, kind in _hints(function).items() if name != "return" and kind is not Any}
    return {name: Expected(kind) for name, kind in hints.items()}


def _hints(function: Function) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as missing:
        raise InvalidInput(
            f"The annotations of {function.__name__} cannot be read while it runs ({missing}). "
            "Import the types outside `if TYPE_CHECKING`."
        ) from None
