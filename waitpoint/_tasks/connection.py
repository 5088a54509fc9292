"""A worker's line to its server: one websocket, in a thread of its own, so that busy tasks do not look dead.

What is said is gathered and sent in batches. When the line drops it is dialled again for ever; what was asked and not
answered is asked again then, which is harmless: the server answers a repeated message as it did the first time, or
says that the run is fenced.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from waitpoint._errors import InvalidKey
from waitpoint._settings import Settings

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

Message: TypeAlias = dict[str, Any]

LARGEST_FRAME = 250_000  # bytes
DIAL_WITHIN = 5.0  # seconds
LONGEST_PAUSE = 2.0  # seconds between two dials: runs that could go on wait for it
HEARTBEAT = 2.0  # seconds, until the server says something else

log = logging.getLogger("waitpoint")


class TooLarge(Exception):
    """A message that goes by HTTP instead."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__(f"{len(encoded):,} bytes")
        self.encoded = encoded


class Connection:
    """Speaks to the server from its own thread. `hear` is called in the event loop that made the connection.

    `hello` gives the greeting of each new line, `heartbeat` what is being executed; both are called in the thread.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        hello: Callable[[], Message],
        heartbeat: Callable[[], Sequence[tuple[str, int]]],
        hear: Callable[[list[Message]], None],
    ) -> None:
        self._settings = settings
        self._hello = hello
        self._heartbeat = heartbeat
        self._hear = hear
        self._home = asyncio.get_running_loop()
        self._unsent: deque[bytes] = deque()
        self._numbers = 0
        self._frames_heard = 0
        self._frames_taken = 0
        self._replies: dict[int, tuple[bytes, asyncio.Future[Message]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._rung: asyncio.Event | None = None
        self._work: asyncio.Task[None] | None = None
        self._pause = HEARTBEAT
        self._is_closing = False
        self._thread = threading.Thread(target=self._run, name="waitpoint-connection", daemon=True)

    def open(self) -> None:
        """Begin to dial."""
        self._thread.start()

    def ask(self, message: Message) -> asyncio.Future[Message]:
        """Say something; the future is the reply, however often the line drops before it comes.

        Raises `TooLarge` for what does not fit into a frame.
        """
        self._numbers += 1
        number = self._numbers
        encoded = msgspec.json.encode({"id": number, **message})
        if len(encoded) > LARGEST_FRAME:
            raise TooLarge(encoded)
        future: asyncio.Future[Message] = self._home.create_future()
        self._replies[number] = encoded, future
        self._unsent.append(encoded)
        self._ring()
        return future

    def tell(self, message: Message) -> None:
        """Say something that needs no reply, if there is a line. A new line is told by its greeting."""
        self._unsent.append(msgspec.json.encode(message))
        self._ring()

    def close(self) -> None:
        """Hang up."""
        self._is_closing = True
        if self._loop is not None and self._work is not None:
            self._loop.call_soon_threadsafe(self._work.cancel)
        self._thread.join(timeout=5)

    # In the event loop of the tasks.

    def _take(self, messages: list[Message]) -> None:
        others = []
        for message in messages:
            number = message.get("reply")
            if number is None:
                others.append(message)
            elif number in self._replies:
                _, future = self._replies.pop(number)
                if not future.done():
                    future.set_result(message)
        if others:
            self._hear(others)
        self._frames_taken += 1  # last: what is executed is only then what was said

    def _welcomed(self, welcome: Message) -> None:
        """A new line: what it brings comes first, then everything is asked again that was not answered."""
        self._hear([{"type": "lost", "runs": welcome.get("lost", [])}])
        self._unsent.clear()
        self._unsent.extend(encoded for encoded, _ in self._replies.values())
        self._ring()

    def _ring(self) -> None:
        if self._loop is not None and self._rung is not None and not self._rung.is_set():
            self._loop.call_soon_threadsafe(self._rung.set)

    # In the thread.

    def _run(self) -> None:
        asyncio.run(self._stay_on_the_line())

    async def _stay_on_the_line(self) -> None:
        self._rung = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._work = asyncio.current_task()
        failures = 0
        while not self._is_closing:
            try:
                await self._call()
                failures = 0
            except asyncio.CancelledError:
                return
            except Exception as problem:  # noqa: BLE001 (whatever it is, the line is dialled again)
                failures += 1
                log.warning("The connection to %s ended: %s", self._settings.url, _reason(problem))
            pause = min(LONGEST_PAUSE, 0.1 * 2.0 ** min(failures, 10))
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 (nobody gains by guessing it)

    async def _call(self) -> None:
        from websockets.asyncio.client import connect  # noqa: PLC0415 (only a worker needs it)

        url = f"{self._settings.websocket_url}/api/v1/workers"
        headers = {"authorization": f"Bearer {self._settings.key}"}
        async with connect(
            url, additional_headers=headers, open_timeout=DIAL_WITHIN, close_timeout=1, compression=None, max_size=None
        ) as socket:
            await self._greet(socket)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._say(socket))
                group.create_task(self._beat(socket))
                group.create_task(self._listen(socket))

    async def _greet(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps([{"id": 0, "type": "hello", **self._hello(), **self._executing()}]))
        async with asyncio.timeout(DIAL_WITHIN * 2):
            first, *more = json.loads(await socket.recv())
        if first.get("reply") != 0 or "error" in first:
            raise ConnectionError(f"the server did not welcome this worker: {first}")
        self._pause = float(first.get("heartbeat", HEARTBEAT))
        self._home.call_soon_threadsafe(self._welcomed, first)
        self._pass_on(more)
        log.info("Connected to %s", self._settings.url)

    def _executing(self) -> Message:
        """Which runs are executed; not while what the server said before is still unheard, which may be of a run."""
        return {"executing": self._heartbeat()} if self._frames_heard == self._frames_taken else {}

    def _pass_on(self, messages: list[Message]) -> None:
        self._frames_heard += 1
        self._home.call_soon_threadsafe(self._take, messages)

    async def _say(self, socket: ClientConnection) -> None:
        rung = self._rung or asyncio.Event()
        while True:
            await rung.wait()
            rung.clear()
            while frame := self._next_frame():
                await socket.send(frame)

    def _next_frame(self) -> str:
        batch: list[bytes] = []
        size = 0
        while self._unsent:
            message = self._unsent.popleft()
            size += len(message) + 1
            if batch and size > LARGEST_FRAME:
                self._unsent.appendleft(message)
                break
            batch.append(message)
        return f"[{b','.join(batch).decode()}]" if batch else ""

    async def _beat(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(self._pause)
            await socket.send(json.dumps([{"type": "heartbeat", "runs": self._heartbeat()}]))

    async def _listen(self, socket: ClientConnection) -> None:
        async for frame in socket:
            self._pass_on(json.loads(frame))
        raise ConnectionError("the server hung up")


def _reason(problem: BaseException) -> str:
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    status = getattr(getattr(problem, "response", None), "status_code", None)
    if status in {401, 403}:
        return str(InvalidKey("the server does not take this key for a worker (WAITPOINT_SECRET_KEY)"))
    return str(problem) or type(problem).__name__
