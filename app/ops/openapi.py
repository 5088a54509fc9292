"""The description of the REST API (OpenAPI 3.1), made from the handlers that answer it.

A handler is described by its docstring, its guards and its `opt`: `body` and `answer` are the shapes on
the wire, `query` names its parameters here, `problems` are the statuses beside 200.
"""

from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import version
from typing import Any

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from .. import ids
from ..requests.spec import Spec
from ..runs.messages import LONGEST_NAME
from ..runs.models import STATUSES as RUN_STATUSES
from ..tokens.models import STATUSES
from ..tokens.queries import LARGEST_PAGE, MOST_TAGS
from ..tokens.schemas import Duration, TokenId
from ..web.problems import PROBLEM

Json = dict[str, Any]

_EVERYWHERE = (400, 429, 503, 507)  # what the edge, the rate limits and the database may say to anybody
_REFERENCE = "#/components/schemas/{name}"
_INTRODUCTION = """\
Programs create tokens and wait for them; people and services complete them.
The API is that of trigger.dev's waitpoint tokens, so its SDK works here, too.

Every error has a string `error` for programs of that SDK, and the members of RFC 9457 beside it.
Completing a token twice is no error: the first answer stands, and the second is told so.
"""
_TAGS = {
    "tokens": "Create, find, complete and cancel tokens, and wait for them.",
    "runs": "Trigger tasks, and follow, list and cancel their runs.",
    "access": "Public access tokens: what a form in a browser may do.",
}
_STATUSES = {
    400: "Something in the request breaks a rule; `detail` says which.",
    401: "Nobody is recognised by what the request carries.",
    403: "The caller is known, and may not do this.",
    404: "There is no such thing here.",
    409: "Too late: the run has ended, or the token was settled or its request amended, and the caller wants to be told.",
    413: "The body is too large.",
    415: "The body is compressed.",
    422: "The request can be read, and cannot be done.",
    429: "Too many requests; `x-ratelimit-reset` says when there is room again.",
    503: "The database cannot be used now, or too much is waiting. Try again.",
    507: "There is no room left to store anything. Try again later.",
}
_STRICT: Json = {
    "name": "x-waitpoint-strict",
    "in": "header",
    "description": "`true` refuses keys and parameters that mean nothing here.",
    "schema": {"type": "string"},
}
_REQUEST_KEY: Json = {
    "name": "x-trigger-request-idempotency-key",
    "in": "header",
    "description": "The same for all attempts of one request: a repeated one gets the first answer again, for a day.",
    "schema": {"type": "string", "maxLength": 255},
}
_REQUEST_VERSION: Json = {
    "name": "x-waitpoint-request-version",
    "in": "header",
    "description": "Which version of the request this is about; 409 when it was amended meanwhile.",
    "schema": {"type": "string", "pattern": "^[0-9]{0,9}$"},
}
_IF_WAITING: Json = {
    "name": "x-waitpoint-if-waiting",
    "in": "header",
    "description": "`true` turns an answer that came too late into 409, with who was first.",
    "schema": {"type": "string"},
}
_HEADERS: dict[str, tuple[Json, ...]] = {
    "create_token": (_STRICT, _REQUEST_KEY),
    "list_tokens": (_STRICT,),
    "trigger_task": (_STRICT, _REQUEST_KEY),
    "send_input": (_STRICT, _REQUEST_KEY),
    "list_runs": (_STRICT,),
    "complete_token": (_STRICT, _REQUEST_KEY, _IF_WAITING, _REQUEST_VERSION),
    "amend_request": (_REQUEST_VERSION,),
    "cancel_token": (_STRICT, _IF_WAITING),
    "make_link": (_STRICT,),
    "call_back": (_IF_WAITING,),
}
"""Which optional request headers an operation knows."""

_ANSWER_HEADERS: dict[str, tuple[str, ...]] = {
    "create_token": ("x-trigger-jwt", "x-trigger-jwt-claims", "x-waitpoint-warning"),
    "trigger_task": ("x-trigger-jwt", "x-trigger-jwt-claims"),
}
_EXAMPLES: dict[str, Json] = {
    "create_token": {"timeout": "1h", "tags": ["hello"]},
    "trigger_task": {"payload": {"content": "hello"}, "options": {"tags": ["hello"]}},
    "send_input": {"data": {"approved": True}},
    "call_of_a_worker": {"type": "finish", "id": 7, "run": "run_1234", "generation": 3, "output": "done"},
    "complete_token": {"data": {"approved": True}},
    "amend_request": {"title": "Publish the autumn sale, without the shoes?"},
    "cancel_token": {"reason": "The order was withdrawn."},
    "make_link": {"recipient": "ben@example.com"},
    "call_back": {"approved": True},
    "create_public_token": {"scopes": ["read:waitpoints"], "expirationTime": "1h"},
}


