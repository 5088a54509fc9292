"""The description of the API as people read it: what the page draws, made from the OpenAPI document."""

import json
from typing import Any

import msgspec

Json = dict[str, Any]


class Field(msgspec.Struct, frozen=True):
    """A field or a parameter: what it is called, what it holds, and what it means."""

    name: str
    kind: str
    description: str
    is_required: bool
    place: str = ""
    shape: str = ""
    """The name of the object that it holds, or a list of it."""


class Answer(msgspec.Struct, frozen=True):
    """A status, and when it is answered."""

    status: str
    description: str


class Operation(msgspec.Struct, frozen=True):
    """One thing that a program can ask."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    callers: str
    parameters: list[Field]
    body: list[Field]
    takes_anything: bool
    answer: list[Field]
    problems: list[Answer]
    curl: str


class Chapter(msgspec.Struct, frozen=True):
    """Operations that belong together."""

    name: str
    description: str
    operations: list[Operation]


def chapters(document: Json) -> list[Chapter]:
    """The whole description, in the order of its tags."""
    return [
        Chapter(
            tag["name"],
            tag["description"],
            [
                _operation(document, path, method, operation)
                for path, methods in document["paths"].items()
                for method, operation in methods.items()
                if tag["name"] in operation["tags"]
            ],
        )
        for tag in document["tags"]
    ]


class Shape(msgspec.Struct, frozen=True):
    """An object that several answers hold."""

    name: str
    description: str
    fields: list[Field]


def shapes(document: Json) -> list[Shape]:
    """Every object by its name."""
    schemas = document["components"]["schemas"]
    return [Shape(name, schema.get("description", ""), _fields(document, schema)) for name, schema in schemas.items()]


def problem_fields(document: Json) -> list[Field]:
    """What every error says."""
    return _fields(document, document["components"]["schemas"]["Problem"])


def _operation(document: Json, path: str, method: str, operation: Json) -> Operation:
    content = operation.get("requestBody", {}).get("content", {})
    body = content.get("application/json", {})
    answers = operation["responses"]
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        description=operation["description"].partition(".")[2].strip(),
        callers=_callers(operation["security"]),
        parameters=[_parameter(document, parameter) for parameter in operation["parameters"]],
        body=_fields(document, body.get("schema", {})),
        takes_anything=len(content) > 1,
        answer=_fields(document, answers["200"]["content"]["application/json"]["schema"]),
        problems=[
            Answer(status, _resolved(document, answer)["description"])
            for status, answer in answers.items()
            if status != "200"
        ],
        curl=_curl(document, path, method, operation, body.get("example")),
    )


def _callers(security: list[Json]) -> str:
    names = [name for each in security for name in each]
    if not names:
        return "whoever knows the address"
    return " or ".join({"apiKey": "an API key", "publicAccessToken": "a public access token"}[name] for name in names)


def _parameter(document: Json, parameter: Json) -> Field:
    return Field(
        name=parameter["name"],
        kind=_kind(document, parameter["schema"]),
        description=parameter.get("description", ""),
        is_required=parameter.get("required", False),
        place={"path": "in the path", "query": "in the query", "header": "header"}[parameter["in"]],
    )


def _fields(document: Json, schema: Json) -> list[Field]:
    resolved = _resolved(document, schema)
    required = resolved.get("required", [])
    return [
        Field(name, _kind(document, field), field.get("description", ""), name in required, shape=_shape_in(field))
        for name, field in resolved.get("properties", {}).items()
    ]


def _resolved(document: Json, schema: Json) -> Json:
    reference = schema.get("$ref")
    if reference is None:
        return schema
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _shape_in(schema: Json) -> str:
    """The object that a field refers to, however deep it stands."""
    inner = [*([schema["items"]] if "items" in schema else []), *schema.get("anyOf", [])]
    name: str = schema.get("$ref", "").rpartition("/")[2]
    return name or next((found for each in inner if (found := _shape_in(each))), "")


def _kind(document: Json, schema: Json) -> str:  # noqa: PLR0911 - one line for each kind
    """What a value is, in words."""
    if "$ref" in schema:
        return f"a {schema['$ref'].rpartition('/')[2]}"
    if "anyOf" in schema:
        kinds = [_kind(document, each) for each in schema["anyOf"] if each != {"const": ""}]
        return " or ".join(dict.fromkeys(part for kind in kinds for part in kind.split(" or ")))
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"] if value != "")
    if "const" in schema:
        return json.dumps(schema["const"])
    if schema.get("type") == "array":
        most = f", at most {schema['maxItems']}" if "maxItems" in schema else ""
        return f"list of {_kind(document, schema.get('items', {}))}{most}"
    if schema.get("format") == "date-time":
        return "instant"
    if "maximum" in schema:
        return f"number from {schema.get('minimum', 0)} to {schema['maximum']}"
    if "maxLength" in schema:
        return f"text of at most {schema['maxLength']:,} characters"
    names = {"string": "text", "integer": "number", "boolean": "true or false", "null": "null", "object": "object"}
    return names.get(str(schema.get("type")), "any JSON value")


def _curl(document: Json, path: str, method: str, operation: Json, example: Any) -> str:
    address = document["servers"][0]["url"] + path.replace("{", "$").replace("}", "")
    lines = [f'curl "{address}"'] if method == "get" else [f'curl -X {method.upper()} "{address}"']
    if operation["security"]:
        lines.append('  -H "Authorization: Bearer $WAITPOINT_SECRET_KEY"')
    if example is not None:
        lines.append(f"  -d '{json.dumps(example)}'")
    return " \\\n".join(lines)
