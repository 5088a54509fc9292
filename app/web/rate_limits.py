"""How often somebody may knock: fixed windows in memory, one per caller and kind."""

from collections import OrderedDict

import msgspec

from ..clock import Clock, to_milliseconds

_MOST_CALLERS = 100_000  # the least recently seen is forgotten first


class Limit(msgspec.Struct, frozen=True):
    """So many requests in a window of so many seconds."""

    requests: int
    seconds: int


class Allowance(msgspec.Struct, frozen=True):
    """What is left for a caller. `reset` is Unix milliseconds, as the contract has it."""

    limit: int
    remaining: int
    reset: int
    is_exceeded: bool

    def headers(self) -> list[tuple[bytes, bytes]]:
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % self.remaining),
            (b"x-ratelimit-reset", b"%d" % self.reset),
        ]


class RateLimits:
    """Counts per caller in this process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()

    def spend(self, kind: str, caller: str, limit: Limit) -> Allowance:
        """Count one request of a caller."""
        length = limit.seconds * 1000
        now = to_milliseconds(self._clock.now())
        end = now - now % length + length
        caller_key = (kind, caller)
        ends, used = self._windows.get(caller_key, (end, 0))
        used = used + 1 if ends == end else 1
        self._windows[caller_key] = (end, used)
        self._windows.move_to_end(caller_key)
        if len(self._windows) > _MOST_CALLERS:
            self._windows.popitem(last=False)
        return Allowance(limit.requests, max(0, limit.requests - used), end, used > limit.requests)