def document(app: Litestar, public_url: str) -> Json:
    """The whole description, for the server at this address."""
    operations = list(_operations(app))
    components, schemas = _schemas([handler for _, _, handler in operations])
    paths: dict[str, Json] = {}
    for path, method, handler in operations:
        paths.setdefault(path, {})[method.lower()] = _operation(handler, path, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Waitpoint", "version": version("waitpoint"), "description": _INTRODUCTION},
        "servers": [{"url": public_url}],
        "tags": [{"name": name, "description": description} for name, description in _TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM_SCHEMA},
            "headers": _RESPONSE_HEADERS,
            "responses": {f"Problem{status}": _problem(status) for status in _STATUSES},
            "securitySchemes": _SECURITY,
        },
    }


def _operations(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Every handler that says what it answers, with its path and method."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            methods = {method: handler for handler in route.route_handlers for method in handler.http_methods}
            for method in sorted(methods, reverse=True):  # what makes a thing before what shows it
                if "answer" in methods[method].opt:
                    yield route.path_format, method, methods[method]


def _operation(handler: HTTPRouteHandler, path: str, schemas: dict[Any, Json]) -> Json:
    name = handler.handler_name.rpartition(".")[2]
    described = (handler.fn.__doc__ or "").strip()
    operation: Json = {
        "operationId": name,
        "summary": described.partition(".")[0],
        "description": described,
        "tags": [_tag_of(path)],
        "parameters": [
            *_path_parameters(path),
            *_QUERIES.get(handler.opt.get("query", ""), ()),
            *_HEADERS.get(name, ()),
        ],
        "responses": _responses(handler, name, schemas),
        "security": _security(handler),
    }
    if "body" in handler.opt:
        operation["requestBody"] = _body(handler.opt["body"], name, schemas)
    return operation


def _tag_of(path: str) -> str:
    if "/auth/" in path:
        return "access"
    of_runs = ("/api/v1/tasks/", "/api/v1/runs", "/api/v2/runs", "/api/v3/runs", "/api/v1/workers/")
    return "runs" if path.startswith(of_runs) else "tokens"


def _responses(handler: HTTPRouteHandler, name: str, schemas: dict[Any, Json]) -> Json:
    answers = {
        "description": "Done.",
        "headers": _header_references(*_ANSWER_HEADERS.get(name, ()), "x-ratelimit"),
        "content": {"application/json": {"schema": schemas[handler.opt["answer"]]}},
    }
    may_say = {*handler.opt["problems"], *_EVERYWHERE}
    return {"200": answers} | {
        str(status): {"$ref": f"#/components/responses/Problem{status}"} for status in sorted(may_say)
    }


def _body(shape: Any, name: str, schemas: dict[Any, Json]) -> Json:
    content: Json = {"application/json": {"schema": schemas.get(shape, {}), "example": _EXAMPLES[name]}}
    if shape is Any:  # whatever a service sends
        content["application/x-www-form-urlencoded"] = {"schema": {"type": "object"}}
        content["text/plain"] = {"schema": {"type": "string"}}
    return {"required": False, "content": content}


def _security(handler: HTTPRouteHandler) -> list[Json]:
    """Who may, by the names of the guards."""
    names = " ".join(getattr(guard, "__name__", "") for guard in handler.guards or ())
    allowed: list[Json] = []
    if "api_key" in names:
        allowed.append({"apiKey": []})
    if "public_access" in names:
        allowed.append({"publicAccessToken": []})
    return allowed


def _path_parameters(path: str) -> Iterator[Json]:
    for name, parameter in _PATH_PARAMETERS.items():
        if f"{{{name}}}" in path:
            yield {"name": name, "in": "path", "required": True, **parameter}


def _schemas(handlers: Iterable[HTTPRouteHandler]) -> tuple[Json, dict[Any, Json]]:
    """The components of all shapes, and a reference for each."""
    shapes = list(
        dict.fromkeys(
            shape
            for handler in handlers
            for shape in (handler.opt.get("body"), handler.opt["answer"], Spec)
            if shape not in {None, Any}
        )
    )
    references, components = msgspec.json.schema_components(shapes, ref_template=_REFERENCE)
    bodies = {handler.opt["body"].__name__ for handler in handlers if handler.opt.get("body") not in {None, Any}}
    exact = {
        name: schema if name in bodies or name == "Spec" else _never_null(schema) for name, schema in components.items()
    }
    exact["CreateToken"]["properties"]["request"] = {"anyOf": [_REQUEST, {"type": "null"}]}
    exact["ShownToken"]["properties"]["request"] = _REQUEST
    amended = exact["AmendRequest"]["properties"]
    exact["AmendRequest"]["properties"] = {
        name: {"anyOf": [described, {"type": "null"}]} for name, described in amended.items()
    }
    exact["CompleteToken"]["anyOf"] = [{"required": ["data"]}, {"maxProperties": 0}]  # an answer elsewhere is a mistake
    return exact, dict(zip(shapes, references, strict=True))


def _never_null(schema: Json) -> Json:
    """In answers, what is absent is left out."""
    properties = {}
    for name, described in schema.get("properties", {}).items():
        kinds = [kind for kind in described.get("anyOf", ()) if kind != {"type": "null"}]
        if "anyOf" in described and len(kinds) == 1:
            about = {key: value for key, value in described.items() if key not in {"anyOf", "default"}}
            properties[name] = kinds[0] | about
        else:
            properties[name] = described
    return schema | {"properties": properties}


def _problem(status: int) -> Json:
    named = {401: ["WWW-Authenticate"], 429: ["Retry-After"], 503: ["Retry-After"], 507: ["Retry-After"]}
    return {
        "description": _STATUSES[status],
        "headers": _header_references(*named.get(status, ()), "x-ratelimit"),
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _header_references(*beginnings: str) -> Json:
    names: Sequence[str] = [name for name in _RESPONSE_HEADERS if name.startswith(beginnings)]
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _schema(annotated: Any) -> Json:
    """The schema of an annotated type."""
    return msgspec.json.schema(annotated)


_REQUEST: Json = {"$ref": _REFERENCE.format(name="Spec")}  # tokens do not know what people are asked
_EMPTY: Json = {"const": ""}  # in a query as good as absent
_MOMENT: Json = {
    "description": "Epoch milliseconds, or an ISO 8601 instant with a time zone; inclusive.",
    "schema": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "format": "date-time"}, _EMPTY]},
}
_PATH_PARAMETERS: dict[str, Json] = {
    "token_id": {"description": "The token's id.", "schema": _schema(TokenId)},
    "digest": {
        "description": "What makes the callback URL a secret.",
        "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
    "task": {
        "description": "The task's id.",
        "schema": {"type": "string", "minLength": 1, "maxLength": 128},
    },
    "run_id": {
        "description": "The run's id.",
        "schema": {"type": "string", "minLength": 1},
    },
    "name": {
        "description": "The name of the input.",
        "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME},
    },
    "link_id": {
        "description": "The link's id.",
        "schema": {"type": "string", "minLength": 1},
    },
    "worker": {
        "description": "The name that the worker said in its hello.",
        "schema": {"type": "string", "minLength": 1},
    },
}


def _listed(name: str, description: str, items: Json, most: int | None = None) -> Json:
    """A parameter of several values in one, joined by commas."""
    schema: Json = {"type": "array", "items": items}
    if most is not None:
        schema["maxItems"] = most
    return {
        "name": name,
        "in": "query",
        "description": description,
        "style": "form",
        "explode": False,
        "schema": schema,
    }


_CREATED_AT: tuple[Json, ...] = (
    {
        "name": "filter[createdAt][period]",
        "in": "query",
        "description": "Made in this last while.",
        "schema": {"anyOf": [_schema(Duration), _EMPTY]},
    },
    {"name": "filter[createdAt][from]", "in": "query", **_MOMENT},
    {"name": "filter[createdAt][to]", "in": "query", **_MOMENT},
)


def _pages(pattern: str) -> tuple[Json, ...]:
    """The parameters that turn pages. An empty cursor is none."""
    cursor: Json = {"type": "string", "pattern": pattern}
    return (
        {
            "name": "page[size]",
            "in": "query",
            "description": "How many.",
            "schema": {"type": "integer", "minimum": 1, "maximum": LARGEST_PAGE, "default": 25},
        },
        {
            "name": "page[after]",
            "in": "query",
            "description": "The `next` of a page: go on with what is older.",
            "schema": cursor,
        },
        {
            "name": "page[before]",
            "in": "query",
            "description": "The `previous` of a page: go back to what is newer. Wins over `page[after]`.",
            "schema": cursor,
        },
    )


_QUERIES: dict[str, tuple[Json, ...]] = {
    "list": (
        _listed("filter[status]", "Any of these statuses.", {"type": "string", "enum": [*STATUSES, ""]}),
        _listed("filter[tags]", "Any of these tags, exactly so.", {"type": "string"}, MOST_TAGS),
        {
            "name": "filter[idempotencyKey]",
            "in": "query",
            "description": "Made with this key.",
            "schema": {"type": "string"},
        },
        *_CREATED_AT,
        *_pages(f"^(?:{ids.TOKEN_ID_PATTERN})?$"),
    ),
    "runs": (
        _listed("filter[status]", "Any of these statuses.", {"type": "string", "enum": [*RUN_STATUSES, ""]}),
        _listed("filter[taskIdentifier]", "Runs of any of these tasks.", {"type": "string"}, MOST_TAGS),
        _listed("filter[tag]", "Any of these tags, exactly so.", {"type": "string"}, MOST_TAGS),
        *_CREATED_AT,
        *_pages(f"^(?:{ids.RUN_PREFIX}[0-9a-f]{{36}})?$"),
    ),
    "events": (
        {
            "name": "after",
            "in": "query",
            "description": "Only events behind this number.",
            "schema": {"type": "integer", "minimum": 0},
        },
        {
            "name": "timeout",
            "in": "query",
            "description": "How long to wait for an event when there is none, at most 60s. Left out: not at all.",
            "schema": _schema(Duration),
        },
    ),
    "wait": (
        {
            "name": "timeout",
            "in": "query",
            "description": "How long to wait, at most and by default 60s.",
            "schema": _schema(Duration),
        },
    ),
}

_PROBLEM_SCHEMA: Json = {
    "type": "object",
    "description": "What was wrong (RFC 9457), with a short `error` as trigger.dev's SDK reads it.",
    "required": ["error", "type", "title", "status", "detail", "code"],
    "properties": {
        "error": {"type": "string", "description": "One short sentence."},
        "type": {
            "type": "string",
            "description": "The rule as a URN.",
            "examples": ["urn:waitpoint:problem:invalid-tag"],
        },
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "Which field, which rule, and what came."},
        "code": {"type": "string", "description": "The rule, for programs.", "examples": ["invalid-tag"]},
        "errors": {
            "type": "array",
            "description": "Each field that breaks a rule.",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "Where, as a JSON pointer (RFC 6901)."},
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_RESPONSE_HEADERS: dict[str, Json] = {
    "x-ratelimit-limit": {"description": "Requests allowed in this window.", "schema": {"type": "integer"}},
    "x-ratelimit-remaining": {"description": "Requests left in this window.", "schema": {"type": "integer"}},
    "x-ratelimit-reset": {"description": "When the window ends, in Unix milliseconds.", "schema": {"type": "integer"}},
    "x-trigger-jwt": {
        "description": "The public access token, where the SDK looks for it.",
        "schema": {"type": "string"},
    },
    "x-trigger-jwt-claims": {"description": "The environment's claims, as JSON.", "schema": {"type": "string"}},
    "x-waitpoint-warning": {
        "description": "Options that were ignored, because the key had made the token before.",
        "schema": {"type": "string"},
    },
    "Retry-After": {"description": "Seconds until another attempt makes sense.", "schema": {"type": "string"}},
    "WWW-Authenticate": {"description": "How to say who is asking.", "schema": {"type": "string"}},
}
_SECURITY: dict[str, Json] = {
    "apiKey": {
        "type": "http",
        "scheme": "bearer",
        "description": "An API key of an environment: tr_dev_sk_…. Its scope is full, create, complete or read.",
    },
    "publicAccessToken": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A public access token; its scopes say which token it opens, and for what.",
    },
}
