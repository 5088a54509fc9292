"""The tail of the log: each new event is read once and handed to whoever listens in this process."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from ..database import Database, DatabaseUnavailable
from .log import Event, head, since

_CHUNK = 1000  # events read at once
_PATIENCE = 5.0  # seconds without a doorbell until the tail looks by itself
_RETRY = 1.0  # seconds until a database that failed is asked again

Listener = Callable[[Sequence[Event]], None]
log = structlog.get_logger(__name__)


class Tail:
    """Hands every event, once and in order, to the listeners of this process.

    The doorbell only says when to look; what is handed out is read from the log. While nobody
    listens nothing is read.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._listeners: set[Listener] = set()
        self._rung = asyncio.Event()
        self._position: int | None = None
        self._positioned = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    @property
    def position(self) -> int | None:
        """The number of the last event that was handed out; None while nobody listens."""
        return self._position

    def start(self) -> None:
        self._database.on_commit(self._rung.set)
        self._task = asyncio.create_task(self._follow(), name="events-tail")

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def listen(self, listener: Listener) -> None:
        """Hand every event committed after this call to `listener`, until `leave`.

        Register first and read the state afterwards: then nothing can fall in between.
        """
        async with self._positioned:
            if self._position is None:
                self._position, _ = await self._database.read(head)
            self._listeners.add(listener)

    def leave(self, listener: Listener) -> None:
        self._listeners.discard(listener)
        if not self._listeners:
            self._position = None

    async def _follow(self) -> None:
        while True:
            try:
                async with asyncio.timeout(_PATIENCE):
                    await self._rung.wait()
            except TimeoutError:
                pass  # the doorbell may have been lost
            self._rung.clear()
            try:
                await self._hand_out()
            except DatabaseUnavailable:
                await self._try_again()
            except Exception:
                log.exception("the tail failed and goes on")
                await self._try_again()

    async def _try_again(self) -> None:
        await asyncio.sleep(_RETRY)
        self._rung.set()

    async def _hand_out(self) -> None:
        while self._position is not None:
            position = self._position
            events = await self._database.read(since, position, _CHUNK)
            if self._position != position:
                continue  # everybody left and somebody came meanwhile
            if events:
                self._position = events[-1].seq
                for listener in [*self._listeners]:
                    self._tell(listener, events)
            if len(events) < _CHUNK:
                return  # whatever was committed meanwhile has rung again

    def _tell(self, listener: Listener, events: Sequence[Event]) -> None:
        if listener not in self._listeners:
            return  # it left while the others were told
        try:
            listener(events)
        except Exception:
            log.exception("a listener failed")
