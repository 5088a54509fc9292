"""Counting requests: on the way of every one of them, so it is a dictionary and a list, and no library."""

from bisect import bisect_left
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPMethod
from typing import Any

import msgspec
import structlog

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)  # seconds
NO_ROUTE = "(none)"
_METHODS = frozenset(HTTPMethod)
log = structlog.get_logger(__name__)


class Count(msgspec.Struct):
    """Requests of one route, method and status: how many took up to each bound (the last: longer), and seconds in all."""

    buckets: list[int]
    seconds: float = 0.0


class Requests:
    """What was asked of this process, by the template of its route; a path itself may hold a secret."""

    def __init__(self, *, logged: bool = False) -> None:
        self.counts: dict[tuple[str, str, int], Count] = {}
        self.open_sockets = 0
        self._logged = logged

    def count(self, scope: dict[str, Any], status: int, seconds: float) -> None:
        """Count one finished request. Status 0 means that nobody was left to be answered."""
        key = (scope.get("path_template") or NO_ROUTE, scope["method"], status)
        count = self.counts.get(key)
        if count is None:
            count = self._first(*key)
        count.buckets[bisect_left(BOUNDS, seconds)] += 1
        count.seconds += seconds
        if self._logged:
            log.info("request", method=key[1], route=key[0], status=status, milliseconds=round(seconds * 1000, 1))

    @contextmanager
    def socket(self) -> Iterator[None]:
        """A websocket is open inside the block."""
        self.open_sockets += 1
        try:
            yield
        finally:
            self.open_sockets -= 1

    def _first(self, route: str, method: str, status: int) -> Count:
        """Callers may invent methods, but not names in our memory."""
        key = (route, method if method in _METHODS else "OTHER", status)
        return self.counts.setdefault(key, Count([0] * (len(BOUNDS) + 1)))
