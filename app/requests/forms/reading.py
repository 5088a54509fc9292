"""From what stands in the controls of a form to one JSON value, and what is wrong with it, at the field."""

from typing import Any

import msgspec

from .fields import MISSING, UNKNOWN, Field, Form, Missing, Typed, inside
from .filling import MOST_ROWS, ROWS, VARIANT
from .references import escaped
from .texts import PROBLEM, REMOVE, ZONE, Unreadable, texts_of, value_of
from .validation import validate
from .variants import holds, variant_for

_BESIDE = {"date-time": (ZONE,), "file": (REMOVE, PROBLEM)}


class Reading(msgspec.Struct, frozen=True):
    """What a person answered: the value, and by the name of a control the sentence that says what is wrong there."""

    value: dict[str, Any]
    errors: dict[str, str]


def read(form: Form, typed: Typed, original: Any = UNKNOWN) -> Reading:
    """The value of a form that was filled in.

    With the `original` that the form was filled with, what nobody touched stays exactly what it was, and so does
    what the form does not show.
    """
    reader = _Reader(form, typed)
    found = reader.field(form.root, "", "", original)
    value = found.value if isinstance(found.value, dict) else {}
    errors = dict(reader.errors)
    for error in validate(form.schema, value):
        errors.setdefault(reader.control_at(error.pointer), error.detail)
    return Reading(value, errors)


class _Found(msgspec.Struct, frozen=True):
    value: Any
    is_filled: bool


