"""A form as it is drawn: every control with its name, what stands in it, and what is wrong there."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from .fields import Condition, Field, Form, Option, Typed, inside
from .filling import MOST_ROWS, SHOWN, VARIANT
from .reading import rows_in
from .references import escaped
from .sentences import in_words, size_in_words
from .texts import ZONE, texts_of

NO_ERRORS: dict[str, str] = {}
DOTS = "••••••"  # for what is not shown
WHOLE = "form"  # the id of all fields together
_MOST_RADIOS = 6  # beyond it, a list to choose from
_PLAIN = re.compile(r"[A-Za-z0-9_-]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,3})?)?")
_MOMENT = re.compile(f"{_DATE.pattern}T{_TIME.pattern}")
_SHAPES = {"date": _DATE, "time": _TIME}
_TYPES = {
    "email": "email",
    "url": "url",
    "phone": "tel",
    "password": "password",
    "date": "date",
    "time": "time",
}
_PARTIALS = {
    "area": "area",
    "json": "area",
    "yes-no": "radios",
    "rating": "rating",
    "choices": "checks",
    "check": "check",
    "file": "file",
    "date-time": "date_time",
    "const": "shown",
    "shown": "shown",
    "group": "group",
    "tuple": "group",
    "rows": "rows",
    "entries": "entries",
    "variants": "variants",
}


_FOCUSED = {"line", "area", "select", "date_time", "file", "check", "radios", "rating", "checks", "variants"}


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One of several, as a radio button, a box to tick, or a line of a list."""

    id: str
    name: str
    value: str
    label: str
    help: str = ""
    is_chosen: bool = False
    has_focus: bool = False
    part: "Control | None" = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of a list, with the button that removes it."""

    label: str
    part: "Control"
    remove: str
    name: "Control | None" = None


class Control(msgspec.Struct, frozen=True, kw_only=True):
    """A field as it stands on a page. `partial` is the template that draws it."""

    partial: str
    id: str
    name: str
    label: str
    type: str = "text"
    help: str = ""
    unit: str = ""
    error: str = ""
    text: str = ""
    zone: str = ""
    """Of a time; empty where nobody has said one."""
    needed: str = ""
    note: str = ""
    when: str = ""
    add: str = ""
    is_optional: bool = False
    is_code: bool = False
    is_kept_back: bool = False
    """Whether something secret was typed, which no page sends back."""
    is_inline: bool = False
    has_buttons: bool = False
    has_files: bool = False
    file: tuple[str, str] | None = None
    attributes: dict[str, Any] = {}
    choices: tuple[Choice, ...] = ()
    parts: tuple["Control", ...] = ()
    rows: tuple[Row, ...] = ()

    @property
    def described_by(self) -> str:
        """The ids of what is said about the control, for its `aria-describedby`."""
        ids = [f"{self.id}_note"] * bool(self.note) + [f"{self.id}_help"] * bool(self.help)
        return " ".join([*ids, *[f"{self.id}_error"] * bool(self.error)])


def controls(form: Form, typed: Typed, errors: dict[str, str] = NO_ERRORS, *, focus: str = "") -> Control:
    """The form as it is drawn, with what stands in its controls and what is wrong at each.

    `focus` is the path of a row whose first control takes the focus, or `add:` and that of a list.
    """
    drawing = _Drawing(typed, errors, focus)
    whole = drawing.control(form.root, "")
    partials = {part.partial for part in _all(whole)}
    has_buttons = not partials.isdisjoint({"rows", "entries"})
    return msgspec.structs.replace(whole, id=WHOLE, has_buttons=has_buttons, has_files="file" in partials)


def summary(control: Control) -> dict[str, str]:
    """Everything that is wrong, in the order of the page: ids of controls, and the sentences."""
    return {part.id: part.error for part in _all(control) if part.error}


def names_kept_back_in(control: Control) -> Iterator[str]:
    """The names of controls whose text is not sent back to the page."""
    if control.is_kept_back:
        yield control.name
    parts = [*control.parts, *(row.part for row in control.rows), *(choice.part for choice in control.choices)]
    for part in parts:
        if part is not None:
            yield from names_kept_back_in(part)


def standing_in(control: Control, around: str = "") -> Iterator[tuple[str, str, str]]:
    """What a person finds filled in: names of controls, what they are called and stand in, and texts to read."""
    label = ", ".join(filter(None, [around, control.label]))
    text = _read_from(control)
    if text:
        yield control.name, label, text
    inside = "" if control.id == WHOLE else label
    for part in control.parts:
        yield from standing_in(part, inside)
    for row in control.rows:
        if row.name is not None:
            yield from standing_in(row.name, ", ".join(filter(None, [around, row.label])))
        yield from standing_in(row.part, around if row.name is None else ", ".join(filter(None, [around, row.label])))
    for choice in control.choices:
        if choice.part is not None and choice.is_chosen:
            yield from standing_in(choice.part, inside)


def _read_from(control: Control) -> str:
    if control.is_kept_back:
        return DOTS
    match control.partial:
        case "radios" | "rating" | "select" | "checks" | "variants":
            return ", ".join(choice.label for choice in control.choices if choice.is_chosen and choice.value)
        case "check":
            return "Yes" if control.text else ""
        case "file":
            return control.file[0] if control.file else ""
        case "date_time":
            return f"{control.text} {control.zone}".strip() if control.text else ""
        case "line" | "area":
            return control.text.strip()
        case _:
            return ""


def id_of(name: str) -> str:
    """A control's name as an id: letters, digits and points, whatever the properties are called."""
    return "f" + "".join(
        letter if _PLAIN.match(letter) else {"/": ".", ":": "-."}.get(letter, f"-{ord(letter):x}-") for letter in name
    )


