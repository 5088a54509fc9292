"""The fields of a form: a tree that is drawn for a person, filled with texts, and read back as one JSON value."""

from collections.abc import Iterator
from typing import Any, Literal

import msgspec

Kind = Literal[
    # one value, in one control
    "text",
    "area",
    "number",
    "integer",
    "email",
    "url",
    "phone",
    "password",
    "date",
    "time",
    "date-time",
    "yes-no",
    "check",
    "choice",
    "rating",
    "choices",
    "json",
    "file",
    # a value that nobody fills in
    "const",
    "hidden",
    "shown",
    # values with values inside
    "group",
    "tuple",
    "rows",
    "entries",
    "variants",
]

Typed = dict[str, str]
"""What stands in the controls of a form, by their names.

A name is the JSON pointer of a field (`/company/name`), with what belongs to it behind a colon: `/guests:rows` is how
many rows are drawn, `/when:zone` the zone of a time, `/pet:variant` which variant was chosen, `/pet:1/name` a field
inside the second one, `/colours:0` whether the first of several is ticked.
"""


_TYPED = frozenset({"text", "area", "number", "integer", "email", "url", "phone", "password", "date", "time", "json"})


class Missing(msgspec.Struct, frozen=True):
    """No value at all, which is not `null`."""

    reason: str = ""

    def __bool__(self) -> bool:
        return False


MISSING = Missing()
UNKNOWN = Missing("nobody said what was there before")


class Option(msgspec.Struct, frozen=True):
    """One of the values to choose from: `text` is what its control sends."""

    value: Any
    text: str
    label: str
    help: str = ""


class Condition(msgspec.Struct, frozen=True):
    """When the fields of a group are asked for, in words, and as what the rest of the group must satisfy.

    `rule` is the pointer of a schema, or `present` the name of a property that must be there. `answers` say the same as
    values of other fields, where it is that simple.
    """

    words: str
    rule: str = ""
    present: str = ""
    is_negated: bool = False
    answers: dict[str, tuple[Any, ...]] = {}


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One value that a form asks for, with what is inside it.

    `key` is its name in the group around it; an inline field has none, and what it holds belongs to that group.
    """

    kind: Kind
    key: str
    label: str
    pointer: str = ""  # of its schema
    help: str = ""
    is_required: bool = False
    is_nullable: bool = False
    is_inline: bool = False
    is_secret: bool = False  # the program is given it, and no page shows it
    default: Any = MISSING
    types: tuple[str, ...] = ()  # that its text may become
    options: tuple[Option, ...] = ()
    fields: tuple["Field", ...] = ()
    item: "Field | None" = None
    fewest: int = 0
    most: int | None = None
    condition: Condition | None = None
    needed: str = ""  # when a field that can be left empty cannot be
    hints: dict[str, Any] = {}
    attributes: dict[str, str] = {}

    @property
    def is_blind(self) -> bool:
        """Whether its control is drawn empty, whatever stands in it: left empty, it keeps what was there."""
        return self.is_secret and self.kind in _TYPED

    @property
    def names(self) -> Iterator[str]:
        """The properties that a group can have through this field."""
        if not self.is_inline:
            yield self.key
            return
        for field in self.fields:
            if self.kind == "variants":
                yield from (name for inner in field.fields for name in inner.names)
            else:
                yield from field.names


class Form(msgspec.Struct, frozen=True):
    """A schema, and the fields that it asks for."""

    schema: dict[str, Any]
    root: Field

    @property
    def names(self) -> set[str]:
        """The properties that an answer can have through its fields."""
        return {name for field in self.root.fields for name in field.names}


def inside(field: Field, path: str, number: int) -> str:
    """The path of the fields in the inline group, or the variant, with this number."""
    return f"{path}:{number}" if field.is_inline or field.kind == "variants" else path
