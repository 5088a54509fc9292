"""What came to a list since it was drawn: counted, and announced as "3 new"."""

from collections.abc import Collection

from ..events import Event
from ..tokens.filters import Filters
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
    """The tokens that would appear in a list, with the number of the event that brought them."""

    def __init__(self, filters: Filters) -> None:
        self._filters = filters
        self._fresh: dict[str, int] = {}

    def hear(self, event: Event) -> None:
        if event.kind in _ARRIVES[self._filters.status]:
            if self._would_show(event):
                self._remember(event)
        elif event.kind in _ENDS and self._filters.status:
            self._fresh.pop(event.subject, None)

    def since(self, seq: int, shown: Collection[str]) -> int:
        """How many came behind event `seq`, apart from those that are shown."""
        return sum(brought > seq and token not in shown for token, brought in self._fresh.items())

    def _would_show(self, event: Event) -> bool:
        filters = self._filters
        has_tag = not filters.tags or not set(filters.tags).isdisjoint(tags_of(event))
        return filters.is_first_page and has_tag and event.subject.startswith(filters.id)

    def _remember(self, event: Event) -> None:
        self._fresh[event.subject] = event.seq
        if len(self._fresh) > COUNT_LIMIT + 1:  # beyond it, it says "1,000+" in any case
            del self._fresh[next(iter(self._fresh))]
