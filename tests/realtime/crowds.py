"""Thousands of programs on the line, with as little code between them and the wire as there can be."""

import asyncio
import json
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

_UPGRADE = (
    "GET /api/v1/realtime HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\n"
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


class Somebody(asyncio.Protocol):
    """One program: subscribes, keeps what it hears, and calls `heard` for each message."""

    def __init__(self, host: str, token: str, wish: dict[str, Any], heard: Callable[[dict[str, Any]], None]) -> None:
        self.events: list[dict[str, Any]] = []
        self.closed = asyncio.get_running_loop().create_future()
        self._host = host
        self._token = token
        self._wish = wish
        self._heard = heard
        self._bytes = bytearray()
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(_UPGRADE.format(host=self._host, token=self._token).encode())

    def data_received(self, data: bytes) -> None:
        self._bytes += data
        if not self._is_upgraded:
            head, end, rest = self._bytes.partition(b"\r\n\r\n")
            if not end:
                return
            assert head.startswith(b"HTTP/1.1 101"), head
            self._is_upgraded, self._bytes = True, bytearray(rest)
            self.transport.write(_frame(1, json.dumps(self._wish).encode()))
        while (message := self._message()) is not None:
            opcode, payload = message
            if opcode == 1:
                said = json.loads(payload)
                self.events += [said] if said["type"] == "event" else []
                self._heard(said)
            elif opcode == 9:
                self.transport.write(_frame(10, payload))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(error)

    def _message(self) -> tuple[int, bytes] | None:
        """The next whole frame; the server sends no other."""
        if len(self._bytes) < 2:
            return None
        start, length = 2, self._bytes[1]
        if length == 126:
            if len(self._bytes) < 4:
                return None
            start, (length,) = 4, struct.unpack("!H", self._bytes[2:4])
        if len(self._bytes) < start + length:
            return None
        frame = self._bytes[0] & 15, bytes(self._bytes[start : start + length])
        del self._bytes[: start + length]
        return frame


def _frame(opcode: int, payload: bytes) -> bytes:
    """Masked, as it must be, with a mask that changes nothing."""
    length = bytes([128 | len(payload)]) if len(payload) < 126 else bytes([128 | 126]) + struct.pack("!H", len(payload))
    return bytes([128 | opcode]) + length + bytes(4) + payload


class Crowd:
    """Many programs, and how many messages of each type they have heard together."""

    def __init__(self, url: str) -> None:
        self.people: list[Somebody] = []
        self._host = urlsplit(url).netloc
        self._heard: dict[str, int] = {}
        self._rung = asyncio.Event()

    async def gather(self, number: int, token: str, wish: dict[str, Any]) -> None:
        """Bring as many more on the line."""
        host, _, port = self._host.partition(":")
        loop = asyncio.get_running_loop()
        make = lambda: Somebody(self._host, token, wish, self._hear)  # noqa: E731
        opened = await asyncio.gather(*(loop.create_connection(make, host, int(port)) for _ in range(number)))
        self.people += [somebody for _, somebody in opened]

    async def have_heard(self, kind: str, number: int, within: float = 30.0) -> None:
        """Return when the crowd has heard this many messages of a type."""
        async with asyncio.timeout(within):
            while self._heard.get(kind, 0) < number:
                self._rung.clear()
                await self._rung.wait()

    def leave(self) -> None:
        for somebody in self.people:
            somebody.transport.abort()

    def _hear(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        self._heard[kind] = self._heard.get(kind, 0) + 1
        self._rung.set()
