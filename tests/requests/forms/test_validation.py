"""Which answers satisfy a form, and the sentence for each field that does not."""

from typing import Any

import pytest

from app.requests.forms import check_schema, validate
from app.requests.forms.effort import effort_of

DECIMAL = r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"
PRICE = r"^(?!^[-+.]*$)[+-]?0*(?:\d{0,3}|(?=[\d.]{1,6}0*$)\d{0,3}\.\d{0,2}0*$)"
FIVE_DIGITS = r"^(?!^[-+.]*$)[+-]?0*(?:\d{0,5}|(?=[\d.]{1,6}0*$)\d*\.\d*0*$)"
CAT = {"type": "object", "properties": {"kind": {"const": "cat"}, "lives": {"type": "integer"}}, "required": ["kind", "lives"]}  # fmt: skip
DOG = {"type": "object", "properties": {"kind": {"const": "dog"}, "name": {"type": "string"}}, "required": ["kind", "name"]}  # fmt: skip
GUEST = {"type": "object", "title": "Guest", "properties": {"full_name": {"type": "string", "title": "Full Name"}}, "required": ["full_name"]}  # fmt: skip


def about(schema: Any, value: Any = None, **more: Any) -> list[tuple[str, str]]:
    """What is said about one field, `a`."""
    whole = {"type": "object", "properties": {"a": schema}, **more}
    check_schema(whole, "")
    return [(error.pointer, error.detail) for error in validate(whole, {"a": value})]


