"""Values to choose from, and what each is called."""

import re
from collections.abc import Iterable
from typing import Any

from . import labels
from .fields import Option
from .references import Schema
from .sentences import HINTS, in_words
from .shapes import Shape, shape_of

_IDENTIFIER = re.compile(r"[a-z]+([_-][a-z0-9]+)*|[a-z]+([A-Z][a-z0-9]+)+")


def hints_of(schema: Schema) -> dict[str, Any]:
    """What a schema says about how its field looks."""
    hints = schema.get(HINTS)
    return hints if isinstance(hints, dict) else {}


def text_in(value: Any) -> str:
    """A text that a schema may say, or nothing."""
    return value.strip() if isinstance(value, str) else ""


def options_of(named: Iterable[tuple[Any, str, str]], hints: dict[str, Any]) -> tuple[Option, ...]:
    """The options for values, each with the title and the description that it has by itself.

    `labels` among the hints wins: a list in the same order, or an object by value.
    """
    found = list(named)
    texts = [value if isinstance(value, str) else in_words(value) for value, _, _ in found]
    if len(set(texts)) < len(texts) or "" in texts:
        texts = [f"option-{number}" for number in range(len(texts))]
    options = []
    for number, ((value, title, description), text) in enumerate(zip(found, texts, strict=True)):
        label = _hinted(hints.get("labels"), number, value) or title or word_for(value)
        options.append(Option(value, text, label, description))
    return tuple(options)


def offered(root: Any, shape: Shape) -> tuple[Option, ...]:
    """The values to choose from, where a schema names them all."""
    hints = hints_of(shape.says)
    named = shape.says.get("enum")
    if isinstance(named, list) and named:
        return options_of([(value, "", "") for value in named], hints)
    found: list[tuple[Any, str, str]] = []
    for place in shape.branches:
        branch = shape_of(root, place).says
        if "const" in branch:
            found.append((branch["const"], text_in(branch.get("title")), text_in(branch.get("description"))))
        elif isinstance(branch.get("enum"), list):
            found += [(value, "", "") for value in branch["enum"]]
        else:
            return ()
    return options_of(found, hints)


def word_for(value: Any) -> str:
    """What a value is called where nobody named it: `in_progress` is "In progress"."""
    match value:
        case True:
            return "Yes"
        case False:
            return "No"
        case None:
            return "None"
        case "":
            return "Nothing"
        case str() if _IDENTIFIER.fullmatch(value):
            return labels.in_words(value)
        case _:
            return in_words(value)


def _hinted(named: Any, number: int, value: Any) -> str:
    if isinstance(named, list) and number < len(named):
        return text_in(named[number])
    if isinstance(named, dict):
        return text_in(named.get(in_words(value)))
    return ""
