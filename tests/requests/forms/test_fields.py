"""How fields look: their kinds, what they are called, and what is said beside them."""

import re
from typing import Any

import pytest

from app.requests.forms import (
    check_schema,
    controls,
    example_in,
    focus_after,
    form_of,
    read,
    typed_in,
    typed_of,
    with_rows,
)
from app.requests.forms.fields import Field
from app.requests.forms.filling import MOST_ROWS
from tests.requests.forms.browsers import drawn, through_a_browser


def field_of(schema: dict[str, Any], **more: Any) -> Field:
    """The one field of a form."""
    whole = {"type": "object", "properties": {"first_name": schema}, **more}
    check_schema(whole, "")
    (field,) = form_of(whole).root.fields
    return field


KINDS: list[tuple[dict[str, Any], str]] = [
    ({"type": "string"}, "text"),
    ({"type": "string", "maxLength": 201}, "area"),
    ({"type": "string", "x-ui": {"widget": "textarea"}}, "area"),
    ({"type": "string", "format": "email"}, "email"),
    ({"type": "string", "format": "uri"}, "url"),
    ({"type": "string", "format": "phone"}, "phone"),
    ({"type": "string", "x-ui": {"widget": "phone"}}, "phone"),
    ({"type": "string", "format": "password"}, "password"),
    ({"type": "string", "format": "date"}, "date"),
    ({"type": "string", "format": "time"}, "time"),
    ({"type": "string", "format": "date-time"}, "date-time"),
    ({"type": "string", "format": "uuid"}, "text"),
    ({"type": "integer"}, "integer"),
    ({"type": "number"}, "number"),
    ({"type": "integer", "maximum": 5, "minimum": 1, "x-ui": {"widget": "rating"}}, "rating"),
    ({"type": "integer", "maximum": 500, "x-ui": {"widget": "rating"}}, "integer"),
    ({"type": "boolean"}, "yes-no"),
    ({"type": "boolean", "x-ui": {"widget": "checkbox"}}, "check"),
    ({"const": True}, "check"),
    ({"const": "x"}, "const"),
    ({"enum": ["x"]}, "const"),
    ({"enum": ["x", "y"]}, "choice"),
    ({"type": "array", "items": {"enum": ["x", "y"]}}, "choices"),
    ({"type": "array", "items": {"type": "string"}}, "rows"),
    ({"type": "object", "properties": {"a": {}}}, "group"),
    ({"type": "object", "additionalProperties": {"type": "string"}}, "entries"),
    ({"type": "string", "readOnly": True}, "shown"),
    ({"type": "string", "x-ui": {"widget": "hidden"}}, "hidden"),
    ({"oneOf": [{"type": "object", "properties": {"a": {}}}, {"type": "string"}]}, "variants"),
    ({"anyOf": [{"type": "number"}, {"type": "string", "pattern": "^[0-9.]+$"}]}, "number"),
    ({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}, "date"),
    ({}, "json"),
]


@pytest.mark.parametrize(("schema", "kind"), KINDS, ids=[f"{kind} {number}" for number, (_, kind) in enumerate(KINDS)])
def test_a_schema_becomes_its_kind_of_field(schema: dict[str, Any], kind: str) -> None:
    assert kind == field_of(schema).kind


@pytest.mark.parametrize(
    ("schema", "label"),
    [
        ({}, "First name"),
        ({"title": "First Name"}, "First name"),
        ({"title": "What are you called?"}, "What are you called?"),
        ({"title": " "}, "First name"),
        ({"$ref": "#/$defs/N"}, "First name"),
        ({"$ref": "#/$defs/N", "title": "Your name"}, "Your name"),
    ],
)
def test_a_field_is_called_by_its_title_or_its_name(schema: dict[str, Any], label: str) -> None:
    """A title that a library made of the name is written as a sentence is, and a class's title names no field."""
    assert label == field_of(schema, **{"$defs": {"N": {"type": "string", "title": "PersonName"}}}).label


