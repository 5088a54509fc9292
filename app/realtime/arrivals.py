"""What came to a list since it was drawn: counted, and announced as "3 new"."""

from collections.abc import Collection

from ..events import Event
from ..runs import filters as runs
from ..tokens import filters as tokens
from ..tokens.search import COUNT_LIMIT
from .messages import tags_of

_ENDS = {"token.completed", "token.timed_out", "token.cancelled"}
_ARRIVES = {
    "": {"token.created"},
    "waiting": {"token.created"},
    "completed": {"token.completed"},
    "timed-out": {"token.timed_out", "token.cancelled"},
}


class Arrivals:
    """The things that would appear in a list, with the number of the event that brought them."""

    def __init__(self) -> None:
        self._fresh: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        raise NotImplementedError

    def since(self, seq: int, shown: Collection[str]) -> int:
        """How many came behind event `seq`, apart from those that are shown."""
        return sum(brought > seq and subject not in shown for subject, brought in self._fresh.items())

    def _remember(self, event: Event) -> None:
        self._fresh[event.subject] = event.seq
        if len(self._fresh) > COUNT_LIMIT + 1:  # beyond it, it says "1,000+" in any case
            del self._fresh[next(iter(self._fresh))]

    def _forget(self, event: Event) -> None:
        self._fresh.pop(event.subject, None)


class TokenArrivals(Arrivals):
    """What comes to a list of tokens."""

    def __init__(self, filters: tokens.Filters) -> None:
        super().__init__()
        self._filters = filters

    def hear(self, event: Event) -> None:
        if event.kind in _ARRIVES[self._filters.status]:
            if self._would_show(event):
                self._remember(event)
        elif event.kind in _ENDS and self._filters.status:
            self._forget(event)

    def _would_show(self, event: Event) -> bool:
        filters = self._filters
        return filters.is_first_page and _has_any(filters.tags, event) and event.subject.startswith(filters.id)


class RunArrivals(Arrivals):
    """What comes to a list of runs. Each event of a run says how it stands since."""

    def __init__(self, filters: runs.Filters) -> None:
        super().__init__()
        self._filters = filters

    def hear(self, event: Event) -> None:
        if not self._filters.status:
            if _is_new(event) and self._would_show(event):
                self._remember(event)
        elif event.data.get("status") != runs.STATUS_NAMES[self._filters.status]:
            self._forget(event)
        elif event.subject not in self._fresh and self._would_show(event):
            self._remember(event)

    def _would_show(self, event: Event) -> bool:
        filters = self._filters
        is_of_task = filters.task in {"", event.data.get("task")}
        has_id = event.subject.startswith(filters.id)
        return filters.is_first_page and is_of_task and has_id and _has_any(filters.tags, event)


def _is_new(event: Event) -> bool:
    return event.kind == "run.queued" and not event.data.get("generation")


def _has_any(tags: Collection[str], event: Event) -> bool:
    return not tags or not set(tags).isdisjoint(tags_of(event))
