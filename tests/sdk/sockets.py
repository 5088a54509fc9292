"""Real sockets with scripted answers: an HTTP server in a thread, and a realtime server in the event loop."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@contextmanager
def http_server(answer: Callable[[httpx.Request], httpx.Response]) -> Iterator[str]:
    """The address of a server that answers like this."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            request = httpx.Request(
                self.command, f"http://testserver{self.path}", headers=dict(self.headers), content=body
            )
            response = answer(request)
            self.send_response_only(response.status_code)
            for name, value in {**response.headers, "content-length": str(len(response.content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(response.content)

        do_POST = do_GET  # noqa: N815 (so the standard library calls it)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class Realtime:
    """The realtime endpoint as the contract has it: auth first, `ready` after each subscription, then events."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self.connections = 0
        self._server: Server | None = None
        self._sockets: set[ServerConnection] = set()
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def open_sockets(self) -> int:
        return len(self._sockets)

    async def start(self) -> None:
        """Listen, after a restart on the same port."""
        self._server = await serve(self._talk, "127.0.0.1", self._port)
        self._port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Close every socket as a stopping server does, with 1012."""
        assert self._server is not None
        self._server.close(code=1012)
        await self._server.wait_closed()

    async def ring(self, token_id: str) -> None:
        """Tell whoever is there that this token has changed."""
        event = {"type": "event", "seq": 2, "kind": "token.completed", "token": token_id}
        for socket in self._sockets:
            await socket.send(json.dumps(event))

    async def _talk(self, socket: ServerConnection) -> None:
        self.connections += 1
        self._sockets.add(socket)
        try:
            async for message in socket:
                heard = json.loads(message)
                self.heard.append(heard)
                if heard["type"] == "subscribe":
                    await socket.send(json.dumps({"type": "ready", "seq": 1}))
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(socket)


@asynccontextmanager
async def realtime_server() -> AsyncIterator[Realtime]:
    """A realtime endpoint for the length of a block."""
    server = Realtime()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def until(condition: Callable[[], bool], within: float = 5.0) -> None:
    """Return when this has come true; fail when it does not."""
    ends = time.monotonic() + within
    while not condition():
        assert time.monotonic() < ends, "it did not come true"
        await asyncio.sleep(0.005)
