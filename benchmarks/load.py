"""A load generator that costs far less CPU than the server it measures.

Requests are whole bytes made before the clock starts; an answer is read just far enough to know
where it ends. One request at a time on each connection (no pipelining), connections kept alive.
"""

import asyncio
import gc
import json
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import uvloop

T = TypeVar("T")
_LENGTH = b"content-length: "


@dataclass(frozen=True)
class Answers:
    """What came back: as many bodies as there were requests, in the order of arrival."""

    began_at: float  # seconds of the epoch, when the first request was sent
    seconds: float
    latencies: list[float]  # seconds
    bodies: list[bytes]

    @property
    def per_second(self) -> float:
        return len(self.bodies) / self.seconds


class UnexpectedAnswer(Exception):
    """The server answered something else than 200, so the figures would mean nothing."""


def request(method: str, path: str, headers: dict[str, str], body: object = None) -> bytes:
    """The bytes of one HTTP request with an optional JSON body."""
    content = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if content:
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
    return "\r\n".join([*lines, "", ""]).encode() + content


def drive(port: int, requests: Sequence[bytes], *, connections: int) -> Answers:
    """Send all requests over so many connections and wait for every answer."""
    return run(_drive(port, requests, connections))


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run on uvloop, without pauses of the garbage collector."""
    gc.collect()
    gc.disable()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    finally:
        gc.enable()


async def _drive(port: int, requests: Sequence[bytes], connections: int) -> Answers:
    loop = asyncio.get_running_loop()
    queue = iter(requests)
    opened = [
        (await loop.create_connection(lambda: _Connection(queue, loop.create_future()), "127.0.0.1", port))[1]
        for _ in range(min(connections, len(requests)))
    ]
    began_at, began = time.time(), time.perf_counter()
    for connection in opened:
        connection.send_next()
    await asyncio.gather(*(connection.done for connection in opened))
    seconds = time.perf_counter() - began
    for connection in opened:
        connection.transport.close()
    return Answers(
        began_at,
        seconds,
        [latency for connection in opened for latency in connection.latencies],
        [body for connection in opened for body in connection.bodies],
    )


class _Connection(asyncio.Protocol):
    transport: asyncio.Transport

    def __init__(self, requests: Iterator[bytes], done: asyncio.Future[None]) -> None:
        self.requests = requests
        self.done = done
        self.latencies: list[float] = []
        self.bodies: list[bytes] = []
        self.received = b""
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's transports inherit from nothing

    def send_next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.done.set_result(None)
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received = data = self.received + data if self.received else data
        head_end = data.find(b"\r\n\r\n") + 4
        if head_end < 4:
            return
        at = data.find(_LENGTH) + len(_LENGTH)
        if at < len(_LENGTH) or not data.startswith((b"HTTP/1.1 200", b"HTTP/1.1 202")):
            self._fail(UnexpectedAnswer(data[:600].decode(errors="replace")))
            return
        if len(data) < head_end + int(data[at : data.find(b"\r", at)]):
            return
        self.latencies.append(time.perf_counter() - self.sent_at)
        self.bodies.append(data[head_end:])
        self.received = b""
        self.send_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("the server closed the connection"))

    def _fail(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)