class _Reader:
    """Walks the fields as they were drawn. `places` leads from pointers into the value to the controls."""

    def __init__(self, form: Form, typed: Typed) -> None:
        self.form = form
        self.typed = typed
        self.places: dict[str, str] = {"": ""}
        self.errors: dict[str, str] = {}

    def field(self, field: Field, path: str, pointer: str, original: Any) -> _Found:
        self.places[pointer] = path
        match field.kind:
            case "const" | "hidden" | "shown":
                return _Found(_given(field, original), is_filled=False)
            case "group":
                return self._group(field, path, pointer, original)
            case "tuple":
                return self._tuple(field, path, pointer, original)
            case "rows":
                return self._rows(field, path, pointer, original)
            case "entries":
                return self._entries(field, path, pointer, original)
            case "variants":
                return self._variant(field, path, pointer, original)
            case _:
                return self._leaf(field, path, original)

    def control_at(self, pointer: str) -> str:
        """The control that an error belongs to: the field's own, or that of the group around it."""
        while pointer not in self.places:
            pointer = pointer.rpartition("/")[0]
        return self.places[pointer]

    def _leaf(self, field: Field, path: str, original: Any) -> _Found:
        texts = self._texts(field, path)
        if field.is_blind and not texts.get("") and (kept := _given(field, original)):
            return _Found(kept, is_filled=original is not UNKNOWN)
        is_untouched = original is not UNKNOWN and _plain(texts) == _plain(texts_of(field, original))
        try:
            value = value_of(field, texts)
        except Unreadable as error:
            if is_untouched:
                return _Found(original, is_filled=True)
            self.errors[path] = f"{field.label} {error}"
            return _Found(texts.get("", ""), is_filled=True)
        is_filled = value is not MISSING
        if is_untouched:
            return _Found(original, is_filled)
        return _Found(value if is_filled else _emptied(field), is_filled)

    def _texts(self, field: Field, path: str) -> Typed:
        suffixes = ["", *_BESIDE.get(field.kind, ())]
        if field.kind == "choices":
            suffixes = [f":{number}" for number in range(len(field.options))]
        return {suffix: self.typed[path + suffix] for suffix in suffixes if path + suffix in self.typed}

    def _group(
        self, field: Field, path: str, pointer: str, original: Any, around: dict[str, Any] | None = None
    ) -> _Found:
        before = original if isinstance(original, dict) else UNKNOWN
        value: dict[str, Any] = {}
        is_filled = False
        numbered = sorted(enumerate(field.fields), key=lambda each: each[1].is_inline)  # the others decide about cases
        for number, inner in numbered:
            if inner.is_inline:
                found = self._inline(inner, inside(inner, path, number), pointer, before, (around or {}) | value)
                value |= found.value if isinstance(found.value, dict) else {}
            else:
                step = f"/{escaped(inner.key)}"
                was = before.get(inner.key, UNKNOWN) if isinstance(before, dict) else UNKNOWN
                found = self.field(inner, path + step, pointer + step, was)
                if not isinstance(found.value, Missing):
                    value[inner.key] = found.value
            is_filled = is_filled or found.is_filled
        self.places[pointer] = path
        if not field.is_inline and isinstance(original, dict):
            known = {name for inner in field.fields for name in inner.names}
            value = {name: part for name, part in original.items() if name not in known} | value
        return self._whole(field, path, value, original, is_filled=is_filled)

    def _inline(self, field: Field, path: str, pointer: str, before: Any, around: dict[str, Any]) -> _Found:
        """The fields of a case that holds, or of the variant that was chosen."""
        if field.condition is None:
            return self.field(field, path, pointer, before)
        if holds(self.form, field.condition, around):
            return self._group(field, path, pointer, before, around)
        return _Found({}, is_filled=False)

    def _whole(self, field: Field, path: str, value: Any, original: Any, *, is_filled: bool) -> _Found:
        """A group or a list, or what stands for it when nothing in it is filled in."""
        if is_filled or field.is_inline or value == original:
            return _Found(value, is_filled)
        if field.is_required and not field.is_nullable:
            return _Found(value, is_filled=False)
        for name in [name for name in self.errors if name.startswith(f"{path}/")]:
            del self.errors[name]  # what is not there at all lacks nothing
        return _Found(None if original is None and field.is_nullable else _emptied(field), is_filled=False)

    def _tuple(self, field: Field, path: str, pointer: str, original: Any) -> _Found:
        found = [
            self.field(inner, f"{path}/{index}", f"{pointer}/{index}", _nth(original, index))
            for index, inner in enumerate(field.fields)
        ]
        values = [None if isinstance(each.value, Missing) else each.value for each in found]
        whole = self._whole(field, path, values, original, is_filled=any(each.is_filled for each in found))
        if whole.value is values:
            for index, (inner, each) in enumerate(zip(field.fields, found, strict=True)):
                if isinstance(each.value, Missing) and not inner.is_nullable:
                    self.errors[f"{path}/{index}"] = f"{inner.label} must be filled in."
        return whole

    def _rows(self, field: Field, path: str, pointer: str, original: Any) -> _Found:
        assert field.item is not None  # noqa: S101 - rows have an item
        values: list[Any] = []
        for index in range(rows_in(self.typed, path)):
            was = _nth(original, index)
            found = self.field(field.item, f"{path}/{index}", f"{pointer}/{len(values)}", was)
            is_as_it_was = not isinstance(was, Missing) and found.value == was
            if found.is_filled or is_as_it_was:  # an empty row is no row
                values.append(None if isinstance(found.value, Missing) else found.value)
        self.places[pointer] = path
        return self._whole(field, path, values, original, is_filled=bool(values))

    def _entries(self, field: Field, path: str, pointer: str, original: Any) -> _Found:
        assert field.item is not None  # noqa: S101 - entries have an item
        value: dict[str, Any] = {}
        for index in range(rows_in(self.typed, path)):
            row = f"{path}/{index}"
            name = _name_as_it_was(self.typed.get(f"{row}/name", ""), original)
            was = original.get(name, UNKNOWN) if isinstance(original, dict) else UNKNOWN
            found = self.field(field.item, f"{row}/value", f"{pointer}/{escaped(name)}", was)
            if not name and found.is_filled and found.value != was:
                self.errors[f"{row}/name"] = f"{field.label} {index + 1}: the name must be filled in."
            elif name in value:
                self.errors[f"{row}/name"] = f"{field.label} {index + 1}: this name is there already."
            elif name or (isinstance(original, dict) and "" in original):
                value[name] = None if isinstance(found.value, Missing) else found.value
        self.places[pointer] = path
        return self._whole(field, path, value, original, is_filled=bool(value))

    def _variant(self, field: Field, path: str, pointer: str, original: Any) -> _Found:
        text = self.typed.get(path + VARIANT, "")
        if not (text.isdecimal() and text.isascii() and int(text) < len(field.fields)):
            if field.is_inline:
                self.errors[path + VARIANT] = "Choose one."
                return _Found({}, is_filled=False)
            return _Found(original if original is None else _emptied(field), is_filled=False)
        number = int(text)
        variant = field.fields[number]
        is_as_before = original is not UNKNOWN and variant_for(self.form, field, original) == number
        found = self.field(variant, inside(field, path, number), pointer, original if is_as_before else UNKNOWN)
        if variant.fields or variant.item:
            self.places[pointer] = path
        return _Found(found.value, is_filled=True)


def rows_in(typed: Typed, path: str) -> int:
    """How many rows of a list are drawn."""
    text = typed.get(path + ROWS, "0")
    return min(int(text), MOST_ROWS) if text.isdecimal() and text.isascii() and len(text) < 6 else 0


def _given(field: Field, original: Any) -> Any:
    """The value of a field that nobody fills in: what was there, else the one that the schema gives."""
    return field.default if original is UNKNOWN else original


def _emptied(field: Field) -> Any:
    """What stands for a field that is left empty."""
    has_other_default = not isinstance(field.default, Missing) and field.default is not None
    return None if field.is_nullable and (field.is_required or has_other_default) else MISSING


def _nth(original: Any, index: int) -> Any:
    return original[index] if isinstance(original, list) and index < len(original) else UNKNOWN


def _plain(texts: Typed) -> Typed:
    """Texts as browsers send them back: line ends are the same, and what is empty is not there."""
    return {name: _with_plain_ends(text) for name, text in texts.items() if text}


def _with_plain_ends(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _name_as_it_was(text: str, original: Any) -> str:
    """The very name that was there, where a browser has changed nothing but its line ends."""
    if not isinstance(original, dict) or text in original:
        return text
    return next((name for name in original if _with_plain_ends(name) == _with_plain_ends(text)), text)
