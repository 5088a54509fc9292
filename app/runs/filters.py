"""The filters of the list of runs: its URL, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from .. import ids
from ..durations import parse_duration
from ..tokens.filters import SIZE, id_of, period_of, tags_of, text_in
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


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows. `environment` is a slug, or empty for the first one."""

    environment: str = ""
    status: str = ""
    task: str = ""
    tags: tuple[str, ...] = ()
    id: str = ""
    period: str = ""
    after: str = ""
    before: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything but the status narrows the list."""
        return bool(self.task or self.tags or self.id or self.period)

    @property
    def is_first_page(self) -> bool:
        return not (self.after or self.before)

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

    def url(self, path: str = "/runs", /, **changes: Any) -> str:
        """The address of this list with some filters changed. A new filter begins at the newest again."""
        changed = msgspec.structs.replace(self, **{"after": "", "before": ""} | changes)
        values = msgspec.structs.asdict(changed) | {"tags": ",".join(changed.tags)}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path


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