RULES: list[tuple[Any, Any, str]] = [
    ({"type": "string"}, 5, "A must be text."),
    ({"type": "integer"}, "5", "A must be a whole number."),
    ({"type": "integer"}, 5.5, "A must be a whole number."),
    ({"type": "number"}, "x", "A must be a number, such as 12.50."),
    ({"type": "boolean"}, "yes", "A must be yes or no (true or false)."),
    ({"type": "array"}, {}, "A must be a list."),
    ({"type": "object"}, [], "A must be a group of fields."),
    ({"type": ["string", "integer", "null"]}, [], "A must be text, a whole number or empty (null)."),
    ({"minimum": 3}, 2, "A must be 3 or more."),
    ({"maximum": 3.0}, 4, "A must be 3 or less."),
    ({"exclusiveMinimum": 0}, 0, "A must be more than 0."),
    ({"exclusiveMaximum": 1.5}, 1.5, "A must be less than 1.5."),
    ({"multipleOf": 1}, 1.5, "A must be a whole number."),
    ({"multipleOf": 0.01}, 1.234, "A must have at most 2 decimal places."),
    ({"multipleOf": 5}, 7, "A must be a multiple of 5."),
    ({"minLength": 1}, "", "A must be filled in."),
    ({"minLength": 3}, "ab", "A must have at least 3 characters."),
    ({"minLength": 3}, "👍🏽a"[:2], "A must have at least 3 characters."),
    ({"maxLength": 1}, "ab", "A must have at most 1 character."),
    ({"minItems": 1}, [], "A must have at least 1 entry."),
    ({"maxItems": 2}, [1, 2, 3], "A must have at most 2 entries."),
    ({"uniqueItems": True}, [1, 1], "A must not have the same entry twice."),
    ({"minProperties": 1}, {}, "A must have at least 1 field."),
    ({"maxProperties": 1}, {"b": 1, "c": 2}, "A must have at most 1 field."),
    ({"propertyNames": {"maxLength": 1}}, {"bc": 1}, "A has a field whose name is not allowed."),
    ({"contains": {"const": 1}}, [2], "A lacks an entry that it must have."),
    ({"enum": ["red", 5, None]}, "blue", "A must be one of: red, 5, null."),
    ({"enum": list(range(20))}, 20, "A must be one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 8 more."),
    ({"const": True}, False, "A must be yes (true)."),
    ({"const": "I agree"}, "no", "A must be I agree."),
    ({"not": {"type": "string"}}, "x", "A is not allowed as it is."),
    (False, 1, "A is not asked for."),
    ({"format": "email"}, "ada", "A must be an email address, such as name@example.com."),
    ({"format": "email"}, "Ada <ada@example.com>", "A must be an email address, such as name@example.com."),
    ({"format": "date"}, "2026-02-30", "A must be a date, such as 2026-11-25."),
    ({"format": "date-time"}, "2026-02-28T10:00:00", "A must be a date and time with its zone, such as 2026-11-25T14:30:00+01:00."),
    ({"format": "time"}, "25:00", "A must be a time of day, such as 14:30."),
    ({"format": "uri"}, "example.com", "A must be an address with its beginning, such as https://example.com."),
    ({"format": "phone"}, "12", "A must be a telephone number, such as +44 20 7946 0018."),
    ({"format": "uuid"}, "x", "A must be a UUID, such as 123e4567-e89b-12d3-a456-426614174000."),
    ({"pattern": "^[A-Z]{2}$"}, "x", "A does not have the right form."),
    ({"pattern": "^[A-Z]{2}$", "examples": ["DE"]}, "x", "A does not have the right form, for example DE."),
    ({"pattern": "^[A-Z]{2}$", "x-ui": {"error": "Two capital letters, please."}}, "x", "Two capital letters, please."),
    ({"type": "string", "pattern": DECIMAL}, "+.", "A must be a number, such as 12.50."),
    ({"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]}, "ab", "A must have at least 3 characters."),
    ({"anyOf": [{"type": "number"}, {"type": "string"}]}, [], "A must be text or a number."),
    ({"oneOf": [{"type": "number"}, {"minimum": 5}]}, 6, "A fits several of the allowed shapes, and must fit exactly one."),
    ({"anyOf": [{"minimum": 5}, {"minimum": 7, "maxLength": 1}]}, 3, "A must be 5 or more."),
    ({"type": "string", "title": "Your name"}, 5, "Your name must be text."),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "value", "sentence"), RULES, ids=[sentence for *_, sentence in RULES])
def test_a_rule_that_is_broken_is_told_in_one_sentence(schema: Any, value: Any, sentence: str) -> None:
    assert [("/a", sentence)] == about(schema, value)


FORMATS: list[tuple[str, list[str]]] = [
    ("time", ["14:30", "14:30:15", "14:30:15.123", "14:30Z", "14:30:15+01:00"]),
    ("phone", ["+44 20 7946 0018", "112", "+49 (30) 123-45"]),
    ("email", ["ada@example.com", "ada@localhost", "a.b+c@sub.example.com"]),
    ("date-time", ["2026-11-25T14:30:00Z", "2026-11-25T14:30:00.5+01:00"]),
    ("path", ["/tmp/x"]),
]


@pytest.mark.parametrize(("name", "texts"), FORMATS)
def test_what_people_mean_by_a_format_is_accepted(name: str, texts: list[str]) -> None:
    assert [] == [error for text in texts for error in about({"type": "string", "format": name}, text)]


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (DECIMAL, ["0", "-1.5", "+.5", "5.", "007", "1" * 60], ["", "+", ".", "-.", "1,5", "1e5", "a"]),
        (PRICE, ["123", "123.45", "-0.5", "0123.400", ".45"], ["1234", "123.456", "", "."]),
        (FIVE_DIGITS, ["12345", "12.345", "1.2300000"], ["123456", "12.34567", "+"]),
    ],
)
def test_the_decimals_of_pydantic_are_checked_without_look_around(
    pattern: str, good: list[str], bad: list[str]
) -> None:
    schema = {"type": "string", "pattern": pattern}

    assert [] == [text for text in good if about(schema, text)]
    assert [] == [text for text in bad if not about(schema, text)]


def test_a_field_that_is_missing_is_pointed_to_itself() -> None:
    schema = {"type": "object", "properties": {"company_name": {"title": "Company Name"}}, "required": ["company_name"]}

    (error,) = validate(schema, {})

    assert ("/company_name", "required", "Company name must be filled in.") == (error.pointer, error.code, error.detail)


