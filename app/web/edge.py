"""The edge: what holds for every request and answer, before a route is known.

A thin ASGI wrapper rather than a stack of middlewares: it runs for every request.
"""

import re
import time
from collections.abc import Awaitable, Callable, Collection
from typing import Any

from ..ops.requests import Requests
from .problems import PROBLEM, Problem

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Any, Any, Any], Awaitable[None]]

STATUS = "waitpoint.status"  # where a scope holds the status that was answered
ALLOWANCE = "waitpoint.allowance"  # where a scope holds what is left of its caller's limit; a guard puts it there
_SHARED = re.compile(r"/api/v1/waitpoints/tokens/[^/]+(?:/complete|/files(?:/[^/]+)?|/form|/wait)?/?")
_FOR_MACHINES = frozenset(
    {"/healthz", "/readyz"}
)  # load balancers ask under whatever name; there is no link in the answer
_METHODS = b"GET,HEAD,PUT,PATCH,POST,DELETE"
_EXPOSED = b"x-trigger-jwt,x-trigger-jwt-claims,x-ratelimit-limit,x-ratelimit-remaining,x-ratelimit-reset"

CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"content-security-policy", CSP.encode()),
    (b"cross-origin-opener-policy", b"same-origin"),
]
_FOR_PROGRAMS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]


class Edge:
    """Checks the host, shares the routes that browsers of any origin may use, and signs every answer with its headers."""

    def __init__(self, app: App, *, hosts: Collection[str], is_secure: bool, requests: Requests) -> None:
        self._app = app
        self._requests = requests
        self._hosts = frozenset(host.lower() for host in hosts)
        self._any_host = "*" in self._hosts
        self._always = [(b"strict-transport-security", b"max-age=31536000")] if is_secure else []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            begun = time.perf_counter()
            try:
                await self._exchange(scope, receive, send)
            finally:
                self._requests.count(scope, scope.get(STATUS, 0), time.perf_counter() - begun)
        elif scope["type"] == "websocket":
            with self._requests.socket():
                await self._app(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _exchange(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        headers: list[tuple[bytes, bytes]] = [*self._always]
        if path.startswith(("/api/", "/engine/")):
            headers += _FOR_PROGRAMS
            headers += _sharing(scope, path)
        else:
            headers += _SAFE
        send = _signed(scope, send, headers)
        problem = self._host_problem(scope)
        if problem is not None:
            await _answer(send, problem)
        elif scope["method"] == "OPTIONS" and _SHARED.fullmatch(path):
            await _answer_preflight(scope, send)
        else:
            await self._app(scope, receive, send)

    def _host_problem(self, scope: Scope) -> Problem | None:
        if self._any_host:
            return None
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) == 1 and _host_name(hosts[0].decode("latin-1").lower()) in self._hosts:
            return None
        if scope["path"] in _FOR_MACHINES:
            return None
        detail = (
            "This server does not answer under that host name; its operator can name it in WAITPOINT_ALLOWED_HOSTS."
        )
        return Problem(400, "unknown-host", detail)


def _host_name(value: str) -> str:
    """The host without its port."""
    name, colon, port = value.rpartition(":")
    return name if colon and port.isdecimal() else value


def _sharing(scope: Scope, path: str) -> list[tuple[bytes, bytes]]:
    """CORS for the routes that a form on any page may use. No credentials: no cookie is ever read there."""
    if not _SHARED.fullmatch(path):
        return []
    origin = next((value for name, value in scope["headers"] if name == b"origin"), None)
    if origin is None:
        return [(b"vary", b"Origin")]
    return [
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", origin),
        (b"access-control-expose-headers", _EXPOSED),
    ]


def _signed(scope: Scope, send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            scope[STATUS] = message["status"]
            own: list[tuple[bytes, bytes]] = list(message.get("headers", ()))
            named = {name.lower() for name, _ in own}
            own += [header for header in headers if header[0] not in named or header[0] == b"vary"]
            allowance = scope.get(ALLOWANCE)
            if allowance is not None:
                own += allowance.headers()
            message["headers"] = own
        await send(message)

    return send_with_headers


async def _answer(send: Send, problem: Problem) -> None:
    headers = [(b"content-type", PROBLEM.encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": problem.body()})


async def _answer_preflight(scope: Scope, send: Send) -> None:
    asked = [value for name, value in scope["headers"] if name == b"access-control-request-headers"]
    headers = [
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-max-age", b"300"),
        (b"content-length", b"0"),
    ]
    headers += [(b"access-control-allow-headers", value) for value in asked[:1]]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
