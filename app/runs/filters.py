"""The filters of the list of runs: its URL, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from datetime import datetime

from .. import ids
from ..durations import parse_duration
from ..pages.lists import SIZE, ListFilters, id_of, period_of, tags_of, text_in
from .models import CANCELED, COMPLETED, EXECUTING, FAILED, QUEUED, WAITING, Status
from .search import Search

STATUS_NAMES: dict[str, Status] = {
    "queued": QUEUED,
    "executing": EXECUTING,
    "waiting": WAITING,
    "completed": COMPLETED,
    "failed": FAILED,
    "cancelled": CANCELED,
}


class Filters(ListFilters, frozen=True, kw_only=True):
    """What the list shows."""

    path = "/runs"
    status: str = ""
    task: str = ""
    id: str = ""
    period: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything but the status narrows the list."""
        return bool(self.task or self.tags or self.id or self.period)

    def search(self, now: datetime) -> Search:
        """The same, as the domain asks for it."""
        return Search(
            statuses=(STATUS_NAMES[self.status],) if self.status else (),
            tasks=(self.task,) if self.task else (),
            tags=self.tags,
            id_prefix=self.id or None,
            since=now - parse_duration(self.period) if self.period else None,
            size=SIZE,
            after=self.after or None,
            before=self.before or None,
        )


def filters_of(query: Mapping[str, str]) -> Filters:
    """Filters from the query of a URL."""
    given = {name: text_in(query, name) for name in Filters.__struct_fields__}
    return Filters(
        environment=given["environment"],
        status=given["status"] if given["status"] in STATUS_NAMES else "",
        task=given["task"],
        tags=tags_of(given["tags"]),
        id=id_of(given["id"], ids.RUN_PREFIX),
        period=period_of(given["period"]),
        after=given["after"] if ids.is_run_id(given["after"]) else "",
        before=given["before"] if ids.is_run_id(given["before"]) else "",
    )
