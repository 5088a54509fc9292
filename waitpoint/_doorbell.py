"""One websocket for all waits of a client. It only rings: the truth is read over REST.

Registering comes before reading, on every connect, so a token that is settled in between is still seen.
Rings may be lost without harm: each wait looks again after a reconnect, and once a minute in any case.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from waitpoint._settings import Settings

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

DIAL_WITHIN = 3.0  # seconds
LOOK_AGAIN_AFTER = 60.0  # seconds
REDIALS_BEFORE_DOWN = 4  # a restarting server is back before that
LONGEST_PAUSE = 10.0  # seconds between two dials
BATCH = 50  # ids in one message, so that no message is over 4 KiB

Line: TypeAlias = Literal["dialling", "live", "down"]

log = logging.getLogger("waitpoint")


class Bell:
    """Rings when one token or run should be looked at again."""

    def __init__(self, doorbell: Doorbell) -> None:
        self._doorbell = doorbell
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def rings(self) -> bool:
        """True when it is time to look. False when the line is down and somebody must ask instead."""
        if self._doorbell.is_down:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_AGAIN_AFTER):
                await self._rung.wait()
        self._rung.clear()
        return not self._doorbell.is_down


class Doorbell:
    """Dials while somebody listens, redials when the line drops, hangs up after the last one."""

    def __init__(self, settings: Settings) -> None:
        self.line: Line = "dialling"
        self._settings = settings
        self._bells: dict[str, set[Bell]] = {}
        self._unsaid: asyncio.Queue[str] = asyncio.Queue()
        self._unanswered: deque[list[str]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def is_down(self) -> bool:
        return self.line == "down"

    @contextmanager
    def listening(self, token_id: str) -> Iterator[Bell]:
        """A bell for this token, or run, as long as the block lasts."""
        bell = Bell(self)
        self._bells.setdefault(token_id, set()).add(bell)
        self._unsaid.put_nowait(token_id)
        if self._task is None:
            self._task = asyncio.create_task(self._stay_on_the_line())
        try:
            yield bell
        finally:
            self._bells[token_id].discard(bell)
            if not self._bells[token_id]:
                del self._bells[token_id]
            if not self._bells:
                self._hang_up()

    async def close(self) -> None:
        self._hang_up()
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _hang_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
            self._ending.add(self._task)
            self._task.add_done_callback(self._ending.discard)
            self._task = None
        self.line = "dialling"

    async def _stay_on_the_line(self) -> None:
        """Dial, listen, and dial again. Whatever goes wrong on the line, the waits go on without it."""
        failures = REDIALS_BEFORE_DOWN  # a line that never worked is down at once
        while True:
            try:
                await self._call()
            except Exception as problem:  # noqa: BLE001 (a doorbell may fail; the waits ask instead)
                log.debug("The realtime connection to %s ended: %s", self._settings.url, problem)
            failures = 0 if self.line == "live" else failures + 1
            self._set_line("down" if failures > REDIALS_BEFORE_DOWN else "dialling")
            pause = min(LONGEST_PAUSE, 0.2 * 2.0 ** min(failures, 10))
            await asyncio.sleep(random.uniform(pause / 2, pause))  # noqa: S311 (nobody gains by guessing it)

    async def _call(self) -> None:
        from websockets.asyncio.client import connect  # noqa: PLC0415 (only who waits needs it)

        url = f"{self._settings.websocket_url}/api/v1/realtime"
        socket = await connect(url, open_timeout=DIAL_WITHIN, close_timeout=1, compression=None, max_size=None)
        try:
            await self._talk(socket)
        finally:
            try:
                await socket.close()
            finally:
                socket.transport.abort()  # for a program that ends before the goodbye is over

    async def _talk(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps({"type": "auth", "token": self._settings.key}))
        self._begin_again()
        saying = asyncio.create_task(self._say(socket))
        try:
            async for message in socket:
                self._hear(json.loads(message))
        finally:
            saying.cancel()

    def _begin_again(self) -> None:
        """A new line knows nothing: every token is named again."""
        self._unanswered.clear()
        self._unsaid = asyncio.Queue()
        for token_id in self._bells:
            self._unsaid.put_nowait(token_id)

    async def _say(self, socket: ClientConnection) -> None:
        while True:
            batch = [await self._unsaid.get()]
            while len(batch) < BATCH and not self._unsaid.empty():
                batch.append(self._unsaid.get_nowait())
            self._unanswered.append(batch)
            await socket.send(json.dumps({"type": "subscribe", **_sorted(batch)}))

    def _hear(self, message: dict[str, Any]) -> None:
        match message:
            case {"type": "ready"}:
                self._set_line("live")
                self._ring(self._unanswered.popleft() if self._unanswered else list(self._bells))
            case {"type": "event" | "error", "token": str(about)} | {"type": "event" | "error", "run": str(about)}:
                self._ring([about])  # an error, too, is told best by whoever answers over REST
            case {"type": "reload"}:
                self._ring(list(self._bells))
            case {"type": "error"}:
                raise ConnectionError(message.get("detail", "the server refused"))

    def _set_line(self, line: Line) -> None:
        self.line = line
        if line == "down":
            self._ring(list(self._bells))

    def _ring(self, token_ids: list[str]) -> None:
        for token_id in token_ids:
            for bell in self._bells.get(token_id, ()):
                bell.ring()


def _sorted(named: list[str]) -> dict[str, list[str]]:
    """Tokens and runs go by names of their own."""
    kinds = {"runs": [each for each in named if each.startswith("run_")]}
    kinds["tokens"] = [each for each in named if each not in kinds["runs"]]
    return {kind: some for kind, some in kinds.items() if some}
