"""Which schemas can be a form, and what is said about the others."""

from typing import Any

import pytest

from app.requests.forms import check_schema, validate
from app.web.problems import Problem


def tangle(levels: int) -> dict[str, Any]:
    """Definitions of which each asks the next one twice."""
    twice = {f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n + 1}"}] * 2} for n in range(levels)}
    return {"$ref": "#/$defs/a0", "$defs": {**twice, f"a{levels}": {"type": "object"}}}


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"in": schema}}
    return schema


GOOD: dict[str, dict[str, Any]] = {
    "empty": {},
    "an object": {"type": "object", "properties": {"name": {"type": "string"}}},
    "behind a reference": {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object"}}},
    "a reference by name": {"properties": {"a": {"$ref": "#a"}}, "$defs": {"A": {"$anchor": "a", "type": "string"}}},
    "of an older draft": {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object"},
    "a name with a slash": {"properties": {"a": {"$ref": "#/$defs/b~1c%25"}}, "$defs": {"b/c%": {"type": "string"}}},
    "properties named like keywords": {"properties": {"dependencies": {}, "$ref": {}, "$id": {}}},
    "a tree": {"type": "object", "properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}}},
    "object or null": {"type": ["object", "null"]},
    "entangled a little": tangle(10),
}
BAD: list[tuple[Any, str, str]] = [
    (5, "invalid-schema", ""),
    (True, "invalid-schema", ""),
    ({"type": "strin"}, "invalid-schema", "/type"),
    ({"properties": {"a": {"minimum": "3"}}}, "invalid-schema", "/properties/a/minimum"),
    ({"properties": {"a": {"items": [{}]}}}, "invalid-schema", "/properties/a/items"),
    ({"type": "string"}, "not-an-object", ""),
    ({"$ref": "#/$defs/A", "$defs": {"A": {"type": "array"}}}, "not-an-object", ""),
    ({"properties": {"a": {"$ref": "https://example.com/a.json"}}}, "remote-reference", "/properties/a/$ref"),
    ({"properties": {"a/b": {"$ref": "file:///etc/passwd"}}}, "remote-reference", "/properties/a~1b/$ref"),
    ({"properties": {"a": {"$ref": "#/$defs/Nope"}}}, "broken-reference", "/properties/a/$ref"),
    ({"properties": {"a": {"$ref": "#nope"}}}, "broken-reference", "/properties/a/$ref"),
    ({"properties": {"a": {"$ref": "#/properties/a/enum/x", "enum": [1]}}}, "broken-reference", "/properties/a/$ref"),
    ({"$dynamicRef": "#a"}, "outdated-keyword", "/$dynamicRef"),
    ({"properties": {"a": {"dependencies": {}}}}, "outdated-keyword", "/properties/a/dependencies"),
    ({"$defs": {"A": {"$id": "https://example.com/"}}}, "nested-id", "/$defs/A/$id"),
    ({"$schema": "https://example.com/schema"}, "unknown-dialect", "/$schema"),
    ({"properties": {"a": {"pattern": "(?=a)b"}}}, "invalid-pattern", "/properties/a/pattern"),
    ({"properties": {"a": {"pattern": "["}}}, "invalid-pattern", "/properties/a/pattern"),
    ({"properties": {"a": {"pattern": "(a{1000}){1000}"}}}, "invalid-pattern", "/properties/a/pattern"),
    ({"patternProperties": {"(?!a)": {}}}, "invalid-pattern", "/patternProperties/(?!a)"),
    ({"$ref": "#"}, "schema-too-entangled", ""),
    (tangle(20), "schema-too-entangled", ""),
    (
        {"allOf": [{"properties": {"a": {"$ref": "#"}}} for _ in range(50)]},
        "schema-too-entangled",
        "",
    ),
    ({"description": "x" * 131_072}, "schema-too-large", ""),
    ({"properties": {f"a{n}": {} for n in range(2_000)}}, "schema-too-large", ""),
    (nested(40), "schema-too-deep", ""),
]


@pytest.mark.parametrize("schema", GOOD.values(), ids=GOOD.keys())
def test_what_people_write_can_be_a_form(schema: dict[str, Any]) -> None:
    check_schema(schema, "/request/form")


@pytest.mark.parametrize(("schema", "code", "place"), BAD, ids=[f"{code} {place}" for _, code, place in BAD])
def test_what_cannot_be_a_form_is_refused_at_the_place_that_is_wrong(schema: Any, code: str, place: str) -> None:
    with pytest.raises(Problem) as caught:
        check_schema(schema, "/request/form")

    (error,) = caught.value.errors
    assert (400, code, f"/request/form{place}") == (caught.value.status, error["code"], error["pointer"])
    assert len(error["detail"]) < 300


def test_checking_leaves_the_schema_as_it_was() -> None:
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", "properties": {"a": {"pattern": DECIMAL}}}

    check_schema(schema, "")

    assert {"$schema", "properties"} == set(schema)
    assert {"properties": {"a": {"pattern": DECIMAL}}}.items() <= schema.items()


def test_a_value_inside_a_schema_is_no_schema() -> None:
    rule = {"pattern": DECIMAL, "additionalProperties": False}
    schema = {"type": "object", "properties": {"const": {"const": rule}}}

    check_schema(schema, "")

    assert [] == validate(schema, {"const": rule})


DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