def test_a_field_says_when_it_is_needed() -> None:
    kind = {"oneOf": [{"const": "c", "title": "A company"}, {"const": "p"}], "title": "What is it?"}
    html = drawn_form(
        {
            "type": "object",
            "properties": {
                "kind": kind,
                "vat": {"type": "string"},
                "phone": {"type": "string"},
                "zip": {"type": "string"},
            },
            "if": {"properties": {"kind": {"const": "c"}}, "required": ["kind"]},
            "then": {"required": ["vat"], "properties": {"seat": {"type": "string"}}},
            "else": {"properties": {"age": {"type": "integer"}}},
            "dependentRequired": {"phone": ["zip"]},
        }
    )

    assert "(needed if “What is it?” is “A company”)" in html
    assert "(needed if Phone is filled in)" in html
    assert "Only if “What is it?” is “A company”:" in html
    assert "Only if “What is it?” is not “A company”:" in html
    assert """when="[[&#34;/kind&#34;, [&#34;c&#34;]]]\"""" in html
    assert html.index("Only if") < html.index(">Vat")


def drawn_form(schema: dict[str, Any], **typed: str) -> str:
    check_schema(schema, "")
    form = form_of(schema)
    return drawn(form, typed_of(form) | typed)


def test_what_is_in_a_schema_stays_text() -> None:
    mark = "<img src=x onerror=alert(1)>\"'{{7*7}}"
    html = drawn_form(
        {
            "type": "object",
            "properties": {
                mark: {"type": "string", "title": mark, "description": mark, "default": mark},
                "b": {"enum": [mark, "x"], "x-ui": {"labels": [mark], "unit": mark, "autocomplete": mark}},
                "c": {"const": mark, "x-ui": {"show": True}},
                "d": {"type": "array", "items": {"type": "string"}, "minItems": 1, "title": mark},
            },
        }
    )

    assert "<img" not in html
    assert "49" not in html
    assert 'autocomplete="<' not in html


def test_a_refused_form_keeps_everything_and_says_what_is_wrong_at_the_field() -> None:
    form = form_of(
        {"type": "object", "properties": {"n": {"type": "integer"}, "t": {"type": "string"}}, "required": ["n"]}
    )
    typed = {"/n": "many", "/t": "as it was"}

    html = drawn(form, typed, read(form, typed).errors)

    assert 'value="many" aria-describedby="f.n_error" aria-invalid="true"' in html
    assert 'id="f.n_error"' in html
    assert "N must be a whole number." in html
    assert 'value="as it was"' in html


PARTS = {
    "name": {"type": "string"},
    "count": {"type": "integer", "default": 3},
    "note": {"type": ["string", "null"], "default": "as usual"},
    "source": {"type": "string", "default": "secret", "x-ui": {"widget": "hidden"}},
    "reference": {"type": "string", "readOnly": True, "default": "RO-1"},
    "version": {"const": 2},
}
DEFAULTS = {"count": 3, "note": "as usual", "source": "secret", "reference": "RO-1", "version": 2}


@pytest.mark.parametrize(
    ("proposed", "answer"),
    [
        ({"name": "Ben"}, {"name": "Ben"} | DEFAULTS),
        ({"count": 5, "source": "shop"}, DEFAULTS | {"count": 5, "source": "shop"}),
        (
            {"note": None, "source": None, "reference": None},
            DEFAULTS | {"note": None, "source": None, "reference": None},
        ),
    ],
)
def test_what_a_proposal_leaves_out_holds_its_default(proposed: dict[str, Any], answer: dict[str, Any]) -> None:
    """At the top, in a group, and in a row; what is proposed as null is nothing."""
    part = {"type": "object", "properties": PARTS}
    form = form_of({**part, "properties": {**PARTS, "group": part, "rows": {"type": "array", "items": part}}})
    nested = proposed | {"group": proposed, "rows": [proposed]}

    value = read(form, typed_in(form, through_a_browser(form, nested), nested), nested).value

    assert answer | {"group": answer, "rows": [answer]} == value