class _Drawing:
    def __init__(self, typed: Typed, errors: dict[str, str], focus: str) -> None:
        self.typed = typed
        self.errors = errors
        self.focus = focus

    def control(self, field: Field, path: str, **changes: Any) -> Control:
        control = Control(
            partial=_partial(field),
            id=id_of(path),
            name=path,
            label=field.label,
            type=_TYPES.get(field.kind, "text"),
            help=field.help,
            unit=str(field.hints.get("unit", "")),
            error=self.errors.get(path, ""),
            text=self.typed.get(path, ""),
            needed=field.needed,
            is_optional=(field.is_nullable or not field.is_required) and not field.needed,
            is_code=field.kind == "json",
            is_inline=field.is_inline,
            attributes=dict(field.attributes),
        )
        control = self._blind(control) if field.is_blind else control
        return msgspec.structs.replace(self._filled(self._focused(control), field, path), **changes)

    def _blind(self, control: Control) -> Control:
        """What is secret comes from no page; whoever typed it is told to do so again."""
        help_text = control.help
        if SHOWN + control.name in self.typed:
            help_text = f"{help_text} Left empty, it stays as it is.".strip()
        error = control.error or (f"{control.label} must be typed again." if control.text else "")
        return msgspec.structs.replace(control, text="", is_kept_back=bool(control.text), help=help_text, error=error)

    def _focused(self, control: Control) -> Control:
        is_inside = control.partial in _FOCUSED and f"{control.name}/".startswith(f"{self.focus}/")
        if not self.focus or not (is_inside or self.focus == f"add:{control.name}"):
            return control
        self.focus = ""  # the first one only
        return msgspec.structs.replace(control, attributes={**control.attributes, "autofocus": True})

    def _filled(self, control: Control, field: Field, path: str) -> Control:
        match control.partial:
            case "rows" | "entries":
                return self._rows(control, field, path)
            case "variants":
                return self._variants(control, field, path)
            case _:
                return msgspec.structs.replace(control, **self._more(control, field, path))

    def _more(self, control: Control, field: Field, path: str) -> dict[str, Any]:
        """What some kinds have beside their text."""
        match control.partial:
            case "group":
                return {"parts": tuple(self._parts(field, path))}
            case "radios" | "rating" | "select" | "checks":
                found = self._checks(control, field) if field.kind == "choices" else self._choices(control, field)
                return {"choices": tuple(found)}
            case "date_time":
                kind = "datetime-local" if not control.text or _MOMENT.fullmatch(control.text) else "text"
                return {"zone": self.typed.get(path + ZONE, ""), "type": kind}
            case "shown":
                return {"text": in_words(field.default) if field.kind == "const" else self.typed.get(SHOWN + path, "")}
            case "line" if "\n" in control.text or "\r" in control.text:
                return {"partial": "area"}  # a line would lose the others
            case "file":
                return {"file": _file_in(control.text)}
            case "line":
                return self._line(control)
            case _:
                return {}

    def _line(self, control: Control) -> dict[str, Any]:
        """A browser's own calendar and clock show only what they understand, and would lose the rest."""
        shape = _SHAPES.get(control.type)
        if shape is None:
            return {}
        if control.text and not shape.fullmatch(control.text):
            return {"type": "text"}
        return {"attributes": {**control.attributes, "step": "any"}} if control.type == "time" else {}

    def _parts(self, field: Field, path: str) -> Iterator[Control]:
        for number, inner in enumerate(field.fields):
            if inner.kind == "hidden" or (inner.kind == "const" and not inner.hints.get("show")):
                continue
            at = inside(inner, path, number) if inner.is_inline else f"{path}/{escaped(inner.key)}"
            part = self.control(inner, at)
            if inner.condition is not None:
                part = _in_a_case(part, inner.condition.words, _when(inner.condition, field, path))
            yield part

    def _rows(self, control: Control, field: Field, path: str) -> Control:
        assert field.item is not None  # noqa: S101 - rows have an item
        count = rows_in(self.typed, path)
        rows = tuple(
            self._row(control, field.item, path, index, is_named=field.kind == "entries") for index in range(count)
        )
        most = MOST_ROWS if field.most is None else min(field.most, MOST_ROWS)
        return msgspec.structs.replace(control, rows=rows, text=str(count), add=f"add:{path}" if count < most else "")

    def _row(self, control: Control, item: Field, path: str, index: int, *, is_named: bool) -> Row:
        label = f"{control.label} {index + 1}"
        at = f"{path}/{index}"
        if not is_named:
            return Row(label=label, part=self.control(item, at, label=label), remove=f"remove:{at}")
        name = Field(kind="text", key="name", label="Name", is_required=True)
        return Row(
            label=label,
            name=self.control(name, f"{at}/name"),
            part=self.control(item, f"{at}/value"),
            remove=f"remove:{at}",
        )

    def _variants(self, control: Control, field: Field, path: str) -> Control:
        name = path + VARIANT
        chosen = self.typed.get(name, "")
        choices = []
        for number, variant in enumerate(field.fields):
            part = self.control(variant, inside(field, path, number))
            when = json.dumps([[name, [str(number)]]], ensure_ascii=False)
            choices.append(
                Choice(
                    id=id_of(path) if number == 0 else id_of(f"{name}:{number}"),
                    name=name,
                    value=str(number),
                    label=variant.label,
                    help=variant.help,
                    is_chosen=chosen == str(number),
                    has_focus=number == 0 and "autofocus" in control.attributes,
                    part=_in_a_case(part, f"{variant.label} is chosen", when),
                )
            )
        if control.is_optional:
            choices.append(_nothing(name, chosen, len(choices)))
        error = control.error or self.errors.get(name, "")
        return msgspec.structs.replace(control, choices=tuple(choices), error=error)

    def _choices(self, control: Control, field: Field) -> Iterator[Choice]:
        options = field.options
        if field.kind == "yes-no":
            options = (Option(True, "yes", "Yes"), Option(False, "no", "No"))
        for number, option in enumerate(options):
            yield Choice(
                id=control.id if number == 0 else f"{control.id}-.{number}",
                name=control.name,
                value=option.text,
                label=option.label,
                help=option.help,
                is_chosen=control.text == option.text,
                has_focus=number == 0 and "autofocus" in control.attributes,
            )
        if control.partial != "select" and (control.is_optional or control.needed or field.is_nullable):
            yield _nothing(control.name, control.text, len(options))

    def _checks(self, control: Control, field: Field) -> Iterator[Choice]:
        for number, option in enumerate(field.options):
            name = f"{control.name}:{number}"
            yield Choice(
                id=control.id if number == 0 else id_of(name),
                name=name,
                value="yes",
                label=option.label,
                help=option.help,
                is_chosen=bool(self.typed.get(name)),
                has_focus=number == 0 and "autofocus" in control.attributes,
            )


