"""Values of JSON, compared as JSON has it."""

from collections.abc import Mapping
from typing import Any


def is_same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same. Not as Python has it, where true is 1."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(is_same, one, other))
    return bool(one == other)


def holds(answer: Mapping[str, Any], output: Mapping[str, Any]) -> bool:
    """Whether an answer has every entry of an output."""
    return all(name in answer and is_same(value, answer[name]) for name, value in output.items())
