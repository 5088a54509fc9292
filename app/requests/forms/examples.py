"""An answer that a form would take, for somebody who wires a program together to begin with.

It holds what was proposed, and else whatever fits. A rule that cannot be guessed at, such as a pattern without an
example, is left to the reader.
"""

from typing import Any

from .fields import MISSING, Field, Form, Missing
from .references import Schema, follow, resolved
from .telling import has_secrets

_TEXT = "…"
_MOST_ROWS = 50  # in all lists together
_BY_KIND: dict[str, Any] = {
    "email": "name@example.com",
    "url": "https://example.com",
    "phone": "+44 20 7946 0018",
    "date": "2026-11-25",
    "time": "14:30",
    "date-time": "2026-11-25T14:30:00+01:00",
    "yes-no": True,
    "check": True,
}


def example_in(form: Form, proposed: Any = MISSING) -> dict[str, Any]:
    """The value of a form: no more than it must have, and what is there already. Never a secret."""
    return _Example(form.schema).group(form.root, proposed)


class _Example:
    def __init__(self, root: Schema) -> None:
        self.root = root
        self.room = _MOST_ROWS

    def group(self, field: Field, given: Any) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for inner in field.fields:
            if inner.kind == "variants" and inner.is_inline:
                chosen = self.value(inner.fields[0], given)
                value |= chosen if isinstance(chosen, dict) else {}
            elif not inner.is_inline:
                part = given.get(inner.key, MISSING) if isinstance(given, dict) else MISSING
                if inner.is_required or not isinstance(part, Missing):
                    value[inner.key] = self.value(inner, part)
        return value

    def value(self, field: Field, given: Any) -> Any:
        if field.kind == "group":
            return self.group(field, given)
        known = field.default if isinstance(given, Missing) else given
        if not isinstance(known, Missing) and not has_secrets(field):
            return known
        return None if field.is_nullable else self.fresh(field)

    def fresh(self, field: Field) -> Any:
        says = resolved(self.root, follow(self.root, field.pointer))
        match field.kind:
            case "choice" | "rating":
                return field.options[0].value
            case "variants":
                return self.value(field.fields[0], MISSING)
            case "choices" | "rows" | "tuple":
                return self.several(field, says)
            case "entries" | "json":
                return [] if "array" in field.types else {}
            case "number" | "integer":
                return says.get("minimum", 1)
            case "text" | "area" | "password":
                return _text(says)
            case kind:
                return _BY_KIND.get(kind)

    def several(self, field: Field, says: Schema) -> list[Any]:
        if field.kind == "choices":
            return [option.value for option in field.options[: int(says.get("minItems", 0))]]
        if field.item is None:
            return [self.value(inner, MISSING) for inner in field.fields]
        count = min(field.fewest, self.room)
        self.room -= count
        return [self.value(field.item, MISSING) for _ in range(count)]


def _text(says: Schema) -> str:
    examples = says.get("examples")
    if isinstance(examples, list) and examples:
        return str(examples[0])
    if says.get("format") == "uuid":
        return "123e4567-e89b-12d3-a456-426614174000"
    return _TEXT * max(1, min(int(says.get("minLength", 1)), 20))
