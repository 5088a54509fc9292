"""What an inbox shows: its URL, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from .. import ids
from ..clock import from_milliseconds, to_milliseconds
from ..durations import BadDuration, parse_duration

ME, GROUPS, ALL = "", "groups", "all"
WAITING, ANSWERED = "", "answered"
DUE = {"": "any time", "1h": "within an hour", "1d": "within a day", "7d": "within 7 days"}
_MOST_TAGS = 10
_LONGEST = 200  # characters of a filter
_LAST_MOMENT = 253_402_300_799_999  # epoch milliseconds


class Place(msgspec.Struct, frozen=True):
    """A place in the order of an inbox: between rows, by their moment and their id."""

    moment: datetime
    token_id: str

    def __str__(self) -> str:
        return f"{to_milliseconds(self.moment)}-{self.token_id}"


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """What the inbox shows. `q` is looked for in title, id, tags and requester."""

    scope: str = ME
    status: str = WAITING
    q: str = ""
    tags: tuple[str, ...] = ()
    environment: str = ""
    due: str = ""
    after: str = ""
    before: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything but scope and status narrows the list."""
        return bool(self.q or self.tags or self.environment or self.due)

    @property
    def is_first_page(self) -> bool:
        return not (self.after or self.before)

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING

    def url(self, path: str = "/inbox", /, **changes: Any) -> str:
        """The address of this list with some filters changed. A new filter begins at the top again."""
        changed = msgspec.structs.replace(self, **{"after": "", "before": ""} | changes)
        values = msgspec.structs.asdict(changed) | {"tags": ",".join(changed.tags)}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path}?{query}" if query else path


def filters_of(query: Mapping[str, str]) -> Filters:
    """Filters from the query of a URL."""
    given = {name: _text(query.get(name, "")) for name in Filters.__struct_fields__}
    tags = (part.strip() for part in given["tags"].split(","))
    return Filters(
        scope=given["scope"] if given["scope"] in {GROUPS, ALL} else ME,
        status=given["status"] if given["status"] == ANSWERED else WAITING,
        q=given["q"],
        tags=tuple(dict.fromkeys(tag for tag in tags if tag))[:_MOST_TAGS],
        environment=given["environment"],
        due=_period(given["due"]),
        after=given["after"] if place_in(given["after"]) else "",
        before=given["before"] if place_in(given["before"]) else "",
    )


def place_in(text: str) -> Place | None:
    """The place that an address names."""
    moment, _, token_id = text.partition("-")
    is_one = moment.isascii() and moment.isdecimal() and len(moment) <= 15 and ids.is_token_id(token_id)
    if not is_one or int(moment) > _LAST_MOMENT:
        return None
    return Place(from_milliseconds(int(moment)), token_id)


def _text(value: str) -> str:
    """No database holds a NUL, so nothing is found by one."""
    return value.replace("\x00", "").strip()[:_LONGEST]


def _period(text: str) -> str:
    try:
        parse_duration(text)
    except BadDuration:
        return ""
    return text
