"""What a field is called: its title, or its name in words."""

import re
from collections.abc import Iterator
from typing import Any

from .references import resolved

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[_\-\s]+")
_SAME_VALUE = ("allOf", "anyOf", "oneOf")


def label_of(name: str, schema: Any) -> str:
    """What a field is called on a page.

    The title that a person gave it; one that a library made of the name ("Company Name") is written as a sentence is.
    """
    title = schema.get("title") if isinstance(schema, dict) else None
    if isinstance(title, str) and title.strip() and not _was_made_of(name, title):
        return title.strip()
    return in_words(name)


def in_words(name: str) -> str:
    """A name as words: `company_name` and `companyName` are "Company name"."""
    words = _SEPARATORS.sub(" ", _CAMEL.sub(" ", name)).strip()
    if not words:
        return name
    lower = " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words.split(" "))
    return lower[:1].upper() + lower[1:]


def label_at(root: Any, path: list[str | int]) -> str:
    """What the field at a path is called, with the row it stands in: `Guests 2: Name`. The whole is "The answer"."""
    schemas = [root]
    label, row = "The answer", ""
    for index, step in enumerate(path):
        schemas = _inside(root, schemas, step)
        if isinstance(step, str):
            label = next((label_of(step, schema) for schema in schemas if _has_title(schema)), in_words(step))
        elif index == len(path) - 1:
            return f"{row}{label} {step + 1}"
        else:
            row = f"{row}{label} {step + 1}: "
    return f"{row}{label}"


def schemas_at(root: Any, path: list[str | int]) -> list[dict[str, Any]]:
    """All schemas that say something about the value at a path."""
    schemas = [root]
    for step in path:
        schemas = _inside(root, schemas, step)
    return [each for schema in schemas for each in _same_value(root, schema)]


def _inside(root: Any, schemas: list[Any], step: str | int) -> list[Any]:
    if isinstance(step, int):
        return [inner for schema in schemas for inner in _items(root, schema, step)]
    return [inner for schema in schemas for inner in _properties(root, schema, step)]


def _has_title(schema: Any) -> bool:
    return isinstance(schema, dict) and isinstance(schema.get("title"), str)


def _was_made_of(name: str, title: str) -> bool:
    return title == name.replace("_", " ").title()


def _properties(root: Any, schema: Any, name: str) -> Iterator[Any]:
    for each in _same_value(root, schema):
        named = each.get("properties")
        if isinstance(named, dict) and name in named:
            yield named[name]
        elif isinstance(each.get("additionalProperties"), dict):
            yield each["additionalProperties"]


def _items(root: Any, schema: Any, index: int) -> Iterator[Any]:
    for each in _same_value(root, schema):
        first = each.get("prefixItems", [])
        if isinstance(first, list) and index < len(first):
            yield first[index]
        elif isinstance(each.get("items"), dict):
            yield each["items"]


def _same_value(root: Any, schema: Any, depth: int = 0) -> Iterator[dict[str, Any]]:
    """The schema and all that say something about the same value."""
    if depth > 8:
        return
    schema = resolved(root, schema)
    if not isinstance(schema, dict):
        return
    yield schema
    for keyword in _SAME_VALUE:
        for part in schema.get(keyword, []):
            yield from _same_value(root, part, depth + 1)
    for keyword in ("then", "else", "if"):
        if keyword in schema:
            yield from _same_value(root, schema[keyword], depth + 1)
    for part in (schema.get("dependentSchemas") or {}).values():
        yield from _same_value(root, part, depth + 1)
