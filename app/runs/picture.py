"""Where the time of a run went, as numbers for a small drawing: stretches of one status, and marks for its steps."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import pairwise

import msgspec

from ..events import Event
from .models import EXECUTING, QUEUED, WAITING, Run

SHOWN: tuple[str, ...] = (QUEUED, EXECUTING, WAITING)
MOST_MARKS = 200


class Stretch(msgspec.Struct, frozen=True):
    """Some time in one status: where it begins and how long it is, in percent of the whole."""

    status: str
    x: float
    width: float


class Picture(msgspec.Struct, frozen=True):
    """The whole, from the first event that is known to the end of the run, or to now."""

    begins_at: datetime
    ends_at: datetime
    stretches: tuple[Stretch, ...]
    marks: tuple[float, ...]
    steps: int
    seconds: dict[str, float]

    @property
    def length(self) -> float:
        """In seconds."""
        return (self.ends_at - self.begins_at).total_seconds()


def picture_of(run: Run, events: Sequence[Event], steps: Iterable[datetime], now: datetime) -> Picture:
    """Draw a run from what its events say. `steps` are the instants at which steps were recorded."""
    begins = events[0].at if events else run.created_at
    ends = max(run.finished_at or now, begins)
    whole = (ends - begins).total_seconds() or 1.0

    def at(moment: datetime) -> float:
        return round(100 * min(max((moment - begins).total_seconds() / whole, 0.0), 1.0), 3)

    stretches: list[Stretch] = []
    seconds = dict.fromkeys(SHOWN, 0.0)
    borders = [*((event.at, str(event.data.get("status"))) for event in events), (ends, "")]
    for (since, status), (until, _) in pairwise(borders):
        if status not in seconds:
            continue
        seconds[status] += max((until - since).total_seconds(), 0.0)
        if stretches and stretches[-1].status == status:
            before = stretches.pop()
            stretches.append(Stretch(status, before.x, round(at(until) - before.x, 3)))
        else:
            stretches.append(Stretch(status, at(since), round(at(until) - at(since), 3)))
    recorded = [at(moment) for moment in steps if moment >= begins]
    marks = tuple(dict.fromkeys(recorded))[-MOST_MARKS:]
    return Picture(begins, ends, tuple(stretches), marks, len(recorded), seconds)
