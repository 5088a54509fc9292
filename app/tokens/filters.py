"""The filters of the list page: its URL, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from .. import ids
from ..durations import BadDuration, parse_duration
from .models import COMPLETED, TIMED_OUT, WAITING, Status
from .search import Search

SIZE = 25
PERIODS = {
    "": "any time",
    "1h": "in the last hour",
    "1d": "in the last day",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
}
STATUS_NAMES: dict[str, Status] = {"waiting": WAITING, "completed": COMPLETED, "timed-out": TIMED_OUT}
_MOST_TAGS = 10
_LONGEST = 2048  # characters of a filter


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the list shows. `environment` is a slug, or empty for the first one."""

    environment: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    id: str = ""
    key: str = ""
    period: str = ""
    after: str = ""
    before: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything but the status narrows the list."""
        return bool(self.tags or self.id or self.key or self.period)

    @property
    def is_first_page(self) -> bool:
        return not (self.after or self.before)

    def search(self, now: datetime) -> Search:
        """The same, as the domain asks for it."""
        return Search(
            statuses=(STATUS_NAMES[self.status],) if self.status else (),
            tags=self.tags,
            id_prefix=self.id or None,
            idempotency_key=self.key or None,
            since=now - parse_duration(self.period) if self.period else None,
            size=SIZE,
            after=self.after or None,
            before=self.before or None,
        )

    def url(self, path: str = "/tokens", /, **changes: Any) -> str:
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
        tags=tags_of(given["tags"]),
        id=id_of(given["id"], ids.TOKEN_PREFIX),
        key=given["key"],
        period=period_of(given["period"]),
        after=given["after"] if ids.is_token_id(given["after"]) else "",
        before=given["before"] if ids.is_token_id(given["before"]) else "",
    )


def text_in(query: Mapping[str, str], name: str) -> str:
    """No database holds a NUL, so nothing is found by one."""
    return query.get(name, "").replace("\x00", "").strip()[:_LONGEST]


def tags_of(text: str) -> tuple[str, ...]:
    """The tags between the commas, each once."""
    tags = (part.strip() for part in text.split(","))
    return tuple(dict.fromkeys(tag for tag in tags if tag))[:_MOST_TAGS]


def id_of(text: str, prefix: str) -> str:
    """People copy ids with and without the word in front."""
    return text if not text or text.startswith(prefix) else prefix + text


def period_of(text: str) -> str:
    """A length of time, or nothing."""
    try:
        parse_duration(text)
    except BadDuration:
        return ""
    return text
