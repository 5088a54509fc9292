"""uvicorn's websocket protocol, with an end for those who read nothing.

A close frame does not help there: it would wait behind everything else that is not read.
"""

from asyncio import BaseTransport, TimerHandle

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PATIENCE = 20.0  # seconds without a byte taken
MOST_UNREAD = 32 * 1024  # bytes kept for one socket before its writer has to wait


class ImpatientProtocol(WebSocketsSansIOProtocol):
    """Cuts a connection whose peer has not taken a single byte for a while. Slow ones may be slow."""

    _impatience: TimerHandle | None = None
    _unread = 0

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(high=MOST_UNREAD)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_watching()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_watching()
        super().connection_lost(exc)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.transport.abort()

    def shutdown(self) -> None:
        """The server stops: nobody waits for a peer that is not reading."""
        super().shutdown()
        if not self.writable.is_set():
            self.transport.abort()

    def _watch(self) -> None:
        self._unread = self.transport.get_write_buffer_size()
        self._impatience = self.loop.call_later(PATIENCE, self._look)

    def _look(self) -> None:
        if self.transport.get_write_buffer_size() < self._unread:
            self._watch()
        else:
            self.transport.abort()

    def _stop_watching(self) -> None:
        if self._impatience is not None:
            self._impatience.cancel()
            self._impatience = None