def test_a_field_that_another_one_calls_for_is_pointed_to() -> None:
    schema = {"type": "object", "dependentRequired": {"card": ["cvc"]}, "if": {"required": ["gift"]}, "then": {"required": ["wish"]}}  # fmt: skip

    errors = validate(schema, {"card": 1, "gift": True})

    assert {("/cvc", "Cvc must be filled in."), ("/wish", "Wish must be filled in.")} == {(e.pointer, e.detail) for e in errors}  # fmt: skip


def test_fields_that_nobody_asked_for_are_named_one_by_one() -> None:
    errors = validate({"type": "object", "additionalProperties": False}, {"a/b": 1, "c": 2})

    assert [("/a~1b", "a/b is not a field of this form."), ("/c", "c is not a field of this form.")] == [
        (error.pointer, error.detail) for error in errors
    ]


def test_a_row_is_named_by_its_number() -> None:
    schema = {"type": "object", "properties": {"guests": {"type": "array", "items": {"$ref": "#/$defs/G"}}, "tags": {"type": "array", "items": {"type": "string"}}}, "$defs": {"G": GUEST}}  # fmt: skip

    errors = validate(schema, {"guests": [{"full_name": "Ada"}, {}], "tags": [5]})

    assert [
        ("/guests/1/full_name", "Guests 2: Full name must be filled in."),
        ("/tags/0", "Tags 1 must be text."),
    ] == sorted((error.pointer, error.detail) for error in errors)


def test_of_several_shapes_the_one_that_was_meant_is_explained() -> None:
    schema = {"oneOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}]}
    more = {"$defs": {"Cat": CAT, "Dog": DOG}}

    assert [("/a/name", "Name must be filled in.")] == about(schema, {"kind": "dog"}, **more)
    assert [("/a/lives", "Lives must be a whole number.")] == about(schema, {"kind": "cat", "lives": "nine"}, **more)
    assert [("/a", "A does not fit any of the allowed shapes.")] == about(schema, {"kind": "fish"}, **more)


def test_what_was_typed_is_never_repeated() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "maxLength": 3, "pattern": "^x", "format": "email"}},
    }

    said = "".join(error.detail for error in validate(schema, {"a": "hunter2 is my password"}))

    assert "hunter2" not in said


def test_a_pattern_takes_no_longer_with_a_longer_text() -> None:
    """`^(a+)+$` took another library 11.6 s with 30 characters; here a million are nothing."""
    assert [("/a", "A does not have the right form.")] == about({"pattern": "^(a+)+$"}, "a" * 1_000_000 + "!")


def test_an_answer_is_no_deeper_than_the_form_can_be_asked() -> None:
    node = {
        "oneOf": [{"properties": {"in": {"$ref": "#"}, "kind": {"const": n}}, "required": ["kind"]} for n in range(5)]
    }
    schema = {"type": "object", **node}
    deepest = effort_of(schema).deepest
    value: dict[str, Any] = {"kind": 0}
    for _ in range(deepest - 1):
        value = {"kind": 0, "in": value}

    assert [] == validate(schema, value)
    (error,) = validate(schema, {"kind": 0, "in": value})
    assert ("", "too-deep") == (error.pointer, error.code)


def test_a_huge_answer_is_refused_with_its_first_error() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "array", "items": {"type": "integer"}}}}

    assert 1 == len(validate(schema, {"a": ["x"] * 100_000}))
    assert 100 == len(validate(schema, {"a": ["x"] * 200}))


def test_an_answer_that_nobody_could_check_in_time_is_refused() -> None:
    parts = [{"properties": {"a": {"type": "array", "items": {"minimum": n}}}} for n in range(1_000)]

    (error,) = validate({"type": "object", "allOf": parts}, {"a": [0] * 30_000})

    assert "too-large" == error.code
