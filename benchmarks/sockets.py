"""Ten thousand idle websockets on one server: what they cost, and how fast all of them hear of one change."""

import asyncio
import os
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from . import machine, servers
from .door import signed_in
from .figures import Report, milliseconds, quantile, readable
from .load import run
from .servers import TOKENS, Server

MANY = 10_000
_AT_ONCE = 100  # handshakes on their way at the same time
_SOCKETS_OF_A_TOKEN = 50
_PAGES_OF_A_PERSON = 100
_SPARE_FILES = 500  # open files that are not sockets of this benchmark
_SETTLING = 1.0  # seconds for first messages to arrive before memory is looked at
_LOST_AFTER = 20.0  # seconds

_SUBSCRIBE_TEXT = b'{"type":"subscribe"}'
_SUBSCRIBE = bytes((0x81, 0x80 | len(_SUBSCRIBE_TEXT), 0, 0, 0, 0)) + _SUBSCRIBE_TEXT  # masked, with zeros


@dataclass
class Hearing:
    """What all sockets together have heard."""

    marker: bytes = b"\0"
    sent_at: float = 0.0
    latencies: list[float] = field(default_factory=list)
    missing: int = 0
    complete: asyncio.Future[None] = field(default_factory=asyncio.Future)

    def expect(self, marker: bytes, sockets: int) -> None:
        """From now on: so many sockets will get a message with this marker."""
        self.marker, self.missing = marker, sockets
        self.complete = asyncio.get_running_loop().create_future()
        self.sent_at = time.perf_counter()

    def note(self) -> None:
        """One socket has heard."""
        self.latencies.append(time.perf_counter() - self.sent_at)
        self.missing -= 1
        if not self.missing:
            self.complete.set_result(None)


