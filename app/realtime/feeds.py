"""What is still to be said to one program: bounded, in order, and never twice.

Who cannot keep up loses nothing: the queue is given up, and the program is served from the log until it
has caught up.
"""

import asyncio
from collections import deque

from ..database import Database
from ..events import since
from .lines import Line
from .messages import happened, is_told
from .subscriptions import Subscription

MOST_QUEUED = 1000  # messages
_CHUNK = 500  # events read from the log at once


class Feed:
    """The events for one program. `position` is the number of the last event that was dealt with."""

    def __init__(self, line: Line, database: Database, wanted: Subscription) -> None:
        self.wanted = wanted
        self.position = 0
        self._line = line
        self._database = database
        self._queue: deque[tuple[int, str]] = deque()
        self._rung = asyncio.Event()
        self._is_behind = False
        self._is_reading = False

    def go_on_from(self, position: int) -> int:
        """Begin, or go on with a wider subscription: gives the number behind which everything will be said.

        Whoever is still busy with earlier events goes on from the last one that was said, by the log.
        """
        if self._queue or self._is_behind or self._is_reading:
            self.fall_behind()
        else:
            self.position = position
        return self.position

    def fall_behind(self) -> None:
        """Go on from the log, behind `position`."""
        self._queue.clear()
        self._is_behind = True
        self._rung.set()

    def put(self, seq: int, text: str) -> None:
        """Say this next. Events come in order of their numbers."""
        if self._is_behind:
            return  # the log has it
        if len(self._queue) >= MOST_QUEUED:
            self.fall_behind()
            return
        self._queue.append((seq, text))
        self._rung.set()

    async def speak(self) -> None:
        """Say what comes, for ever. Raises Gone."""
        while True:
            await self._rung.wait()
            self._rung.clear()
            if self._is_behind:
                await self._catch_up()
            while self._queue:
                seq, text = self._queue.popleft()
                if seq > self.position:
                    self.position = seq
                    await self._line.say(text)

    async def _catch_up(self) -> None:
        self._is_behind = False  # first: what comes while we read is queued again
        self._is_reading = True
        while True:
            events = await self._database.read(since, self.position, _CHUNK, self.wanted.environment_id)
            for event in events:
                self.position = event.seq
                if is_told(event) and self.wanted.covers(event):
                    await self._line.say(happened(event))
            if len(events) < _CHUNK:
                break
        self._is_reading = False
