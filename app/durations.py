"""Durations and deadlines as the contract writes them (CONTRACT.md section 1, "Create")."""

import re
from datetime import UTC, datetime, timedelta

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_PART = re.compile(r"([0-9]{1,9})([wdhms])")
_WHOLE = re.compile(r"(?:[0-9]{1,9}[wdhms])+")
_LOOKS_LIKE_A_DATE = re.compile(r"\d{4,}-\d")
LONGEST = timedelta(days=5 * 366)

ACCEPTED = 'a duration such as "30s", "10m", "2h", "3d", "4w" or "1d12h"'


class BadDuration(ValueError):
    """The text is not a duration or deadline. The message says what is accepted; `code` names the rule."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


def parse_duration(text: str) -> timedelta:
    """`1d12h` → 36 hours. At least one second, at most five years. Raises BadDuration."""
    if not _WHOLE.fullmatch(text):
        raise BadDuration("invalid-duration", f"must be {ACCEPTED}, not {_shown(text)}")
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _PART.findall(text))
    if seconds < 1:
        raise BadDuration("invalid-duration", f"must be at least 1s, not {_shown(text)}")
    if seconds > LONGEST.total_seconds():
        raise BadDuration("invalid-duration", f"must be at most 5 years, not {_shown(text)}")
    return timedelta(seconds=seconds)


def parse_deadline(text: str, now: datetime) -> timedelta | datetime:
    """A duration, or an ISO 8601 instant with a zone that lies ahead of `now`. Raises BadDuration."""
    if not _LOOKS_LIKE_A_DATE.match(text):
        try:
            return parse_duration(text)
        except BadDuration as error:
            raise BadDuration(error.code, f"{error} (an ISO 8601 instant is accepted, too)") from error
    moment = parse_instant(text)
    if moment <= now:
        raise BadDuration("deadline-in-past", f"must lie in the future, not {_shown(text)}")
    return moment


def parse_instant(text: str) -> datetime:
    """An ISO 8601 instant with a zone, as UTC, cut to milliseconds. Raises BadDuration."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadDuration("invalid-date", f"must be a date that exists, not {_shown(text)}") from error
    if moment.tzinfo is None:
        raise BadDuration("timezone-required", f'must name its time zone, for example end in "Z", not {_shown(text)}')
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise BadDuration("invalid-date", f"must lie in the years 1 to 9999, not {_shown(text)}") from error
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 60 else text[:60] + "…")
