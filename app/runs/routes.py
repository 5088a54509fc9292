"""The websocket of workers."""

from typing import Any, cast

from litestar import Request, Response, WebSocket, post, websocket
from litestar.params import FromPath

from ..access.guards import requires_an_api_key_that_may
from ..access.principals import ApiKey
from ..realtime.lines import Line
from ..service import service_of
from ..web.bodies import read_body
from ..web.problems import Problem
from .dispatcher import Dispatcher
from .messages import LARGEST_CALL, LARGEST_MESSAGE
from .schemas import WorkerCall, WorkerReply

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


@post(
    "/api/v1/workers/{worker:str}/calls",
    guards=[requires_an_api_key_that_may("worker")],
    status_code=200,
    opt={"body": WorkerCall, "answer": WorkerReply, "problems": (400, 401, 403, 413, 415, 429, 503)},
)
async def call_of_a_worker(request: Request[Any, Any, Any], worker: FromPath[str]) -> Response[bytes]:
    """A call of a worker that is too large for its websocket: the same message, and the same reply."""
    body = await read_body(request, LARGEST_CALL)
    dispatcher = cast("Dispatcher", request.app.state["dispatcher"])
    reply = await dispatcher.answered(request.auth, worker, body)
    return Response(reply, media_type="application/json")


ROUTES = [workers, call_of_a_worker]
