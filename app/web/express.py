"""A short way to the hottest routes: the same guards and the same handler, without the framework around them.

Create and complete are the two requests that a busy server answers all day; finding and calling their
handlers through the framework cost as much as the work itself (docs/decisions).
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from litestar import Litestar, Request, Response
from litestar.handlers import HTTPRouteHandler

from .edge import App, Receive, Scope, Send

ErrorAnswer = Callable[[Request[Any, Any, Any], Exception], Response[Any]]


class Express:
    """Answers some routes itself, and hands everything else to the application.

    `routes` are handlers without dependencies whose only parameters are `request` and one part of the
    path; the application has them, too, so that they are documented and guarded in one place.
    """

    def __init__(
        self, app: App, framework: Litestar, routes: Sequence[HTTPRouteHandler], on_error: ErrorAnswer
    ) -> None:
        self._app = app
        self._framework = framework
        self._on_error = on_error
        self._exact: dict[tuple[str, str], _Route] = {}
        self._within: dict[tuple[str, str, str], _Route] = {}
        for handler in routes:
            self._learn(handler)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._find(scope) if scope["type"] == "http" else None
        if found is None:
            await self._app(scope, receive, send)
            return
        route, parameters = found
        scope["path_template"] = route.template
        scope["litestar_app"] = self._framework
        scope["path_params"] = parameters
        request: Request[Any, Any, Any] = Request(scope, receive, send)  # type: ignore[arg-type]  # an ASGI scope
        try:
            for guard in route.guards:
                await guard(request, route.handler)
            response: Response[Any] = await route.answer(request, **parameters)
        except Exception as error:  # noqa: BLE001 - every failure becomes an answer
            response = self._on_error(request, error)
        await _send(response, request, scope, receive, send)

    def _learn(self, handler: HTTPRouteHandler) -> None:
        (method,) = (method for method in handler.http_methods if method != "OPTIONS")
        (path,) = handler.paths
        before, brace, rest = path.partition("{")
        if not brace:
            self._exact[method, path] = _Route(handler, path)
            return
        name, _, after = rest.partition("}")
        name = name.partition(":")[0]
        self._within[method, before, after] = _Route(handler, f"{before}{{{name}}}{after}", name)

    def _find(self, scope: Scope) -> "tuple[_Route, Mapping[str, str]] | None":
        method, path = scope["method"], scope["path"]
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, {}
        head, slash, last = path.rpartition("/")
        before, mark, value = head.rpartition("/")
        within = self._within.get((method, before + mark, slash + last))
        return (within, {within.parameter: value}) if within is not None and value else None


class _Route:
    """A handler, its guards, and the name of the one part of its path that varies."""

    def __init__(self, handler: HTTPRouteHandler, template: str, parameter: str = "") -> None:
        self.handler = handler
        self.template = template
        self.parameter = parameter
        self.answer: Callable[..., Awaitable[Response[Any]]] = handler.fn
        self.guards: Sequence[Callable[..., Awaitable[None]]] = [*(handler.guards or ())]  # type: ignore[list-item]  # ours are all asynchronous


async def _send(
    response: Response[Any], request: Request[Any, Any, Any], scope: Scope, receive: Receive, send: Send
) -> None:
    if not isinstance(response.content, bytes):
        await response.to_asgi_response(None, request)(scope, receive, send)  # type: ignore[arg-type]  # an ASGI scope
        return
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers.append((b"content-type", str(response.media_type).encode()))
    headers.append((b"content-length", b"%d" % len(response.content)))
    await send({"type": "http.response.start", "status": response.status_code or 200, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
