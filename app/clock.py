"""Time comes in here and nowhere else.

Instants are aware UTC datetimes of whole milliseconds inside the server, and
epoch milliseconds in the database: one unit on SQLite, PostgreSQL and JavaScript.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

import structlog

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)
_NOTICED = timedelta(seconds=2)  # less is an ordinary correction
log = structlog.get_logger(__name__)


class Clock(Protocol):
    """A source of wall-clock time; tests hand in one that they move."""

    def now(self) -> datetime:
        """The present instant, UTC, whole milliseconds."""


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        return from_milliseconds(time.time_ns() // 1_000_000)


def to_milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MILLISECOND


def from_milliseconds(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


def iso(moment: datetime) -> str:
    """The instant as the contract writes it: `2026-11-22T10:15:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class SteadyClock:
    """A clock that never goes back, whatever happens to the machine's: a token timed out stays timed out.

    After the machine's was set back it goes on at half speed until that has caught up: standing still, it
    would let nothing become due, and never early is all that is promised about deadlines then.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = EPOCH
        self._seen: datetime | None = None  # of the machine's clock, while that is behind
        self._is_reported = False
        self._advancing = threading.Lock()

    def now(self) -> datetime:
        """The present instant."""
        seen = self._clock.now()
        if seen > self._latest:
            self.not_before(seen)
            self._seen, self._is_reported = None, False
        elif seen < self._latest:
            self._go_slowly(seen)
        return self._latest

    def not_before(self, moment: datetime) -> None:
        """Go on from the latest instant that was ever written, for example before a restart."""
        with self._advancing:
            self._latest = max(self._latest, moment)

    def _go_slowly(self, seen: datetime) -> None:
        with self._advancing:
            behind = self._latest - seen
            if behind > _NOTICED and not self._is_reported:
                self._is_reported = True
                log.warning("the clock was set back; time goes at half speed until it has caught up", by=str(behind))
            if self._seen is None or seen < self._seen:
                self._seen = seen
            steps = (seen - self._seen) // (2 * MILLISECOND)
            self._seen += steps * 2 * MILLISECOND
            self._latest += steps * MILLISECOND
