"""Leafing through what is short in most places and long in some: people, groups, environments, links.

All of it is read, for it grows with how many people there are and not with what they do; a page shows a leaf of it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from .lists import text_in

SIZE = 50  # rows of a leaf

T = TypeVar("T")


class Leaf(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What is shown of a list, and where the rest of it is. `total` counts what there is, `found` what fits `q`."""

    path: str
    q: str = ""
    shown: Sequence[T] = ()
    total: int = 0
    found: int = 0
    first: int = 0
    previous_url: str | None = None
    next_url: str | None = None

    @property
    def is_long(self) -> bool:
        """Whether looking for something is of any use."""
        return self.total > SIZE

    @property
    def words(self) -> str:
        if not self.shown:
            return "Nothing here matches"
        return f"{self.first + 1:,} to {self.first + len(self.shown):,} of {self.found:,}"


def leaf_of(
    things: Sequence[T],
    path: str,
    query: Mapping[str, str],
    *,
    key: Callable[[T], str],
    says: Callable[[T], str],
    holding: str = "",
) -> Leaf[T]:
    """The leaf that holds a thing, else the one that the address asks for, else the first.

    `key` tells things apart, `says` is the text in which the address's `q` is looked for, in any letter case.
    """
    q = "" if holding else text_in(query, "q")
    found = [thing for thing in things if q.casefold() in says(thing).casefold()] if q else things
    wanted = holding or text_in(query, "at")
    first = next((index for index, thing in enumerate(found) if key(thing) == wanted), 0) // SIZE * SIZE

    def url_at(index: int) -> str | None:
        is_one = 0 <= index < len(found)
        return f"{path}?{_query(q=q, at=key(found[index]) if index else '')}".rstrip("?") if is_one else None

    return Leaf(
        path=path,
        q=q,
        shown=found[first : first + SIZE],
        total=len(things),
        found=len(found),
        first=first,
        previous_url=url_at(first - SIZE),
        next_url=url_at(first + SIZE),
    )


def _query(**values: Any) -> str:
    return urlencode({name: value for name, value in values.items() if value})
