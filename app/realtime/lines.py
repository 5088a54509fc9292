"""One open websocket: what is said on it, what is heard from it, and how it ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import structlog
from litestar import WebSocket
from litestar.exceptions import WebSocketException

from ..database import DatabaseUnavailable

LONGEST_MESSAGE = 4096  # bytes that a client may send at once

# Close codes. Never 1000: a page would believe that all is said.
UNSUPPORTED: Final = 1003
NOT_ALLOWED: Final = 1008
TOO_LONG: Final = 1009
BROKEN: Final = 1011
RESTARTING: Final = 1012
TRY_LATER: Final = 1013

Socket = WebSocket[Any, Any, Any]
log = structlog.get_logger(__name__)


class Gone(Exception):
    """The other side has left, or was asked to."""


class Line:
    """A websocket that somebody always reads, so that the server notices when it is gone, and can stop."""

    def __init__(self, socket: Socket, longest: int = LONGEST_MESSAGE) -> None:
        self._socket = socket
        self._longest = longest

    async def say(self, text: str) -> None:
        """Send a message; wait while the other side is slow to read. Raises Gone."""
        await self._send({"type": "websocket.send", "text": text})

    async def hear(self) -> str:
        """The next message. Raises Gone; what no client of ours would send closes the line."""
        try:
            message: Any = await self._socket.receive()
        except (OSError, WebSocketException) as error:
            raise Gone from error
        if message["type"] != "websocket.receive":
            raise Gone
        text = message.get("text")
        if text is None:
            await self.close(UNSUPPORTED, "send text")
            raise Gone
        if len(text) > self._longest or len(text.encode()) > self._longest:
            await self.close(TOO_LONG, f"send at most {self._longest} bytes at once")
            raise Gone
        return str(text)

    async def hear_within(self, seconds: float) -> str | None:
        """The next message; None when none comes in time. Raises Gone."""
        try:
            async with asyncio.timeout(seconds):
                return await self.hear()
        except TimeoutError:
            return None

    async def close(self, code: int, reason: str = "") -> None:
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except Gone:
            return

    async def converse(self, speak: Callable[[], Awaitable[None]], heard: Callable[[str], Awaitable[None]]) -> None:
        """Speak and listen at once, until one side ends it. Raises Gone."""
        speaking = asyncio.create_task(self._speak(speak))
        try:
            while True:
                await heard(await self.hear())
        finally:
            speaking.cancel()

    async def _speak(self, speak: Callable[[], Awaitable[None]]) -> None:
        """Whatever ends the speaking ends the listening, too."""
        try:
            await speak()
        except Gone:
            return
        except DatabaseUnavailable:
            await self.close(TRY_LATER, "the database does not answer")
        except Exception:
            log.exception("a socket failed")
            await self.close(BROKEN)

    async def _send(self, message: Any) -> None:
        try:
            await self._socket.send(message)
        except (OSError, RuntimeError, WebSocketException) as error:
            raise Gone from error  # a RuntimeError is the server's word for: it was closed before
