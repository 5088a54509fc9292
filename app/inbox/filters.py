"""What an inbox shows: its URL, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from .. import ids
from ..clock import from_milliseconds, to_milliseconds
from ..pages.lists import ListFilters, period_of, tags_of, text_in

ME, GROUPS, ALL = "", "groups", "all"
WAITING, ANSWERED = "", "answered"
DUE = {"": "any time", "1h": "within an hour", "1d": "within a day", "7d": "within 7 days"}
_LONGEST = 200  # characters that are looked for
_LAST_MOMENT = 253_402_300_799_999  # epoch milliseconds


class Place(msgspec.Struct, frozen=True, order=True):
    """A place in the order of an inbox: between rows, by their moment and their id."""

    moment: datetime
    token_id: str

    def __str__(self) -> str:
        return f"{to_milliseconds(self.moment)}-{self.token_id}"


class Filters(ListFilters, frozen=True, kw_only=True):
    """What the inbox shows. `q` is looked for in title, id, tags and requester; no `environment` means all of them."""

    path = "/inbox"
    scope: str = ME
    status: str = WAITING
    q: str = ""
    due: str = ""

    @property
    def is_any(self) -> bool:
        """Whether anything but scope and status narrows the list."""
        return bool(self.q or self.tags or self.environment or self.due)

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING


def filters_of(query: Mapping[str, str]) -> Filters:
    """Filters from the query of a URL."""
    given = {name: text_in(query, name) for name in Filters.__struct_fields__}
    return Filters(
        scope=given["scope"] if given["scope"] in {GROUPS, ALL} else ME,
        status=given["status"] if given["status"] == ANSWERED else WAITING,
        q=given["q"][:_LONGEST],
        tags=tags_of(given["tags"]),
        environment=given["environment"],
        due=period_of(given["due"]),
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
