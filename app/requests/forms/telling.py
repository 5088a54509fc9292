"""What was answered, as the form showed it: fields by their labels, choices by theirs, files by name and size."""

from collections.abc import Container, Iterator
from datetime import datetime
from typing import Any

import msgspec

from ..values import is_same
from .controls import DOTS
from .fields import MISSING, Field, Form, Missing
from .filling import typed_of
from .labels import in_words
from .reading import read
from .references import escaped
from .sentences import size_in_words
from .variants import holds, variant_for


class SentFile(msgspec.Struct, frozen=True):
    """A file that an answer names, for a page that may lead to it."""

    id: str
    name: str
    size: str

    def __str__(self) -> str:
        return f"{self.name} ({self.size})"


class Edit(msgspec.Struct, frozen=True):
    """A value that was proposed, and what was answered instead. Both as the form showed them."""

    pointer: str
    label: str
    before: Any
    after: Any


def told(form: Form, value: Any) -> Any:
    """The value for people to read. Hidden fields stay hidden, and dots stand for what is secret."""
    return _told(form, form.root, value)


def has_secrets(field: Field) -> bool:
    """Whether something in it is not to be shown."""
    inner = [*field.fields, *([field.item] if field.item else [])]
    return field.is_secret or any(map(has_secrets, inner))


def edits(form: Form, proposed: dict[str, Any], answer: Any, names: Container[str]) -> Iterator[Edit]:
    """Where an answer differs from what the form would have sent untouched, among the properties of these names."""
    untouched = read(form, typed_of(form, proposed), proposed).value
    for name, inner, one, other in _pairs(form, form.root, untouched, answer):
        if name in names:
            yield from _edits(form, inner, one, other, f"/{escaped(name)}", inner.label)


def _told(form: Form, field: Field, value: Any) -> Any:  # noqa: PLR0911 - a table of kinds
    if field.is_secret:
        return DOTS if value else None
    match field.kind:
        case "choice" | "choices" | "rating":
            return _label(field, value)
        case "file":
            return _file(value)
        case "date-time":
            return _moment(value)
        case "group" if isinstance(value, dict):
            return _told_group(form, field, value)
        case "tuple" if isinstance(value, list) and len(value) == len(field.fields):
            return {inner.label: _told(form, inner, part) for inner, part in zip(field.fields, value, strict=True)}
        case "rows" if isinstance(value, list):
            return [_told(form, _item(field), each) for each in value]
        case "entries" if isinstance(value, dict):
            return {name: _told(form, _item(field), part) for name, part in value.items()}
        case "variants":
            chosen = variant_for(form, field, value)
            return value if chosen is None else _told(form, field.fields[chosen], value)
        case _:
            return _plain(value)


def _told_group(form: Form, field: Field, value: dict[str, Any]) -> dict[str, Any]:
    fields = dict(_fields(form, field, value))
    found: dict[str, Any] = {}
    for name, part in value.items():
        inner = fields.get(name) or _unknown(name)
        if inner.kind != "hidden":
            label = inner.label if inner.label not in found else f"{inner.label} ({name})"
            found[label] = _told(form, inner, part)
    return found


def _edits(form: Form, field: Field, before: Any, after: Any, pointer: str, label: str) -> Iterator[Edit]:
    if is_same(before, after):
        return
    if field.is_secret:
        yield Edit(pointer, label, _told(form, field, before), _told(form, field, after))
    elif field.kind in {"group", "entries", "json"} and isinstance(before, dict) and isinstance(after, dict):
        for name, inner, one, other in _pairs(form, field, before, after):
            yield from _edits(form, inner, one, other, f"{pointer}/{escaped(name)}", f"{label}, {inner.label}")
    elif field.kind == "rows" and isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _edits(form, _item(field), one, other, f"{pointer}/{index}", f"{label} {index + 1}")
    elif field.kind == "variants" and (chosen := _chosen_by_both(form, field, before, after)) is not None:
        yield from _edits(form, chosen, before, after, pointer, label)
    else:
        yield Edit(pointer, label, _told(form, field, before), _told(form, field, after))


def _pairs(form: Form, field: Field, before: Any, after: Any) -> Iterator[tuple[str, Field, Any, Any]]:
    """Each name that one of two objects has, with its field and what both have there."""
    fields = {**dict(_fields(form, field, before)), **dict(_fields(form, field, after))}
    for name in dict.fromkeys([*before, *after]):
        inner = fields.get(name) or _unknown(name)
        yield name, inner, before.get(name, MISSING), after.get(name, MISSING)


def _fields(form: Form, field: Field, value: Any) -> Iterator[tuple[str, Field]]:
    """The fields of a group by their names: those of the cases that hold, and of the variant that was chosen."""
    if field.kind == "entries":
        yield from ((name, _called(name, _item(field))) for name in value)
    for inner in field.fields:
        if not inner.is_inline:
            yield inner.key, inner
        elif inner.kind == "variants":
            chosen = variant_for(form, inner, value)
            yield from () if chosen is None else _fields(form, inner.fields[chosen], value)
        elif inner.condition is None or holds(form, inner.condition, value):
            yield from _fields(form, inner, value)


def _chosen_by_both(form: Form, field: Field, before: Any, after: Any) -> Field | None:
    one, other = variant_for(form, field, before), variant_for(form, field, after)
    return field.fields[one] if one is not None and one == other else None


def _label(field: Field, value: Any) -> Any:
    if isinstance(value, list) and field.kind == "choices":
        return [_label_of(field, each) for each in value]
    return _label_of(field, value)


def _label_of(field: Field, value: Any) -> Any:
    return next((option.label for option in field.options if is_same(option.value, value)), _plain(value))


def _file(value: Any) -> Any:
    try:
        return SentFile(str(value["id"]), str(value["name"]), size_in_words(int(value["size"])))
    except (KeyError, TypeError, ValueError):
        return _plain(value)


def _moment(value: Any) -> Any:
    """With its own distance from UTC, as it was written."""
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _plain(value)
    seconds = ":%S" if moment.second else ""
    return f"{moment:%A %-d %B %Y, %H:%M{seconds} %Z}".rstrip()


def _plain(value: Any) -> Any:
    return None if isinstance(value, Missing) else value


def _item(field: Field) -> Field:
    assert field.item is not None  # noqa: S101 - rows and entries have an item
    return field.item


def _unknown(name: str) -> Field:
    return Field(kind="json", key=name, label=in_words(name))


def _called(name: str, field: Field) -> Field:
    return msgspec.structs.replace(field, label=name)
