"""What stands in a form before a person has touched it: the values that were proposed, or else the defaults.

A name that a proposed object leaves out was not spoken of, so its default holds; what is proposed as null is nothing.
"""

from typing import Any

from .fields import MISSING, UNKNOWN, Field, Form, Missing, Typed, inside
from .references import escaped
from .sentences import in_words
from .texts import texts_of
from .variants import variant_for

ROWS = ":rows"
VARIANT = ":variant"
SHOWN = "="  # before the name of what no control sends
KEPT = "kept"  # of a secret that is there already
MOST_ROWS = 200  # that are drawn of one list


def typed_of(form: Form, value: Any = UNKNOWN) -> Typed:
    """What the controls hold for a value. Without one they hold the defaults of the schema."""
    typed: Typed = {}
    _fill(form, form.root, "", value, typed)
    return typed


def typed_in(form: Form, posted: Typed, original: Any = UNKNOWN) -> Typed:
    """What stands in the controls after a form was posted: what was typed, and what is only there to be read."""
    shown = {name: text for name, text in typed_of(form, original).items() if name.startswith(SHOWN)}
    return shown | {name: text for name, text in posted.items() if name.startswith(("/", ":"))}


def row_of(form: Form, field: Field, path: str) -> Typed:
    """What a new row of a list holds."""
    typed: Typed = {}
    if field.item is not None:
        _fill(form, field.item, path, UNKNOWN, typed)
    return typed


def _fill(form: Form, field: Field, path: str, value: Any, typed: Typed) -> None:
    if value is UNKNOWN and not isinstance(field.default, Missing):
        value = field.default
    match field.kind:
        case "group" | "tuple":
            _fill_group(form, field, path, value, typed)
        case "rows":
            _fill_rows(form, field, path, value, typed)
        case "entries":
            _fill_entries(form, field, path, value, typed)
        case "variants":
            _fill_variant(form, field, path, value, typed)
        case "const" | "hidden":
            pass
        case "shown":
            typed[SHOWN + path] = "" if isinstance(value, Missing) or value is None else in_words(value)
        case _ if field.is_blind:
            typed.update({SHOWN + path: KEPT} if any(texts_of(field, value).values()) else {})
        case _:
            typed.update({f"{path}{suffix}": text for suffix, text in texts_of(field, value).items()})


def _fill_group(form: Form, field: Field, path: str, value: Any, typed: Typed) -> None:
    if value is UNKNOWN and not (field.is_required or field.is_inline):
        value = MISSING  # defaults would make a group that can be left out look filled in
    for number, inner in enumerate(field.fields):
        if inner.is_inline:
            _fill(form, inner, inside(inner, path, number), value, typed)
        else:
            _fill(form, inner, f"{path}/{escaped(inner.key)}", _part(field, value, inner), typed)


def _fill_rows(form: Form, field: Field, path: str, value: Any, typed: Typed) -> None:
    assert field.item is not None  # noqa: S101 - rows have an item
    beforehand = min(field.fewest, _room(typed, path)) if value is UNKNOWN else 0
    values = value[:MOST_ROWS] if isinstance(value, list) else [UNKNOWN] * beforehand
    typed[path + ROWS] = str(len(values))
    for index, each in enumerate(values):
        _fill(form, field.item, f"{path}/{index}", each, typed)


def _room(typed: Typed, path: str) -> int:
    """How many empty rows may be drawn in a list. Lists within rows share what one list may have."""
    room, around = MOST_ROWS, path
    while around:
        around = around.rpartition("/")[0]
        room //= max(1, int(typed.get(around + ROWS, "1")))
    return room


def _fill_entries(form: Form, field: Field, path: str, value: Any, typed: Typed) -> None:
    assert field.item is not None  # noqa: S101 - entries have an item
    pairs = list(value.items())[:MOST_ROWS] if isinstance(value, dict) else []
    typed[path + ROWS] = str(len(pairs))
    for index, (name, each) in enumerate(pairs):
        typed[f"{path}/{index}/name"] = name
        _fill(form, field.item, f"{path}/{index}/value", each, typed)


def _fill_variant(form: Form, field: Field, path: str, value: Any, typed: Typed) -> None:
    chosen = variant_for(form, field, value)
    if chosen is not None:
        typed[path + VARIANT] = str(chosen)
    for number, variant in enumerate(field.fields):
        _fill(form, variant, inside(field, path, number), value if number == chosen else UNKNOWN, typed)


def _part(field: Field, value: Any, inner: Field) -> Any:
    """What a group's value has for one of its fields."""
    if field.kind == "tuple":
        index = int(inner.key)
        return value[index] if isinstance(value, list) and index < len(value) else _nothing(value)
    return value.get(inner.key, UNKNOWN) if isinstance(value, dict) else _nothing(value)


def _nothing(value: Any) -> Missing:
    return UNKNOWN if value is UNKNOWN else MISSING