def test_a_read_only_field_that_was_not_proposed_shows_its_default() -> None:
    form = form_of({"type": "object", "properties": PARTS})

    assert "RO-1" in drawn(form, typed_of(form, {"name": "Ben"}))


@pytest.mark.parametrize(
    ("schema", "typed", "sentence"),
    [
        ({"type": "number", "title": "Amount"}, {"": "12,50"}, "Amount must be a number, such as 12.50."),
        ({"const": True, "title": "I agree"}, {}, "I agree must be ticked."),
        ({"type": "string", "minLength": 1}, {}, "First name must be filled in."),
        ({"title": "Any"}, {"": "{a"}, 'Any must be JSON, such as {"name": ["text", 1, true]}: it cannot be read from character 2 on.'),
        ({"title": "Any"}, {"": "NaN"}, 'Any must be JSON, such as {"name": ["text", 1, true]}: NaN is not a JSON number.'),
        ({"type": "string", "format": "date-time", "title": "When"}, {"": "2026-11-25T14:30", ":zone": "Mars/Phobos"}, "When has a time zone that is not known: it is a name, such as Europe/Berlin, or a distance from UTC, such as +01:00."),
        ({"type": "string", "format": "date-time", "title": "When"}, {"": "2026-03-29T02:30", ":zone": "Europe/Berlin"}, "When is a time that the clocks there skip, because they go forward: choose an earlier or a later one."),
        ({"type": "string", "format": "date-time", "title": "When"}, {"": "tomorrow", ":zone": "UTC"}, "When must be a date and time, such as 2026-11-25 14:30."),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_field_is_said_in_plain_words(
    schema: dict[str, Any], typed: dict[str, str], sentence: str
) -> None:
    form = form_of({"type": "object", "properties": {"first_name": schema}, "required": ["first_name"]})

    reading = read(form, {f"/first_name{suffix}": text for suffix, text in typed.items()})

    assert {"/first_name": sentence} == reading.errors


def test_the_first_button_of_a_form_with_rows_does_nothing() -> None:
    """What Enter presses must not remove a row."""
    html = drawn_form({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}})

    assert html.index('value="stay" hidden') < html.index('value="add:/a"')


def test_a_new_row_takes_the_focus() -> None:
    form = form_of({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}})

    control = controls(form, {"/a:rows": "2"}, focus="/a/1")

    first, second = control.parts[0].rows
    assert ({}, {"autofocus": True}) == (first.part.attributes, second.part.attributes)


@pytest.mark.parametrize(
    ("item", "deed", "focused"),
    [
        ({"type": "string"}, "add:/a", 'name="/a/3"'),
        ({"type": "string"}, "remove:/a/0", 'name="/a/0"'),
        ({"type": "string"}, "remove:/a/2", 'value="add:/a"'),
        ({"type": "string"}, "stay", ""),
        ({"type": "boolean"}, "remove:/a/1", 'name="/a/1" value="yes"'),
        ({"type": "boolean", "x-ui": {"widget": "checkbox"}}, "remove:/a/1", 'name="/a/1"'),
        ({"type": "array", "items": {"enum": ["x", "y"]}}, "remove:/a/1", 'name="/a/1:0"'),
        ({"type": "object", "format": "file"}, "remove:/a/1", 'name="/a/1:upload"'),
        ({"oneOf": [{"type": "object", "properties": {"b": {}}}, {"type": "string"}]}, "remove:/a/1", 'name="/a/1:variant" value="0"'),
        ({"type": "object", "properties": {"b": {"enum": ["x", "y"]}, "c": {}}}, "remove:/a/1", 'name="/a/1/b" value="x"'),
    ],
)  # fmt: skip
def test_the_focus_stays_where_rows_come_and_go(item: dict[str, Any], deed: str, focused: str) -> None:
    """In the new row, in the one that took the place of the one removed, and at the button where there is none."""
    form = form_of({"type": "object", "properties": {"a": {"type": "array", "items": item}}})
    typed = with_rows(form, {"/a:rows": "3"}, deed)

    tags = re.findall(r"<[^>]* autofocus[^>]*>", drawn(form, typed, focus=focus_after(typed, deed)))
    assert ([focused] if focused else []) == [focused for tag in tags if focused in tag]
    assert len(tags) == bool(focused)


