"""Schemas as people write them: answers that satisfy each, and answers that do not, with the control that is wrong."""

from typing import Any

import msgspec

from app.requests.forms.gallery import EVERY_FIELD
from tests.requests.forms.models import MODELS, STRUCTS

Answer = Any
Case = tuple[str, dict[str, Any], list[Answer], list[tuple[Answer, str]]]


def of(**properties: Any) -> dict[str, Any]:
    """An object of which all properties are asked for."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def may(**properties: Any) -> dict[str, Any]:
    """An object of which all properties can be left out."""
    return {"type": "object", "properties": properties}


CARD = of(by={"const": "card"}, number={"type": "string", "pattern": "^[0-9]+$"})
BANK = of(by={"const": "bank"}, iban={"type": "string", "minLength": 5})
NAMED = {"Person": of(name={"type": "string", "minLength": 1})}

OWN: list[Case] = [
    ("text", of(a={"type": "string"}), [{"a": "x"}, {"a": " x "}, {"a": ""}], [({}, "/a"), ({"a": 5}, "")]),
    ("text that is not empty", of(a={"type": "string", "minLength": 1}), [{"a": "x"}], [({"a": ""}, "/a")]),
    ("text of several lines in one line", of(a={"type": "string"}), [{"a": "x\ny"}, {"a": "\nx"}], []),
    ("long text", may(a={"type": "string", "maxLength": 500}), [{"a": "x\r\ny"}, {}], [({"a": "x" * 501}, "/a")]),
    ("text area by hint", may(a={"type": "string", "x-ui": {"widget": "textarea"}}), [{"a": "\n\nx\n"}], []),
    ("pattern", of(a={"type": "string", "pattern": "^[A-Z]{3}$"}), [{"a": "ABC"}], [({"a": "abc"}, "/a")]),
    ("integer", of(a={"type": "integer"}), [{"a": 0}, {"a": -5}, {"a": 10**20}], [({"a": 1.5}, "/a"), ({"a": "x"}, "/a")]),
    ("number", of(a={"type": "number"}), [{"a": 0}, {"a": 1.5}, {"a": 1e300}, {"a": 2.0}], [({"a": "x"}, "/a")]),
    ("bounds", of(a={"type": "integer", "minimum": 1, "exclusiveMaximum": 5}), [{"a": 1}], [({"a": 0}, "/a"), ({"a": 5}, "/a")]),
    ("cents", of(a={"type": "number", "multipleOf": 0.01}), [{"a": 0.07}, {"a": 19.99}], [({"a": 0.001}, "/a")]),
    ("yes or no", of(a={"type": "boolean"}), [{"a": True}, {"a": False}], [({}, "/a")]),
    ("yes, no or nothing", may(a={"type": "boolean"}), [{"a": True}, {"a": False}, {}], []),
    ("yes or no by default", may(a={"type": "boolean", "default": True}), [{"a": True}, {"a": False}, {}], []),
    ("a box to tick", may(a={"type": "boolean", "x-ui": {"widget": "checkbox"}}), [{"a": True}, {"a": False}, {}], []),
    ("consent", of(a={"const": True}), [{"a": True}], [({}, "/a")]),
    ("consent as an enum", of(a={"enum": [True]}), [{"a": True}], [({}, "/a")]),
    ("one of few", of(a={"enum": ["x", "y"]}), [{"a": "x"}, {"a": "y"}], [({}, "/a"), ({"a": "z"}, "/a")]),
    ("one of many", of(a={"enum": list("abcdefghij")}), [{"a": "j"}], [({}, "/a")]),
    ("one of all types", of(a={"enum": ["1", 1, True, None, 1.5, ""]}), [{"a": "1"}, {"a": 1}, {"a": True}, {"a": None}, {"a": ""}], []),
    ("one with titles", of(a={"oneOf": [{"const": 1, "title": "One"}, {"const": 2, "title": "Two"}]}), [{"a": 2}], [({}, "/a")]),
    ("one of two enums", of(a={"anyOf": [{"enum": ["a"]}, {"enum": ["b"]}]}), [{"a": "b"}], [({}, "/a")]),
    ("one of values that are objects", of(a={"enum": [{"x": 1}, [1, 2]]}), [{"a": {"x": 1}}, {"a": [1, 2]}], []),
    ("several of", of(a={"type": "array", "items": {"enum": ["x", "y", "z"]}, "minItems": 1}), [{"a": ["x", "z"]}, {"a": ["z", "x"]}, {"a": ["x", "x"]}], [({"a": []}, "/a")]),
    ("several of, or none", may(a={"type": "array", "items": {"enum": [1, 2]}, "uniqueItems": True}), [{}, {"a": []}, {"a": [2]}], []),
    ("rating", of(a={"type": "integer", "minimum": 1, "maximum": 5, "x-ui": {"widget": "rating"}}), [{"a": 4}], [({}, "/a")]),
    ("rating without an end", of(a={"type": "integer", "x-ui": {"widget": "rating"}}), [{"a": 4}, {"a": 7}], []),
    ("date", of(a={"type": "string", "format": "date"}), [{"a": "2026-11-25"}], [({"a": "25.11.2026"}, "/a")]),
    ("time", of(a={"type": "string", "format": "time"}), [{"a": "14:30"}, {"a": "14:30:05Z"}], [({"a": "26:00"}, "/a")]),
    ("instant", of(a={"type": "string", "format": "date-time"}), [{"a": "2026-11-25T14:30:00Z"}, {"a": "2026-11-25T14:30:00.5-03:30"}, {"a": "2026-11-25t14:30:00z"}], [({"a": "x"}, "/a")]),
    ("email", of(a={"type": "string", "format": "email"}), [{"a": "ada@example.com"}], [({"a": "ada"}, "/a")]),
    ("address", of(a={"type": "string", "format": "uri"}), [{"a": "https://example.com/?q=1"}], [({"a": "example"}, "/a")]),
    ("phone", of(a={"type": "string", "format": "phone"}), [{"a": "+49 30 123456"}], [({"a": "call me"}, "/a")]),
    ("password", of(a={"type": "string", "format": "password", "minLength": 4}), [{"a": " pass "}], [({"a": "abc"}, "/a")]),
    ("uuid", of(a={"type": "string", "format": "uuid"}), [{"a": "123e4567-e89b-12d3-a456-426614174000"}], [({"a": "x"}, "/a")]),
    ("or null, as a type", of(a={"type": ["string", "null"]}, b={"type": ["null", "integer"]}), [{"a": None, "b": None}, {"a": "x", "b": 1}], [({"a": None, "b": "x"}, "/b")]),
    ("or null, as a choice", of(a={"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]}), [{"a": None}, {"a": 3}], [({"a": 2}, "/a")]),
    ("or null, among values", of(a={"enum": ["x", None]}), [{"a": None}, {"a": "x"}], []),
    ("or null, a group", of(a={"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "null"}]}) | {"$defs": NAMED}, [{"a": None}, {"a": {"name": "Ada"}}], []),
    ("a group that can be left out", may(a=of(b={"type": "string", "minLength": 1})), [{}, {"a": {"b": "x"}}], [({"a": {}}, "")]),
    ("an empty group", of(a={"type": "object", "properties": {}}), [{"a": {}}, {"a": {"x": 1}}], []),
    ("groups in groups", of(a=of(b=of(c={"type": "integer"}))), [{"a": {"b": {"c": 1}}}], [({"a": {"b": {}}}, "/a/b/c")]),
    ("a group by reference", of(a={"$ref": "#/$defs/Person", "description": "Who?"}) | {"$defs": NAMED}, [{"a": {"name": "x"}}], [({"a": {}}, "/a/name")]),
    ("a group in parts", {"allOf": [of(a={"type": "string"}), of(b={"type": "integer"})]}, [{"a": "x", "b": 1}], [({"a": "x"}, "/b")]),
    ("names with everything", of(**{"a/b": {"type": "string"}, "c~d": {"type": "integer"}, "e f": {"type": "string"}, "": {"type": "string"}, 'ä"<b>': {"type": "string"}}), [{"a/b": "x", "c~d": 1, "e f": "y", "": "z", 'ä"<b>': "q"}], [({"a/b": "x", "e f": "y", "": "z", 'ä"<b>': "q"}, "/c~0d")]),
    ("names of other controls", of(decision={"type": "string"}, comment={"type": "string"}, rows={"type": "string"}, version={"type": "integer"}), [{"decision": "x", "comment": "y", "rows": "add:/", "version": 3}], []),
    ("rows of texts", of(a={"type": "array", "items": {"type": "string"}}), [{"a": []}, {"a": ["x", "y\nz"]}, {"a": ["", "x"]}], [({}, "")]),
    ("rows of groups", may(a={"type": "array", "items": {"$ref": "#/$defs/Person"}, "maxItems": 2}) | {"$defs": NAMED}, [{}, {"a": []}, {"a": [{"name": "x"}, {"name": "y", "more": 1}]}], [({"a": [{"name": "x"}] * 3}, "/a"), ({"a": [{"name": "x"}, {"name": ""}]}, "")]),
    ("rows of rows", of(a={"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}), [{"a": [[1, 2], [3]]}, {"a": [[]]}], [({"a": [[1], ["x"]]}, "/a/1/0")]),
    ("rows that differ", may(a={"type": "array", "items": {"type": "string"}, "uniqueItems": True}), [{"a": ["x", "y"]}], [({"a": ["x", "x"]}, "/a")]),
    ("names that nobody knows", may(a={"type": "object", "additionalProperties": {"type": "integer"}}), [{}, {"a": {}}, {"a": {"x": 1, "y/z": 2}}], [({"a": {"x": "q"}}, "/a/0/value")]),
    ("names by a pattern", may(a={"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": False}), [{"a": {"x-a": "1"}}], [({"a": {"y": "1"}}, "/a/0/value")]),
    ("a pair", of(a={"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2}), [{"a": ["x", 1]}], [({"a": ["x"]}, "/a/1"), ({"a": ["x", "y"]}, "/a/1")]),
    ("a pair and more", of(a={"type": "array", "prefixItems": [{"type": "string"}]}), [{"a": ["x", 1, None]}], [({"a": [1]}, "/a")]),
    ("text or number", of(a={"type": ["string", "number"]}), [{"a": "x"}, {"a": 5}, {"a": "5"}, {"a": "007"}], []),
    ("group or text", of(a={"anyOf": [{"$ref": "#/$defs/Person"}, {"type": "string", "minLength": 2}]}) | {"$defs": NAMED}, [{"a": {"name": "x"}}, {"a": "xy"}], [({"a": {"name": ""}}, "/a:0/name"), ({}, "/a")]),
    ("one shape of two", of(pay={"oneOf": [CARD, BANK]}), [{"pay": {"by": "card", "number": "1"}}, {"pay": {"by": "bank", "iban": "DE123"}}], [({}, "/pay")]),
    ("one shape of two, or none", may(pay={"oneOf": [CARD, BANK]}), [{}, {"pay": {"by": "bank", "iban": "DE123"}}], []),
    ("rows of two shapes", of(a={"type": "array", "items": {"oneOf": [CARD, BANK]}}), [{"a": [{"by": "bank", "iban": "DE123"}, {"by": "card", "number": "1"}]}], []),
    ("the whole is one of two", {"type": "object", "oneOf": [CARD, BANK]}, [{"by": "card", "number": "1"}, {"by": "bank", "iban": "DE123"}], [({}, ":0:variant")]),
    ("a group and one of two", {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "oneOf": [CARD, BANK]}, [{"a": "x", "by": "card", "number": "1"}], [({"by": "card", "number": "1"}, "/a")]),
    ("at least one of two", may(a={"type": "string"}, b={"type": "string"}) | {"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}, [{"a": "x"}, {"b": "x"}], [({}, "")]),
    ("if and then, fields elsewhere", may(kind={"enum": ["p", "c"]}, vat={"type": "string"}) | {"if": {"properties": {"kind": {"const": "c"}}, "required": ["kind"]}, "then": {"required": ["vat"]}}, [{}, {"kind": "p"}, {"kind": "c", "vat": "x"}], [({"kind": "c"}, "/vat")]),
    ("if, then and else, fields inside", may(kind={"enum": ["p", "c"]}) | {"if": {"properties": {"kind": {"const": "c"}}, "required": ["kind"]}, "then": of(vat={"type": "string"}), "else": may(age={"type": "integer"})}, [{"kind": "p", "age": 5}, {"kind": "c", "vat": "x"}, {"age": 3}], [({"kind": "c"}, ":1/vat"), ({"kind": "p", "age": "x"}, ":2/age")]),
    ("cases in cases", may(a={"enum": [1, 2, 3]}) | {"if": {"properties": {"a": {"const": 1}}, "required": ["a"]}, "then": of(b={"type": "string"}), "else": {"if": {"properties": {"a": {"const": 2}}, "required": ["a"]}, "then": of(c={"type": "string"})}}, [{"a": 1, "b": "x"}, {"a": 2, "c": "x"}, {"a": 3}, {}], []),
    ("several cases", may(a={"type": "boolean"}, b={"type": "boolean"}) | {"allOf": [{"if": {"properties": {"a": {"const": True}}, "required": ["a"]}, "then": of(x={"type": "string"})}, {"if": {"properties": {"b": {"const": True}}, "required": ["b"]}, "then": of(y={"type": "string"})}]}, [{"a": True, "x": "1"}, {"a": True, "b": True, "x": "1", "y": "2"}], [({"a": True, "b": False}, ":1/x")]),
    ("one calls for another", may(card={"type": "string"}, cvc={"type": "string"}) | {"dependentRequired": {"card": ["cvc"]}}, [{}, {"cvc": "1"}, {"card": "1", "cvc": "2"}], [({"card": "1"}, "/cvc")]),
    ("one brings another", may(card={"type": "string"}) | {"dependentSchemas": {"card": of(cvc={"type": "string"})}}, [{}, {"card": "1", "cvc": "2"}], [({"card": "1"}, ":1/cvc")]),
    ("only to be read", may(a={"type": "string", "readOnly": True, "default": "x"}, b={"type": "string"}), [{"a": "x", "b": "y"}, {"a": "other"}, {}], []),
    ("hidden", may(a={"type": "object", "x-ui": {"widget": "hidden"}}, b={"type": "string"}), [{"a": {"deep": [1]}, "b": "y"}, {}], []),
    ("a constant", of(a={"const": {"x": [1]}}, b={"type": "string"}), [{"a": {"x": [1]}, "b": "y"}], []),
    ("anything", may(a={}, b=True, c={"type": "array"}, d={"type": "object"}), [{"a": 1, "b": None, "c": [1, "x"], "d": {"k": {}}}, {}], []),
    ("a file", of(a={"type": "object", "format": "file", "properties": {"size": {"maximum": 9}}}), [{"a": {"id": "file_" + "0" * 36, "name": "ä.pdf", "type": "application/pdf", "size": 9}}], [({}, "/a"), ({"a": {"id": "file_" + "0" * 36, "name": "x", "type": "a/b", "size": 10}}, "/a"), ({"a": {"id": "x", "name": "x", "type": "a/b", "size": 1}}, "/a")]),
    ("anything by hint", of(a={"type": "array", "items": {"type": "string"}, "x-ui": {"widget": "json"}}), [{"a": ["x"]}], [({"a": [1]}, "/a")]),
    ("itself", may(name={"type": "string"}, child={"$ref": "#"}), [{"name": "a", "child": {"name": "b", "child": {"name": "c"}}}, {}], [({"child": {"name": 5}}, "")]),
    ("nothing that is not asked for", of(a={"type": "string"}) | {"additionalProperties": False}, [{"a": "x"}], [({"a": "x", "b": 1}, "")]),
    ("nothing unevaluated", {"allOf": [of(a={"type": "string"})], "unevaluatedProperties": False}, [{"a": "x"}], [({"a": "x", "b": 1}, "")]),
    ("not that", of(a={"type": "string", "not": {"const": "admin"}}), [{"a": "ben"}], [({"a": "admin"}, "/a")]),
    ("without a word about types", {"properties": {"a": {"minLength": 2}, "b": {"minimum": 3}, "c": {"items": {"type": "string"}}}}, [{"a": "xy", "b": 3, "c": ["x"]}], [({"a": "x"}, "/a"), ({"b": 1}, "/b")]),
    ("nothing at all", {}, [{}, {"a": 1}], []),
    ("ordered by hint", may(a={"type": "string"}, b={"type": "string"}) | {"x-ui": {"order": ["b", "nope"]}}, [{"a": "1", "b": "2"}], []),
    ("hints that are nonsense", may(a={"type": "string", "x-ui": {"widget": 5, "labels": 3, "unit": [], "autocomplete": {}}}, b={"type": "string", "x-ui": "?"}), [{"a": "1", "b": "2"}], []),
    ("the older draft", {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"$ref": "#/definitions/A"}}, "definitions": {"A": {"type": "integer"}}}, [{"a": 1}], [({"a": "x"}, "/a")]),
    ("every field", EVERY_FIELD, [{"full_name": "A", "email": "a@b.c", "guests_expected": 3, "indoors": True, "kind": "private", "address": {"street": "x", "city": "y"}, "payment": {"by": "card", "last_four": "4242"}, "terms": True, "place": [1.5, 2]}], []),
]  # fmt: skip

CORPUS: list[Case] = [
    *OWN,
    *((f"pydantic: {model.__name__}", model.model_json_schema(), good, bad) for model, good, bad in MODELS),
    *((f"msgspec: {struct.__name__}", msgspec.json.schema(struct), good, bad) for struct, good, bad in STRUCTS),
]
NAMES = [name for name, *_ in CORPUS]
