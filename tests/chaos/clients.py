"""Load: clients on raw sockets, which cost a machine far less than a client library does."""

import asyncio
import json
import time
from typing import Any
from urllib.parse import urlsplit

from tests.cast import ADAS_KEY

TOKENS = "/api/v1/waitpoints/tokens"


class ConnectionLost(Exception):
    """The server went away in the middle of a request: whether it was done is not known."""


class Answer:
    """What came back, and how long it took."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes, seconds: float) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.seconds = seconds

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class RawClient:
    """One keep-alive connection. It is opened by the first request, and anew after it was lost."""

    def __init__(self, url: str, key: str = ADAS_KEY) -> None:
        self._host, self._port = urlsplit(url).hostname, urlsplit(url).port
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def get(self, path: str, limit: float = 30.0) -> Answer:
        """Asked again on a fresh connection when the old one was closed for having been idle."""
        was_open = self._streams is not None
        try:
            return await self.ask("GET", path, b"", limit)
        except ConnectionLost:
            if not was_open:
                raise
        return await self.ask("GET", path, b"", limit)

    async def post(self, path: str, body: object, limit: float = 30.0) -> Answer:
        return await self.ask("POST", path, json.dumps(body, separators=(",", ":")).encode(), limit)

    async def ask(self, method: str, path: str, body: bytes, limit: float) -> Answer:
        """Raises ConnectionLost, and TimeoutError when no answer came in time."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(limit):
                status, headers, content = await self._exchange(method, path, body)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.close()
            if isinstance(error, TimeoutError):
                raise
            raise ConnectionLost from error
        return Answer(status, headers, content, time.monotonic() - begun)

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _exchange(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\nAuthorization: Bearer {self._key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:] if line)
        }
        content = await reader.readexactly(int(headers.get("content-length", "0")))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), headers, content
