"""Somebody on the line, as programs and browsers are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

QUIET = 0.3  # seconds without a word are silence


class Listener:
    """A program on `/api/v1/realtime`."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def say(self, **message: Any) -> None:
        self.socket.send(json.dumps(message))

    def subscribe(self, *tokens: str, tags: list[str] | None = None) -> dict[str, Any]:
        """Subscribe, and return what is answered."""
        self.say(type="subscribe", tokens=[*tokens], tags=tags or [])
        return self.next()

    def next(self, within: float = 10.0) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self.socket.recv(timeout=within))
        return message

    def events(self, number: int) -> list[dict[str, Any]]:
        """The next events, and nothing but events."""
        messages = [self.next() for _ in range(number)]
        assert {"event"} == {message["type"] for message in messages}
        return messages

    def is_quiet(self) -> bool:
        try:
            self.socket.recv(timeout=QUIET)
        except TimeoutError:
            return True
        return False

    def close_code(self) -> int | None:
        """Read to the end; gives the code with which the server closed."""
        try:
            while True:
                self.socket.recv(timeout=10)
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else None


@contextmanager
def listening(url: str, key: str | None, *, since: object = None, origin: str | None = None) -> Iterator[Listener]:
    """On the line as long as the block lasts; `key` goes into the header."""
    address = url.replace("http", "ws", 1) + "/api/v1/realtime" + ("" if since is None else f"?since={since}")
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    if origin is not None:
        headers["Origin"] = origin
    with connect(
        address, additional_headers=headers, compression=None, proxy=None, max_size=None, max_queue=None
    ) as socket:
        yield Listener(socket)


class OpenPage:
    """The socket of a page, as the browser opens it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def next(self, within: float = 10.0) -> str:
        """The next piece of HTML; what only keeps the line alive does not count."""
        while True:
            message = self.socket.recv(timeout=within)
            assert isinstance(message, str)
            if not message.startswith("{"):
                return message

    def until(self, text: str) -> str:
        """Everything that is pushed until this text comes, and it."""
        html = ""
        while text not in html:
            html += self.next()
        return html

    def is_quiet(self) -> bool:
        try:
            self.next(within=QUIET)
        except TimeoutError:
            return True
        return False


@contextmanager
def showing(url: str, path: str, cookie: str, *, origin: str | None = None) -> Iterator[OpenPage]:
    """A page is open as long as the block lasts; its origin is the server's own unless another is named."""
    headers = {"Cookie": cookie, "Origin": url if origin is None else origin}
    address = url.replace("http", "ws", 1) + path
    with connect(address, additional_headers=headers, compression=None, proxy=None) as socket:
        yield OpenPage(socket)
