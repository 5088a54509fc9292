"""Forms of schemas and answers that nobody thought of."""

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.requests.forms import check_schema, form_of, read, typed_in, typed_of, validate, with_rows
from tests.requests.forms.browsers import through_a_browser

Pair = tuple[dict[str, Any], Any]
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
NAMES = st.sampled_from(["a", "b", "first name", "c/d", "e~f", "kind", "rows", "ü", "0"])
PLAIN: list[tuple[dict[str, Any], st.SearchStrategy[Any]]] = [
    ({"type": "string"}, TEXT),
    ({"type": "string", "maxLength": 300}, TEXT),
    ({"type": "string", "format": "date"}, st.dates().map(str)),
    ({"type": "string", "format": "date-time"}, st.datetimes(timezones=st.timezones()).map(lambda t: t.isoformat()).filter(lambda t: len(t) < 33 and t[0] != "0")),
    ({"type": "string", "format": "time"}, st.times().map(str)),
    ({"type": "integer"}, st.integers()),
    ({"type": "number"}, st.floats(allow_nan=False, allow_infinity=False) | st.integers()),
    ({"type": "boolean"}, st.booleans()),
    ({"type": ["string", "integer", "boolean", "null"]}, st.none() | st.integers() | TEXT | st.booleans()),
    ({"enum": ["x", 1, True, None, "1"]}, st.sampled_from(["x", 1, True, None, "1"])),
    ({"const": {"k": [1]}}, st.just({"k": [1]})),
    ({"type": "array", "items": {"enum": ["x", "y", "z"]}}, st.lists(st.sampled_from("xyz"), max_size=4)),
    ({}, st.recursive(st.none() | st.booleans() | st.integers() | TEXT, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2), max_leaves=4)),
]  # fmt: skip


@st.composite
def pairs(draw: Callable[..., Any], depth: int = 2) -> Pair:
    """A schema, and a value that satisfies it."""
    kind = draw(st.sampled_from(["plain", "plain", "group", "rows", "map", "or null", "pair"])) if depth else "plain"
    if kind == "group":
        return draw(groups(depth - 1))  # type: ignore[no-any-return]
    if kind == "plain":
        schema, values = draw(st.sampled_from(PLAIN))
        return schema, draw(values)
    if kind == "pair":
        inside = draw(st.lists(pairs(depth - 1), min_size=1, max_size=2))
        prefix = [schema for schema, _ in inside]
        return {"type": "array", "prefixItems": prefix, "items": False, "minItems": len(prefix)}, [
            value for _, value in inside
        ]
    schema, value = draw(pairs(depth - 1))
    if kind == "or null":
        return {"anyOf": [schema, {"type": "null"}]}, draw(st.sampled_from([value, None]))
    if kind == "map":
        return {"type": "object", "additionalProperties": schema}, dict.fromkeys(
            draw(st.lists(TEXT, max_size=2, unique=True)), value
        )
    return {"type": "array", "items": schema}, [value] * draw(st.integers(0, 2))


@st.composite
def groups(draw: Callable[..., Any], depth: int = 2) -> Pair:
    """The same for an object, of which some properties can be left out, and some are."""
    properties: dict[str, Any] = {}
    value: dict[str, Any] = {}
    required: list[str] = []
    for name in draw(st.lists(NAMES, unique=True, max_size=3)):
        properties[name], inside = draw(pairs(depth))
        if draw(st.booleans()):
            required.append(name)
            value[name] = inside
        elif draw(st.booleans()) or is_constant(properties[name]):
            value[name] = inside
    return {"type": "object", "properties": properties, "required": required}, value


def is_constant(schema: dict[str, Any]) -> bool:
    """Whether it sets itself, so that an answer that comes from the form has it."""
    (field,) = form_of({"type": "object", "properties": {"a": schema}}).root.fields
    return field.kind == "const"


@QUICK
@given(groups())
@example(({"properties": {"b": {"type": "string"}}, "type": "object"}, {"b": "0\r"}))
@example(({"properties": {"b": {"type": "object", "additionalProperties": {}}}, "type": "object"}, {"b": {"\r": "\r"}}))
def test_any_answer_comes_back_unchanged(pair: Pair) -> None:
    """Drawn as a page, sent by a browser as it is, read: the very same answer, to the type of every number."""
    schema, answer = pair
    check_schema(schema, "")
    form = form_of(schema)

    reading = read(form, typed_in(form, through_a_browser(form, answer), answer), answer)

    assert repr(answer) == repr({name: reading.value[name] for name in answer})
    assert answer == reading.value
    assert ([], {}) == (validate(schema, answer), reading.errors)


@QUICK
@given(groups(), st.data())
def test_anything_can_be_typed(pair: Pair, data: st.DataObject) -> None:
    """Nothing that is typed breaks a form, and a value that was read is the one that was checked."""
    schema, answer = pair
    form = form_of(schema)
    typed = {name: data.draw(TEXT | st.sampled_from(["1", "yes", "{", "99999"])) for name in typed_of(form, answer)}

    reading = read(form, typed)

    assert bool(reading.errors) >= bool(validate(schema, reading.value))
    assert (
        {} == read(form, typed_in(form, through_a_browser(form, reading.value), reading.value), reading.value).errors
        or reading.errors
    )


@QUICK
@given(st.lists(TEXT.filter(bool), min_size=1, max_size=4), st.data())
def test_rows_come_and_go_without_touching_others(texts: list[str], data: st.DataObject) -> None:
    item = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    }
    form = form_of({"type": "object", "properties": {"a": {"type": "array", "items": item}, "ab": {"type": "string"}}})
    answer = {"a": [{"name": text, "tags": [text]} for text in texts], "ab": "left alone"}
    gone = data.draw(st.integers(0, len(texts) - 1))

    longer = with_rows(form, typed_of(form, answer), "add:/a")
    longer = with_rows(form, longer | {f"/a/{len(texts)}/name": "new"}, "add:/a/0/tags") | {"/a/0/tags/1": "second"}
    shorter = with_rows(form, longer, f"remove:/a/{gone}")

    expected = [*answer["a"], {"name": "new"}]
    expected[0] = {"name": texts[0], "tags": [texts[0], "second"]}
    del expected[gone]
    assert {"a": expected, "ab": "left alone"} == read(form, shorter).value


@QUICK
@given(st.text(max_size=20))
def test_a_button_that_nobody_drew_changes_nothing(deed: str) -> None:
    form = form_of({"type": "object", "properties": {"a": {"type": "array", "items": {"type": "string"}}}})
    typed = typed_of(form, {"a": ["x"]})

    for pressed in (deed, f"add:{deed}", f"remove:{deed}", f"remove:/a/{deed}", f"add:/a/{deed}"):
        if pressed not in {"add:/a", "remove:/a/0"}:
            assert typed == with_rows(form, typed, pressed)
