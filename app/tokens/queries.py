"""The query of a list: `filter[…]` and `page[…]` (CONTRACT.md section 1, "List")."""

import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TypeVar

from .. import ids
from ..clock import from_milliseconds
from ..durations import BadDuration, parse_duration, parse_instant
from ..web.problems import Problem
from .models import STATUSES
from .search import Search

S = TypeVar("S", bound=str)

LARGEST_PAGE = 100
MOST_TAGS = 50
_KNOWN = {
    "filter[status]",
    "filter[tags]",
    "filter[idempotencyKey]",
    "filter[createdAt][period]",
    "filter[createdAt][from]",
    "filter[createdAt][to]",
    "page[size]",
    "page[after]",
    "page[before]",
}
_MILLISECONDS = re.compile(r"[0-9]{1,15}")
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(9999, 12, 31, tzinfo=UTC)


def search_in(parameters: Iterable[tuple[str, str]], now: datetime, *, strict: bool) -> Search:
    """The search that a query string asks for. Raises the contract's "Query Error" naming every bad parameter."""
    given, problems = collected(parameters, _KNOWN, strict=strict)
    read = Reader(given, problems, now)
    search = Search(
        statuses=read.statuses(STATUSES),
        tags=read.tags("filter[tags]"),
        idempotency_key=given.get("filter[idempotencyKey]") or None,
        since=read.since(),
        until=read.until(),
        size=read.size(),
        after=read.cursor("page[after]", ids.is_token_id),
        before=read.cursor("page[before]", ids.is_token_id),
    )
    if search.since and search.until and search.since > search.until:
        problems.append(("filter[createdAt][from]", "must not be later than filter[createdAt][to]"))
    if problems:
        raise query_error(problems)
    return search


def query_error(problems: Iterable[tuple[str, str]]) -> Problem:
    """The contract's answer to a bad query, naming each parameter and the rule."""
    sentences = [f"{name} {rule}" for name, rule in problems]
    details = [{"parameter": name, "message": rule} for name, rule in problems]
    return Problem(400, "query-error", "; ".join(sentences), error="Query Error", more={"details": details})


class Reader:
    """Reads each parameter by its rule and collects what is wrong."""

    def __init__(self, given: dict[str, str], problems: list[tuple[str, str]], now: datetime) -> None:
        self._given = given
        self._problems = problems
        self._now = now

    def statuses(self, known: tuple[S, ...]) -> tuple[S, ...]:
        named = _parts(self._given.get("filter[status]", ""))
        for name in named:
            if name not in known:
                self._refuse("filter[status]", f"knows {', '.join(known)}, not {name[:40]!r}")
        return tuple(status for status in known if status in named)

    def tags(self, name: str) -> tuple[str, ...]:
        tags = _parts(self._given.get(name, ""))
        if len(tags) > MOST_TAGS:
            self._refuse(name, f"takes at most {MOST_TAGS} values, not {len(tags)}")
        return tuple(tags[:MOST_TAGS])

    def size(self) -> int:
        text = self._given.get("page[size]", "25")
        if not text.isascii() or not text.isdecimal() or len(text) > 3 or not 1 <= int(text) <= LARGEST_PAGE:
            self._refuse("page[size]", f"must be a whole number from 1 to {LARGEST_PAGE}, not {text[:40]!r}")
            return 1
        return int(text)

    def cursor(self, name: str, is_cursor: Callable[[str], bool]) -> str | None:
        text = self._given.get(name)
        if text is not None and not is_cursor(text):
            self._refuse(name, "must be a cursor that a list gave")
        return text

    def since(self) -> datetime | None:
        period = self._given.get("filter[createdAt][period]")
        start = self._moment("filter[createdAt][from]")
        if period is None:
            return start
        try:
            length = parse_duration(period)
        except BadDuration as error:
            self._refuse("filter[createdAt][period]", str(error))
            return start
        border = self._now - length
        return max(border, start) if start else border

    def until(self) -> datetime | None:
        return self._moment("filter[createdAt][to]")

    def _moment(self, name: str) -> datetime | None:
        text = self._given.get(name)
        if text is None:
            return None
        try:
            moment = from_milliseconds(int(text)) if _MILLISECONDS.fullmatch(text) else parse_instant(text)
        except (BadDuration, OverflowError) as error:
            self._refuse(name, str(error) if isinstance(error, BadDuration) else "lies beyond the year 9999")
            return None
        return min(max(moment, _EARLIEST), _LATEST)

    def _refuse(self, name: str, rule: str) -> None:
        self._problems.append((name, rule))


def collected(
    parameters: Iterable[tuple[str, str]], known: set[str], *, strict: bool
) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The parameters that mean something, and what is wrong with the others."""
    given: dict[str, str] = {}
    problems: list[tuple[str, str]] = []
    for name, value in parameters:
        if name not in known:
            if strict:
                problems.append((name[:80], f"is not a parameter here; known are {', '.join(sorted(known))}"))
        elif name in given:
            problems.append((name, "is given twice; join several values with commas"))
        elif "\x00" in value:
            problems.append((name, "must not contain the character NUL"))
        elif value or name.startswith("page[size"):
            given[name] = value
    return given, problems


def _parts(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
