"""From a schema to the tree of fields that a person fills in.

What cannot be drawn (a schema that contains itself, a value of any kind) is asked for as JSON, so that every answer
that the schema allows can be given on the page, too.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import msgspec

from .conditions import conditions_in, needs_in
from .fields import MISSING, Condition, Field, Form
from .kinds import SCALARS, constant, scalar, union
from .labels import in_words, label_of
from .options import hints_of, offered, text_in
from .patterns import is_file
from .references import Schema, escaped, target
from .shapes import Place, Shape, shape_of

MOST_FIELDS = 1_000  # in one form; what comes behind them is asked for as JSON
_DEEPEST = 12  # groups inside groups
_TYPES = {"string": "Text", "number": "Number", "integer": "Whole number", "boolean": "Yes or no", "array": "List"}


def form_of(schema: Schema) -> Form:
    """The fields that a schema asks for. It is one that `check_schema` has let pass."""
    return _form_of(msgspec.json.encode(schema))


@lru_cache(maxsize=256)
def _form_of(schema_text: bytes) -> Form:
    schema = msgspec.json.decode(schema_text)
    root = _Tree(schema).field(_Spot("", (schema, ""), is_required=True))
    return Form(schema, root)


class _Spot(msgspec.Struct, frozen=True):
    """A field that is still to be made: where its schema stands, and what has been gone through to reach it."""

    key: str
    place: Place
    is_required: bool
    passed: frozenset[str] = frozenset()
    depth: int = 0

    def to(self, key: str, place: Place, *, is_required: bool = True) -> "_Spot":
        return _Spot(key, place, is_required, self.passed, self.depth + 1)

    def having_passed(self, references: frozenset[str]) -> "_Spot":
        return _Spot(self.key, self.place, self.is_required, self.passed | references, self.depth)


class _Tree:
    """Walks a schema from the outside in, and stops where it would come back to where it was."""

    def __init__(self, root: Schema) -> None:
        self.root = root
        self.count = 0

    def field(self, spot: _Spot) -> Field:
        shape = shape_of(self.root, spot.place)
        self.count += 1
        says = shape.says
        field = Field(
            kind="json" if spot.key or spot.depth else "group",
            key=spot.key,
            label=label_of(spot.key, says) if spot.key else text_in(says.get("title")),
            pointer=spot.place[1],
            help=text_in(says.get("description")),
            is_required=spot.is_required,
            is_nullable=shape.is_nullable,
            is_secret=says.get("writeOnly") is True,
            default=says.get("default", MISSING),
            types=shape.types,
            hints=hints_of(says),
        )
        if shape.references & spot.passed or spot.depth > _DEEPEST or self.count > MOST_FIELDS:
            return field
        return self._filled(field, shape, spot.having_passed(shape.references))

    def _filled(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        says, widget = shape.says, field.hints.get("widget")
        if widget == "hidden":
            return _changed(field, kind="hidden")
        if "const" in says:
            return constant(field, says["const"])
        if says.get("readOnly") is True:
            return _changed(field, kind="shown")
        if is_file(says) and spot.depth:
            return _changed(field, kind="file", attributes=_accepted(shape))
        return field if widget == "json" else self._asked(field, shape, spot)

    def _asked(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        options = offered(self.root, shape)
        if options:
            if len(options) == 1 and not field.is_nullable:
                return constant(field, options[0].value)
            return _changed(field, kind="choice", options=options)
        if shape.branches and not shape.properties and spot.depth:
            return self._one_of_several(field, shape, spot)
        if shape.types == ("object",) or not spot.depth:
            return self._group(field, shape, spot)
        if shape.types == ("array",):
            return self._list(field, shape, spot)
        return scalar(field, shape) if shape.types and set(shape.types) <= SCALARS else field

    def _group(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        needed = needs_in(self.root, shape)
        required = set(shape.says.get("required", []))
        fields: list[Field] = []
        for name in _ordered(list(shape.properties), field.hints.get("order")):
            inner = self.field(spot.to(name, shape.properties[name], is_required=name in required))
            needs = "" if name in required else needed.get(name, "")
            fields.append(_changed(inner, needed=needs) if needs else inner)
        for case in self._in_some_cases(shape, set(shape.properties), spot):
            fields.insert(_behind(fields, case), case)
        if shape.branches:
            inline = Field(kind="variants", key="", label="", is_inline=True, is_required=True, pointer=field.pointer)
            fields.append(self._one_of_several(inline, shape, spot))
        return _changed(field, kind="group", fields=tuple(fields)) if fields else self._entries(field, shape, spot)

    def _in_some_cases(self, shape: Shape, known: set[str], spot: _Spot) -> Iterator[Field]:
        """Groups of the fields that are described for some cases only."""
        for condition, place in conditions_in(self.root, shape):
            inner = shape_of(self.root, place)
            required = set(inner.says.get("required", []))
            fields = [
                self.field(spot.to(name, at, is_required=name in required))
                for name, at in inner.properties.items()
                if name not in known
            ]
            fields += self._in_some_cases(inner, known | set(inner.properties), spot) if spot.depth < _DEEPEST else ()
            if fields:
                yield _inline(condition, place[1], fields)

    def _one_of_several(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        inner = [shape_of(self.root, place) for place in shape.branches]
        line = None if field.is_inline else union(field, inner)
        if line is not None:
            return line
        variants = []
        for number, (place, branch) in enumerate(zip(shape.branches, inner, strict=True)):
            variant = self.field(spot.to("", place))
            variants.append(_changed(variant, label=self._variant_label(place, branch, number)))
        return _changed(field, kind="variants", fields=tuple(variants))

    def _variant_label(self, place: Place, shape: Shape, number: int) -> str:
        """What a variant is called: its own title, the value that marks it, the title that it refers to, its type."""
        schema = place[0] if isinstance(place[0], dict) else {}
        if text_in(schema.get("title")):
            return text_in(schema["title"])
        for part in shape.properties.values():
            says = shape_of(self.root, part).says
            mark = [says["const"]] if "const" in says else says.get("enum")
            if isinstance(mark, list) and len(mark) == 1 and text_in(mark[0]):
                return in_words(mark[0])
        if isinstance(schema.get("$ref"), str):
            title = target(self.root, schema["$ref"]).get("title")
            if text_in(title):
                return in_words(text_in(title))
        return _TYPES.get(next(iter(shape.types), ""), f"Variant {number + 1}")

    def _entries(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        """An object whose names nobody knows beforehand: rows of a name and a value each."""
        says = shape.says
        part, where = says.get("additionalProperties"), f"{_with(shape, 'additionalProperties')}/additionalProperties"
        patterns = says.get("patternProperties")
        if isinstance(patterns, dict) and len(patterns) == 1 and not isinstance(part, dict):
            name, part = next(iter(patterns.items()))
            where = f"{_with(shape, 'patternProperties')}/patternProperties/{escaped(name)}"
        if part is False or not spot.depth:
            return _changed(field, kind="group")
        if not isinstance(part, dict) or not part:
            return field
        item = _changed(self.field(spot.to("value", (part, where))), label="Value")
        fewest, most = int(says.get("minProperties", 0)), says.get("maxProperties")
        return _changed(field, kind="entries", item=item, fewest=fewest, most=most)

    def _list(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        says = shape.says
        if isinstance(says.get("prefixItems"), list):
            return self._tuple(field, shape, spot)
        part = says.get("items")
        if not isinstance(part, dict) or not part:
            return field
        item = self.field(spot.to("", (part, f"{_with(shape, 'items')}/items")))
        if item.kind == "choice" and not item.is_nullable and field.hints.get("widget") != "rows":
            return _changed(field, kind="choices", options=item.options)
        return _changed(field, kind="rows", item=item, fewest=int(says.get("minItems", 0)), most=says.get("maxItems"))

    def _tuple(self, field: Field, shape: Shape, spot: _Spot) -> Field:
        parts, where = shape.says["prefixItems"], f"{_with(shape, 'prefixItems')}/prefixItems"
        if shape.says.get("items", True) is not False and shape.says.get("maxItems") != len(parts):
            return field  # how long it is, nobody knows
        fields = [self.field(spot.to(str(index), (part, f"{where}/{index}"))) for index, part in enumerate(parts)]
        group = "Part" if field.key.isdecimal() else field.label
        named = [
            _changed(inner, label=inner.label if inner.label != inner.key else f"{group} {index + 1}")
            for index, inner in enumerate(fields)
        ]
        return _changed(field, kind="tuple", fields=tuple(named))


def _accepted(shape: Shape) -> dict[str, str]:
    """Which files a browser offers to choose from: those whose types the schema names."""
    kinds = shape.properties["type"][0] if "type" in shape.properties else {}
    named = kinds.get("enum", [kinds["const"]] if "const" in kinds else []) if isinstance(kinds, dict) else []
    return {"accept": ",".join(str(kind) for kind in named)} if named else {}


def _inline(condition: Condition, pointer: str, fields: list[Field]) -> Field:
    return Field(
        kind="group", key="", label="", pointer=pointer, fields=tuple(fields), condition=condition, is_inline=True
    )


def _behind(fields: list[Field], case: Field) -> int:
    """The place for the fields of a case: behind the last field that decides about it, and its earlier cases."""
    condition = case.condition
    asked = {*condition.answers, condition.present} if condition else set()
    place = max(
        (number + 1 for number, field in enumerate(fields) if field.key and field.key in asked), default=len(fields)
    )
    while place < len(fields) and fields[place].is_inline:
        place += 1
    return place


def _with(shape: Shape, keyword: str) -> str:
    """The pointer of the schema that says the keyword."""
    return next((pointer for schema, pointer in shape.parts if keyword in schema), shape.pointer)


def _ordered(names: list[str], order: Any) -> list[str]:
    if not isinstance(order, list):
        return names
    first = [name for name in order if name in names]
    return [*first, *(name for name in names if name not in first)]


def _changed(field: Field, **changes: Any) -> Field:
    return msgspec.structs.replace(field, **changes)
