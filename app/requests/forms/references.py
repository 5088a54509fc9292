"""Where a schema points to: `$ref` inside the same schema, and the schemas that a schema is made of."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

Schema = dict[str, Any]

SAME_VALUE = ("allOf", "anyOf", "oneOf", "prefixItems")
_ONE = (
    "not",
    "if",
    "then",
    "else",
    "items",
    "additionalProperties",
    "unevaluatedProperties",
    "unevaluatedItems",
    "contains",
    "propertyNames",
    "contentSchema",
)
_NAMED = ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")


def parts_of(schema: Any) -> Iterator[tuple[str, Any]]:
    """The schemas directly inside a schema, each with the JSON pointer that leads there from it."""
    if not isinstance(schema, dict):
        return
    for keyword in _ONE:
        if isinstance(schema.get(keyword), (dict, bool)):
            yield f"/{keyword}", schema[keyword]
    for keyword in SAME_VALUE:
        if isinstance(schema.get(keyword), list):
            for index, part in enumerate(schema[keyword]):
                yield f"/{keyword}/{index}", part
    for keyword in _NAMED:
        if isinstance(schema.get(keyword), dict):
            for name, part in schema[keyword].items():
                yield f"/{keyword}/{escaped(name)}", part


def mapped(schema: Schema, change: Callable[[Any], Any]) -> Schema:
    """The schema with every schema directly inside it changed; values such as `const` stay as they are."""
    changed: Schema = {}
    for keyword, part in schema.items():
        if keyword in _ONE:
            changed[keyword] = change(part)
        elif keyword in SAME_VALUE and isinstance(part, list):
            changed[keyword] = [change(each) for each in part]
        elif keyword in _NAMED and isinstance(part, dict):
            changed[keyword] = {name: change(each) for name, each in part.items()}
        else:
            changed[keyword] = part
    return changed


def target(root: Any, reference: str) -> Any:
    """What a local reference (`#`, `#/$defs/Name`, `#name`) points to. Raises LookupError."""
    if not reference.startswith("#"):
        raise LookupError(reference)
    pointer = unquote(reference[1:])
    if pointer and not pointer.startswith("/"):
        return _anchored(root, pointer)
    return follow(root, pointer)


def follow(value: Any, pointer: str) -> Any:
    """What a JSON pointer (RFC 6901) leads to. Raises LookupError."""
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and name.isdecimal() and name.isascii():
            value = value[int(name)]
        elif isinstance(value, dict) and name in value:
            value = value[name]
        else:
            raise LookupError(pointer)
    return value


def path_of(value: Any, pointer: str) -> list[str | int]:
    """The path in a value that a pointer to something in it stands for."""
    path: list[str | int] = []
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        path.append(int(name) if isinstance(value, list) else name)
        value = value[path[-1]]
    return path


def resolved(root: Any, schema: Any) -> Any:
    """The schema behind `$ref`, with what stands beside the reference winning; `{}` when it leads in a circle."""
    seen: set[str] = set()
    beside: Schema = {}
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        if schema["$ref"] in seen:
            return beside
        seen.add(schema["$ref"])
        beside = {name: part for name, part in schema.items() if name != "$ref"} | beside
        schema = target(root, schema["$ref"])
    return {**schema, **beside} if isinstance(schema, dict) else schema


def pointer_to(path: list[str | int]) -> str:
    """The JSON pointer of a path."""
    return "".join(f"/{escaped(str(step))}" for step in path)


def escaped(name: str) -> str:
    """A name as one step of a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _anchored(root: Any, name: str) -> Any:
    waiting = [root]
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict) and schema.get("$anchor") == name:
            return schema
        waiting += [part for _, part in parts_of(schema)]
    raise LookupError(name)