@dataclass(frozen=True)
class Found:
    sockets: int
    seconds_to_open: float
    bytes_per_socket: float
    latencies: list[float]
    last: list[float]  # of each broadcast, when the last socket had heard
    cpu: float  # seconds of the server for one message to one socket


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: sockets of programs, and sockets of list pages."""
    count = min(1_000 if quick else MANY, machine.allow_many_sockets() - _SPARE_FILES)
    broadcasts = 3 if quick else 10
    found = {}
    with servers.sqlite() as url, servers.waitpoint(url) as server:
        programs = _handshakes_of_programs(server, count)
        found["programs: /api/v1/realtime"] = run(_listen(server, programs, broadcasts=broadcasts))
    with servers.sqlite() as url, servers.waitpoint(url) as server:
        page = _handshake(server, "/live/tokens", {"cookie": signed_in(server), "origin": server.url})
        found["list pages of one person: /live/tokens"] = run(
            _listen(server, [page] * _PAGES_OF_A_PERSON, broadcasts=broadcasts)
        )
    yield Report(
        title=f"{count:,} idle websockets (SQLite)",
        how=(
            "All on one server process and from one client process. A broadcast is one completed token; "
            "its latency runs from sending the completion\nuntil a socket has the message, over all sockets and "
            f"broadcasts. {machine.pinning()}"
        ),
        columns=(
            "sockets",
            "opened",
            "opened in",
            "memory each",
            "broadcast p50",
            "p99",
            "last of all (worst)",
            "server CPU each",
        ),
        rows=[
            (
                name,
                f"{result.sockets:,}",
                f"{result.seconds_to_open:.1f} s",
                f"{readable(result.bytes_per_socket / 1024)} KiB",
                milliseconds(quantile(result.latencies, 0.5)),
                milliseconds(quantile(result.latencies, 0.99)),
                milliseconds(max(result.last)),
                f"{readable(result.cpu * 1e6)} µs",
            )
            for name, result in found.items()
        ],
        figures={
            name: {
                "sockets": result.sockets,
                "seconds_to_open": result.seconds_to_open,
                "bytes_per_socket": result.bytes_per_socket,
                "broadcast_p50": quantile(result.latencies, 0.5),
                "broadcast_p99": quantile(result.latencies, 0.99),
                "last_of_all": result.last,
                "cpu_microseconds_per_message": result.cpu * 1e6,
            }
            for name, result in found.items()
        },
    )


def _handshakes_of_programs(server: Server, count: int) -> list[bytes]:
    """One for each socket. As one caller may hold a hundred, they belong to many public access tokens that may read."""
    handshakes: list[bytes] = []
    while len(handshakes) < count:
        _, body = server.ask("POST", "/api/v1/auth/public-tokens", {"scopes": ["read:waitpoints"]})
        authorized = {"authorization": f"Bearer {msgspec.json.decode(body)['token']}"}
        handshakes += [_handshake(server, "/api/v1/realtime", authorized) + _SUBSCRIBE] * _SOCKETS_OF_A_TOKEN
    return handshakes[:count]


def _handshake(server: Server, path: str, headers: dict[str, str]) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"host: 127.0.0.1:{server.port}",
        "upgrade: websocket",
        "connection: upgrade",
        f"sec-websocket-key: {b64encode(os.urandom(16)).decode()}",
        "sec-websocket-version: 13",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def _listen(server: Server, handshakes: Sequence[bytes], *, broadcasts: int) -> Found:
    hearing = Hearing()
    tokens = [msgspec.json.decode(server.ask("POST", TOKENS, {})[1])["id"] for _ in range(broadcasts)]
    memory_before = machine.memory_bytes(server.pid)
    began = time.perf_counter()
    sockets: list[_Socket] = []
    for first in range(0, len(handshakes), _AT_ONCE):
        some = handshakes[first : first + _AT_ONCE]
        sockets += await asyncio.gather(*(_open(server.port, handshake, hearing) for handshake in some))
    seconds = time.perf_counter() - began
    await asyncio.sleep(_SETTLING)
    memory = machine.memory_bytes(server.pid) - memory_before

    cpu_before = machine.cpu_seconds(server.pid)
    last = [await _broadcast(server, token_id, hearing, len(sockets)) for token_id in tokens]
    cpu = (machine.cpu_seconds(server.pid) - cpu_before) / len(hearing.latencies)
    for opened in sockets:
        opened.transport.abort()
    return Found(len(sockets), seconds, memory / len(sockets), hearing.latencies, last, cpu)


async def _broadcast(server: Server, token_id: str, hearing: Hearing, sockets: int) -> float:
    """Complete a token and wait until every socket has heard of it; gives how long that took."""
    heard_before = len(hearing.latencies)
    hearing.expect(token_id.encode(), sockets)
    await asyncio.to_thread(server.ask, "POST", f"{TOKENS}/{token_id}/complete", {"data": True})
    await asyncio.wait_for(hearing.complete, _LOST_AFTER)
    await asyncio.sleep(_SETTLING)  # until the next
    return max(hearing.latencies[heard_before:])


async def _open(port: int, handshake: bytes, hearing: Hearing) -> "_Socket":
    loop = asyncio.get_running_loop()
    opened = _Socket(handshake, hearing, loop.create_future())
    await loop.create_connection(lambda: opened, "127.0.0.1", port)
    await opened.ready
    return opened


class _Socket(asyncio.Protocol):
    """Just enough of a websocket client: it opens, answers pings, and notes when it hears of a token."""

    transport: asyncio.Transport

    def __init__(self, handshake: bytes, hearing: Hearing, ready: asyncio.Future[None]) -> None:
        self.handshake = handshake
        self.hearing = hearing
        self.ready = ready
        self.received = b""
        self.heard = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self.handshake)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.ready.done():
            head, found, self.received = self.received.partition(b"\r\n\r\n")
            if not found:
                self.received = head
                return
            if not head.startswith(b"HTTP/1.1 101"):
                self.ready.set_exception(ConnectionRefusedError(head.decode(errors="replace")))
                return
            self.ready.set_result(None)
        self._read_frames()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionResetError("closed in the handshake"))

    def _read_frames(self) -> None:
        while frame := _frame(self.received):
            opcode, payload, length = frame
            self.received = self.received[length:]
            if opcode == 9:
                self.transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
            elif self.hearing.marker in payload and self.heard != self.hearing.marker:
                self.heard = self.hearing.marker
                self.hearing.note()


def _frame(data: bytes) -> tuple[int, bytes, int] | None:
    """The first frame: its opcode, its payload and its whole length. None until it is complete."""
    if len(data) < 2:
        return None
    length, start = data[1] & 0x7F, 2
    if length >= 126:
        start = 4 if length == 126 else 10
        length = int.from_bytes(data[2:start]) if len(data) >= start else 0
    if len(data) < start + length:
        return None
    return data[0] & 0x0F, data[start : start + length], start + length
