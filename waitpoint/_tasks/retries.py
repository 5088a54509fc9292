"""How often something is tried again, and after which pauses."""

from __future__ import annotations

import random

from msgspec import Struct

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration
from waitpoint._errors import InvalidInput


class Retries(Struct, frozen=True):
    """`times` more attempts. The pause doubles each time, up to an hour, and is never quite the same."""

    times: int = 0
    first_pause: float = 1.0  # seconds
    longest_pause: float = 3600.0  # seconds

    def pause_after(self, attempt: int) -> float | None:
        """Seconds until the next attempt; None when this was the last one."""
        if attempt > self.times:
            return None
        pause = min(self.longest_pause, self.first_pause * 2.0 ** min(attempt - 1, 30))
        return random.uniform(pause / 2, pause)  # noqa: S311 (nobody gains by guessing it)


def retries_of(times: object, backoff: Duration | float) -> Retries:
    """The retries that a decorator was given."""
    if isinstance(times, bool) or not isinstance(times, int) or times < 0:
        raise InvalidInput(f"retries is {times!r}. Pass the number of further attempts: 0 or more.")
    return Retries(times, arguments.lasting("backoff", backoff))