def _in_a_case(part: Control, words: str, when: str) -> Control:
    """A control that counts in one case only; a group has room to say in which."""
    return msgspec.structs.replace(part, when=when, note=words if part.partial == "group" else "", help="")


def _nothing(name: str, chosen: str, number: int) -> Choice:
    """The way back to no answer, which a radio button alone does not have."""
    return Choice(id=id_of(f"{name}:{number}"), name=name, value="", label="No answer", is_chosen=not chosen)


def _file_in(text: str) -> tuple[str, str] | None:
    """The name and the size, in words, of the file that was sent already."""
    try:
        file = msgspec.json.decode(text)
        return str(file["name"]), size_in_words(int(file["size"]))
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        return None


def _partial(field: Field) -> str:
    if field.kind == "choice":
        widget = field.hints.get("widget")
        is_short = len(field.options) <= _MOST_RADIOS
        return "select" if widget == "select" or (not is_short and widget != "radio") else "radios"
    return _PARTIALS.get(field.kind, "line")


def _when(condition: Condition, field: Field, path: str) -> str:
    """What must stand in which controls, for a script that shows and hides; nothing when it is not that simple."""
    if condition.present:
        return ""
    wanted: list[tuple[str, list[str]]] = []
    for name, values in condition.answers.items():
        asked = next((inner for inner in field.fields if inner.key == name and not inner.is_inline), None)
        if asked is None or asked.kind not in {"choice", "yes-no", "check", "rating", "text", "integer", "number"}:
            return ""
        wanted.append((f"{path}/{escaped(name)}", [texts_of(asked, value).get("", "") for value in values]))
    if not wanted:
        return ""
    return json.dumps({"not": wanted} if condition.is_negated else wanted, ensure_ascii=False)


def _all(control: Control) -> Iterator[Control]:
    yield control
    for part in control.parts:
        yield from _all(part)
    for row in control.rows:
        if row.name is not None:
            yield row.name
        yield from _all(row.part)
    for choice in control.choices:
        if choice.part is not None:
            yield from _all(choice.part)
