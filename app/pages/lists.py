"""What the lists share: an address that holds their filters, read and written. Values that mean nothing are left aside."""

from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlencode

import msgspec

from ..durations import BadDuration, parse_duration

SIZE = 25  # rows of a page
PERIODS = {
    "": "any time",
    "1h": "in the last hour",
    "1d": "in the last day",
    "7d": "in the last 7 days",
    "30d": "in the last 30 days",
}
_MOST_TAGS = 10
_LONGEST = 2048  # characters of a filter


class ListFilters(msgspec.Struct, frozen=True, kw_only=True):
    """What a list shows: the filters that every list has. `environment` is a slug, or empty for the first one."""

    path: ClassVar[str]
    environment: str = ""
    tags: tuple[str, ...] = ()
    after: str = ""
    before: str = ""

    @property
    def is_first_page(self) -> bool:
        return not (self.after or self.before)

    def url(self, path: str = "", /, **changes: Any) -> str:
        """The address of this list with some filters changed. A new filter begins on the first page again."""
        changed = msgspec.structs.replace(self, **{"after": "", "before": ""} | changes)
        values = msgspec.structs.asdict(changed) | {"tags": ",".join(changed.tags)}
        query = urlencode({name: value for name, value in values.items() if value})
        return f"{path or self.path}?{query}" if query else path or self.path

    def tag_chips(self) -> list[dict[str, str]]:
        """The tags that narrow the list, each with the address of the list without it."""
        return [
            {"words": f"tag: {tag}", "without": self.url(tags=tuple(other for other in self.tags if other != tag))}
            for tag in self.tags
        ]


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
