"""How much work a schema can make: refused before it is asked for, because nothing can stop a validator half-way.

A schema of 30 lines in which each of 20 definitions asks the next one twice takes two minutes to refuse one
number. So the visits that an answer can cause are counted beforehand: for one path from the root of the answer to
a leaf, as deep as answers may be, how often is some part of the schema looked at?
"""

from typing import Any

import msgspec

from .references import Schema, parts_of, target

DEEPEST = 64  # levels of an answer, as of any JSON that comes in
MOST_VISITS = 20_000
FEWEST_LEVELS = 3  # a form that cannot be asked this deep is refused


_DEFINITIONS = ("$defs", "definitions")
_AT_ONE_NAME = ("properties", "items", "prefixItems", "additionalProperties", "unevaluatedProperties")
_ALWAYS = ("patternProperties", "propertyNames", "contains", "unevaluatedItems")


class Effort(msgspec.Struct, frozen=True):
    """What a schema can cost: an answer may be `deepest` levels deep, and each of its values is looked at `visits` times."""

    deepest: int
    visits: int


class TooMuch(Exception):
    """The schema can make too much work. The message says how."""


def effort_of(root: Any) -> Effort:
    """The most that an answer can cost. Raises TooMuch."""
    count = _Count(root)
    try:
        deepest = next(depth for depth in range(DEEPEST, 0, -1) if count.visits(root, depth) <= MOST_VISITS)
    except (StopIteration, RecursionError):
        deepest = 0
    if deepest < FEWEST_LEVELS:
        raise TooMuch(f"is too entangled: one answer could be looked at more than {MOST_VISITS} times")
    return Effort(deepest, count.visits(root, deepest))


class _Count:
    def __init__(self, root: Any) -> None:
        self.root = root
        self.known: dict[tuple[int, int], int] = {}
        self.sorted: dict[int, tuple[list[Any], list[Any], list[Any]]] = {}
        self.under_way: set[int] = set()

    def visits(self, schema: Any, depth: int) -> int:
        """How often the schema and its parts are looked at for one value, and for one value inside it, and so on."""
        if not isinstance(schema, dict):
            return 1
        key = (id(schema), depth)
        if key in self.known:
            return self.known[key]
        if id(schema) in self.under_way:
            raise TooMuch("refers to itself without going deeper into the answer")
        self.under_way.add(id(schema))
        if id(schema) not in self.sorted:
            self.sorted[id(schema)] = self._sorted(schema)
        here, at_one_name, always = self.sorted[id(schema)]
        total = 1 + sum(self.visits(part, depth) for part in here)
        self.under_way.discard(id(schema))
        if depth > 0:
            total += self._deeper(always, at_one_name, depth - 1)
        if "unevaluatedProperties" in schema or "unevaluatedItems" in schema:
            total *= 2  # all is gone through once more, to learn what was looked at
        self.known[key] = min(total, MOST_VISITS + 1)
        return self.known[key]

    def _sorted(self, schema: Schema) -> tuple[list[Any], list[Any], list[Any]]:
        """What is asked about the same value, about one value inside it, and about every value inside it."""
        here = [target(self.root, schema["$ref"])] if isinstance(schema.get("$ref"), str) else []
        at_one_name, always = [], []
        for pointer, part in parts_of(schema):
            keyword = pointer.split("/")[1]
            if keyword in _AT_ONE_NAME:
                at_one_name.append(part)
            elif keyword in _ALWAYS:
                always.append(part)
            elif keyword not in _DEFINITIONS:
                here.append(part)
        return here, at_one_name, always

    def _deeper(self, always: list[Any], one_of: list[Any], depth: int) -> int:
        outside, self.under_way = self.under_way, set()
        visits = sum(self.visits(part, depth) for part in always)
        visits += max((self.visits(part, depth) for part in one_of), default=0)
        self.under_way = outside
        return visits
