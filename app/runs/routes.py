"""The websocket of workers."""

from typing import Any, cast

from litestar import WebSocket, websocket

from ..access.guards import requires_an_api_key_that_may
from ..access.principals import ApiKey
from ..realtime.lines import Line
from ..service import service_of
from ..web.problems import Problem
from .dispatcher import Dispatcher
from .messages import LARGEST_MESSAGE

Socket = WebSocket[Any, Any, Any]


@websocket("/api/v1/workers", guards=[requires_an_api_key_that_may("worker")])
async def workers(socket: Socket) -> None:
    """The conversation with a worker (docs/reference/worker-protocol.md)."""
    key: ApiKey = socket.auth
    authentication = service_of(socket).authentication
    headers = socket.headers.getall("authorization", [])

    async def is_welcome() -> bool:
        try:
            again = await authentication.recognise(headers)
        except Problem:
            return False
        return isinstance(again, ApiKey) and again.may("worker")

    await socket.accept()
    dispatcher = cast("Dispatcher", socket.app.state["dispatcher"])
    await dispatcher.talk(Line(socket, LARGEST_MESSAGE), key, is_welcome)


ROUTES = [workers]
