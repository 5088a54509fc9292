"""What a list announces: that which would appear in it, counted once."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from app.events import Event
from app.realtime.arrivals import TokenArrivals
from app.tokens.filters import Filters

NUMBERS = itertools.count(1)
A, B = "waitpoint_a", "waitpoint_b"


def event(kind: str, token: str = A, *tags: str) -> Event:
    return Event(next(NUMBERS), "env_1", f"token.{kind}", token, None, datetime.now(UTC), {"tags": [*tags]})


def announced(arrivals: TokenArrivals, *events: Event, since: int = 0, shown: frozenset[str] = frozenset()) -> int:
    for happened in events:
        arrivals.hear(happened)
    return arrivals.since(since, shown)


@pytest.mark.parametrize(
    ("filters", "kinds", "number"),
    [
        ({}, ["created"], 1),
        ({}, ["created", "completed"], 1),
        ({}, ["completed"], 0),
        ({"status": "waiting"}, ["created"], 1),
        ({"status": "waiting"}, ["created", "cancelled"], 0),
        ({"status": "completed"}, ["created", "completed"], 1),
        ({"status": "completed"}, ["created", "timed_out"], 0),
        ({"status": "timed-out"}, ["timed_out"], 1),
        ({"status": "timed-out"}, ["cancelled"], 1),
        ({"tags": ("x", "y")}, ["created"], 1),
        ({"tags": ("Y",)}, ["created"], 0),
        ({"id": "waitpoint_a"}, ["created"], 1),
        ({"id": "waitpoint_b"}, ["created"], 0),
        ({"after": "waitpoint_" + "0" * 32}, ["created"], 0),
    ],
)
def test_an_arrival_is_what_the_filters_let_in(filters: dict[str, Any], kinds: list[str], number: int) -> None:
    assert number == announced(TokenArrivals(Filters(**filters)), *(event(kind, A, "y") for kind in kinds))


def test_only_what_came_since_counts_and_what_is_shown_does_not() -> None:
    arrivals = TokenArrivals(Filters())
    first, second = event("created", A), event("created", B)

    assert 2 == announced(arrivals, first, second)
    assert 1 == announced(arrivals, since=first.seq)
    assert 1 == announced(arrivals, shown=frozenset({B}))
    assert 0 == announced(arrivals, since=second.seq)


def test_beyond_a_thousand_it_counts_no_further() -> None:
    arrivals = TokenArrivals(Filters())

    number = announced(arrivals, *(event("created", f"waitpoint_{i}") for i in range(5000)))

    assert 1001 == number
    assert 1001 == len(arrivals._fresh)