def test_a_form_of_many_fields_ends_somewhere() -> None:
    """A schema in which each of twelve groups has the next one three times would have half a million fields."""
    groups = {
        f"G{n}": {"type": "object", "properties": {key: {"$ref": f"#/$defs/G{n + 1}"} for key in "abc"}}
        for n in range(12)
    }
    schema = {"$ref": "#/$defs/G0", "$defs": {**groups, "G12": {"type": "string"}}}
    check_schema(schema, "")

    assert count(form_of(schema).root) < 3_000


def count(field: Field) -> int:
    return 1 + sum(count(inner) for inner in field.fields)


def test_what_may_be_null_can_be_left_empty_although_it_has_to_be_there() -> None:
    """As the schemas of tools have it for models, where every property is required. What was chosen is taken back, too."""
    ways: list[dict[str, Any]] = [
        {"type": "object", "title": title, "properties": {"a": {}}} for title in ("Card", "Bank")
    ]
    fields: dict[str, Any] = {
        "note": {"type": ["string", "null"]},
        "size": {"enum": [*"abcdefg", None]},
        "pay": {"anyOf": [*ways, {"type": "null"}]},
        "name": {"type": "string"},
    }
    form = form_of({"type": "object", "properties": fields, "required": [*fields]})

    note, size, pay, name = controls(form, typed_of(form, {"pay": {"a": 1}})).parts

    assert [True, True, True, False] == [part.is_optional for part in (note, size, pay, name)]
    assert ["Card", "Bank", "No answer"] == [choice.label for choice in pay.choices]
    taken_back = read(form, {"/pay:variant": "", "/name": "Ada"}, {"pay": {"a": 1}})
    assert ({"note": None, "size": None, "pay": None, "name": "Ada"}, {}) == (taken_back.value, taken_back.errors)


def rows_of(fewest: float, depth: int = 1) -> dict[str, Any]:
    """A list that has at least so many rows, each of which is such a list again."""
    item: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        item = {"type": "array", "items": item, "minItems": fewest}
    return {"type": "object", "properties": {"a": item}}


@pytest.mark.parametrize(("fewest", "drawn_rows"), [(2, 2), (2.0, 2), (1_000_000_000, MOST_ROWS), (1e300, MOST_ROWS)])
def test_rows_that_have_to_be_there_are_drawn_as_far_as_a_page_has_room(fewest: float, drawn_rows: int) -> None:
    """JSON Schema takes 2.0 for 2, and any number: a form must not cost the server its memory."""
    form = form_of(rows_of(fewest))

    (control,) = controls(form, typed_of(form)).parts

    assert drawn_rows == len(control.rows)


@pytest.mark.parametrize(("fewest", "lists"), [(2, 1 + 2 + 4), (100, 1 + 100 + 200), (1000, 1 + 200 + 200)])
def test_rows_within_rows_share_the_room(fewest: int, lists: int) -> None:
    """Else three lists inside each other would be a million fields."""
    typed = typed_of(form_of(rows_of(fewest, depth=3)))

    assert lists == len([name for name in typed if name.endswith(":rows")])


def test_an_example_is_as_short_as_it_can_be() -> None:
    assert {"a": [["…", "…"], ["…", "…"]]} == example_in(form_of(rows_of(2, depth=2) | {"required": ["a"]}))
    assert 2_000 > len(str(example_in(form_of(rows_of(1_000_000_000, depth=5) | {"required": ["a"]}))))
