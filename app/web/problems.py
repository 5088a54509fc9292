"""Errors, said once: as a problem document (RFC 9457) with a string `error` to programs."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response

JSON = "application/json"
PROBLEM = "application/problem+json"


class Problem(Exception):
    """A request that cannot be answered as asked.

    `code` names the rule in kebab-case, `detail` is one sentence: which field, which rule, what came.
    `error` is the contract's own short text where it has one; `more` are further members.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        error: str | None = None,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.error = error or detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.more = dict(more or {})

    def body(self) -> bytes:
        document: dict[str, Any] = {
            "error": self.error,
            "type": f"urn:waitpoint:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return msgspec.json.encode(document | self.more)


def answer(problem: Problem) -> Response[bytes]:
    """The problem as a response to a program."""
    return Response(problem.body(), status_code=problem.status, media_type=PROBLEM, headers=problem.headers)


def is_for_a_program(request: Request[Any, Any, Any]) -> bool:
    """Whether a path speaks JSON in its errors, too."""
    return request.scope["path"].startswith(("/api/", "/engine/", "/schema"))


def invalid(pointer: str, code: str, sentence: str, status: int = 400) -> Problem:
    """A field that breaks a rule. `pointer` is the field's JSON pointer (RFC 6901), `sentence` starts with the rule."""
    name = pointer.rpartition("/")[2] or "the body"
    detail = f"{name} {sentence}"
    return Problem(status, code, detail, errors=[{"pointer": pointer, "code": code, "detail": detail}])


def not_found() -> Problem:
    """One text for every id that leads nowhere, so that nobody learns what exists elsewhere."""
    return Problem(404, "token-not-found", "There is no such token here.", error="Waitpoint not found")
