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
    """A clock that never goes back, whatever happens to the machine's: a token timed out stays timed out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._latest = EPOCH
        self._advancing = threading.Lock()
        self._has_said_so = False

    def now(self) -> datetime:
        """The present instant, or the latest that was ever given, while the machine's clock is behind it."""
        seen = self._clock.now()
        if seen > self._latest:
            self.not_before(seen)
            self._has_said_so = False
        elif self._latest - seen > _NOTICED and not self._has_said_so:
            self._has_said_so = True
            log.warning("the clock was set back; time stands still until it has caught up", by=str(self._latest - seen))
        return self._latest

    def not_before(self, moment: datetime) -> None:
        """Go on from the latest instant that was ever written, for example before a restart."""
        with self._advancing:
            self._latest = max(self._latest, moment)
