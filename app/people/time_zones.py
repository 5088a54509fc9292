"""Time zones, by the names of the IANA database."""

import zoneinfo
from functools import cache


@cache
def every() -> tuple[str, ...]:
    """All that are named after a place, by name; and UTC."""
    named = (name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(_NOT_PLACES))
    return ("UTC", *sorted(named))


def is_one(name: str) -> bool:
    """Whether there is a time zone of that name."""
    return name in zoneinfo.available_timezones()


_NOT_PLACES = ("Etc/", "SystemV/", "posix/", "right/")
