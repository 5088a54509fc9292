"""What one statement can do for a whole batch.

On PostgreSQL every statement is a round trip, and a batch of answers made three for each of them. So a function
may have another one ahead of it: before the batch runs, that one does for all calls together what each of them
would begin with, and leaves the rows for them to find. Each call then goes on as if it had asked by itself.
SQLite has no round trips, and does without.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .unit import Unit

Call = tuple[Any, ...]
Ahead = Callable[[Unit, Sequence[Call]], None]

_AHEAD: dict[Callable[..., Any], Ahead] = {}


def ahead_of(function: Callable[..., Any]) -> Callable[[Ahead], Ahead]:
    """Have the decorated function called before a batch with more than one call of `function`, with their arguments."""

    def remember(ahead: Ahead) -> Ahead:
        _AHEAD[function] = ahead
        return ahead

    return remember


def look_ahead(db: Unit, calls: Sequence[tuple[Callable[..., Any], Call]]) -> None:
    """Do together what can be done together. No two of the calls may be about the same thing: their order would be lost."""
    if not db.is_postgresql or len(calls) < 2:
        return
    for function, ahead in _AHEAD.items():
        alike = [arguments for called, arguments in calls if called is function]
        if len(alike) > 1:
            ahead(db, alike)
