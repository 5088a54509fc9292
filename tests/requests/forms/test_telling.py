"""An answer as people read it: in the words of the form, and with what was changed of what was proposed."""

from typing import Any

import pytest

from app.requests.forms import edits, form_of, told
from app.requests.forms.telling import SentFile

FILE = {"id": "file_1", "name": "cv.pdf", "type": "application/pdf", "size": 5_000}
LINE = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "title": "Article"},
        "qty": {"type": "integer", "title": "Quantity", "default": 1},
    },
}
FORM = {
    "type": "object",
    "properties": {
        "colour": {"oneOf": [{"const": "g", "title": "Green"}, {"const": "r", "title": "Red"}], "title": "Which colour?"},
        "sizes": {"type": "array", "items": {"enum": ["s", "m"], "x-ui": {"labels": {"s": "Small"}}}},
        "items": {"type": "array", "items": LINE},
        "address": {"type": "object", "properties": {"street": {"type": "string"}, "city": {"type": "string"}}},
        "cv": {"type": "object", "format": "file", "title": "CV"},
        "pay": {
            "oneOf": [
                {"title": "Card", "type": "object", "properties": {"by": {"const": "card"}, "last_four": {"enum": ["1", "2"], "x-ui": {"labels": ["One", "Two"]}}}, "required": ["by"]},
                {"title": "Bill", "type": "object", "properties": {"by": {"const": "bill"}}, "required": ["by"]},
            ]
        },
        "kind": {"enum": ["a", "b"]},
        "when": {"type": "string", "format": "date-time"},
        "source": {"type": "string", "x-ui": {"widget": "hidden"}},
        "labels": {"type": "object", "additionalProperties": {"enum": ["x", "y"], "x-ui": {"labels": ["An x", "A y"]}}},
        "place": {"type": "array", "prefixItems": [{"type": "number", "title": "Latitude"}], "items": False},
    },
    "if": {"properties": {"kind": {"const": "a"}}, "required": ["kind"]},
    "then": {"properties": {"why": {"enum": ["l"], "x-ui": {"widget": "x"}}, "how": {"enum": ["q", "w"], "x-ui": {"labels": ["Quick", "Well"]}}}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({"colour": "g"}, {"Which colour?": "Green"}),
        ({"colour": "blue"}, {"Which colour?": "blue"}),
        ({"sizes": ["s", "m"]}, {"Sizes": ["Small", "M"]}),
        ({"items": [{"sku": "A", "qty": 2}]}, {"Items": [{"Article": "A", "Quantity": 2}]}),
        ({"address": {"street": "x"}}, {"Address": {"Street": "x"}}),
        ({"cv": FILE}, {"CV": SentFile("file_1", "cv.pdf", "5 kB")}),
        ({"pay": {"by": "card", "last_four": "2"}}, {"Pay": {"By": "card", "Last four": "Two"}}),
        ({"kind": "a", "how": "q"}, {"Kind": "A", "How": "Quick"}),
        ({"source": "shop"}, {}),
        ({"when": "2026-12-01T10:00:00+14:00"}, {"When": "Tuesday 1 December 2026, 10:00 UTC+14:00"}),
        ({"when": "2026-12-01T09:05:07.5Z"}, {"When": "Tuesday 1 December 2026, 09:05:07 UTC"}),
        ({"when": "soon"}, {"When": "soon"}),
        ({"labels": {"big one": "y"}}, {"Labels": {"big one": "A y"}}),
        ({"place": [1.5]}, {"Place": {"Latitude": 1.5}}),
        ({"unknown_name": {"a_b": [1]}}, {"Unknown name": {"a_b": [1]}}),
    ],
)
def test_an_answer_is_told_as_the_form_showed_it(value: Any, said: Any) -> None:
    assert said == told(form_of(FORM), value)


@pytest.mark.parametrize(
    "value", [{}, {"items": 3, "cv": [], "pay": 1, "sizes": "?", "address": None, "labels": [1], "place": {}}]
)
def test_an_answer_that_does_not_fit_is_told_as_it_is(value: dict[str, Any]) -> None:
    assert [*value.values()] == [*told(form_of(FORM), value).values()]


def test_a_secret_is_told_as_dots() -> None:
    """Whatever it is, wherever it stands."""
    secret = {"type": "object", "properties": {"a": {"type": "string"}}, "writeOnly": True}
    row = {"type": "object", "properties": {"pin": {"type": "string", "format": "password"}}}
    properties = {
        "whole": secret,
        "rows": {"type": "array", "items": row},
        "number": {"type": "integer", "writeOnly": True},
    }
    form = form_of({"type": "object", "properties": properties})

    said = told(form, {"whole": {"a": "x"}, "rows": [{"pin": "1"}, {"pin": ""}], "number": 5})

    assert {"Whole": "••••••", "Rows": [{"Pin": "••••••"}, {"Pin": None}], "Number": "••••••"} == said


def test_fields_of_the_same_name_are_both_told() -> None:
    form = form_of({"type": "object", "properties": {name: {"title": "Name", "type": "string"} for name in "ab"}})

    assert {"Name": "x", "Name (b)": "y"} == told(form, {"a": "x", "b": "y"})


@pytest.mark.parametrize(
    ("proposed", "answer", "said"),
    [
        ({"colour": "g"}, {"colour": "r"}, [("/colour", "Which colour?", "Green", "Red")]),
        ({"colour": "g"}, {"colour": "g", "kind": "b"}, []),
        ({"colour": "g"}, {}, [("/colour", "Which colour?", "Green", None)]),
        ({"address": {"street": "x"}}, {"address": {"street": "y"}}, [("/address/street", "Address, Street", "x", "y")]),
        ({"items": [{"sku": "A"}]}, {"items": [{"sku": "A", "qty": 1}]}, []),
        ({"items": [{"sku": "A"}]}, {"items": [{"sku": "A", "qty": 3}]}, [("/items/0/qty", "Items 1, Quantity", 1, 3)]),
        (
            {"items": [{"sku": "A"}]},
            {"items": []},
            [("/items", "Items", [{"Article": "A", "Quantity": 1}], [])],
        ),
        ({"labels": {"a": "x"}}, {"labels": {"a": "y"}}, [("/labels/a", "Labels, a", "An x", "A y")]),
        (
            {"pay": {"by": "card", "last_four": "1"}},
            {"pay": {"by": "card", "last_four": "2"}},
            [("/pay/last_four", "Pay, Last four", "One", "Two")],
        ),
        ({"pay": {"by": "bill"}}, {"pay": {"by": "card"}}, [("/pay", "Pay", {"By": "bill"}, {"By": "card"})]),
        ({"cv": FILE}, {"cv": FILE | {"id": "file_2"}}, [("/cv", "CV", SentFile("file_1", "cv.pdf", "5 kB"), SentFile("file_2", "cv.pdf", "5 kB"))]),
    ],
)  # fmt: skip
def test_an_edit_is_told_by_row_and_field(proposed: Any, answer: Any, said: Any) -> None:
    """Only of what was proposed; a list whose rows came or went is told as a whole."""
    found = list(edits(form_of(FORM), proposed, answer, proposed.keys()))

    assert said == [(edit.pointer, edit.label, edit.before, edit.after) for edit in found]
