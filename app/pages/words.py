"""Times, states and people in words. `static/js/words.js` says times in the same ones."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from ..runs.models import Run
from ..tokens.models import Token

MINUTE = 60  # seconds
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FAR = 14 * DAY  # beyond this a date says more than a distance

LONGEST_OUTPUT = 8_000  # characters of an output on a page; the rest is a link away

# Characters that are not there to be read: controls, and those that turn or hide the text around them.
# A name or a tag must not be able to disguise itself on the page where somebody decides about it.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)

# Not an argument: times are told deep in macros, which see nothing of the page around them.
_time_zone: ContextVar[str | None] = ContextVar("time_zone", default=None)


class Standing(msgspec.Struct, frozen=True):
    """How a token or a run stands: one word for people, one name for its shape and colour."""

    word: str
    name: str


STANDINGS = {
    "WAITING": Standing("Waiting", "waiting"),
    "COMPLETED": Standing("Completed", "completed"),
    "TIMED_OUT": Standing("Timed out", "timed-out"),
    "CANCELLED": Standing("Cancelled", "cancelled"),
    "QUEUED": Standing("Queued", "queued"),
    "EXECUTING": Standing("Executing", "executing"),
    "FAILED": Standing("Failed", "failed"),
    "CANCELED": Standing("Cancelled", "cancelled"),
}


def standing(thing: Token | Run) -> Standing:
    is_cancelled_token = isinstance(thing, Token) and thing.is_cancelled
    return STANDINGS["CANCELLED" if is_cancelled_token else thing.status]


def duration(seconds: float) -> str:
    """`3 h 12 min`, `9 min`, `40 s`: never more than two units, and to the nearest minute from ten minutes on."""
    whole = max(0, int(seconds))
    if whole >= 10 * MINUTE:
        whole = round(seconds / MINUTE) * MINUTE
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return _two(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    days = whole // DAY
    if whole >= FAR:
        return f"{days} days"
    return _two(days, "day" if days == 1 else "days", whole % DAY // HOUR, "h")


def span(seconds: float) -> str:
    """The same for machines, which are quicker: `40 ms`, `1.2 s`, `3 h 12 min`."""
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    return duration(seconds)


def relative(moment: datetime, now: datetime) -> str:
    """`just now`, `12 min ago`, `in 3 h 12 min`, and beyond two weeks the date."""
    seconds = (moment - now).total_seconds()
    if abs(seconds) >= FAR:
        return f"{moment.astimezone(_zone_of(_time_zone.get()) or UTC):%-d %b %Y}"
    if seconds > 0:
        return f"in {duration(seconds)}"
    return "just now" if -seconds < MINUTE else f"{_longest(-seconds)} ago"


def exact(moment: datetime) -> str:
    """`Sunday 22 November 2026, 14:05 UTC`, or in the zone of whom a page is drawn for (`in_zone`)."""
    return moment_in(moment, _time_zone.get())


def moment_in(moment: datetime, time_zone: str | None) -> str:
    """`Tuesday 24 November 2026, 17:00 (Europe/Berlin)`; in UTC where nobody has said where they are."""
    zone = _zone_of(time_zone)
    return f"{moment.astimezone(zone or UTC):%A %-d %B %Y, %H:%M} {f'({time_zone})' if zone else 'UTC'}"


@contextmanager
def in_zone(time_zone: str | None) -> Iterator[None]:
    """Inside the block, moments are told in this time zone. For what one person reads: pushes are shared."""
    before = _time_zone.set(time_zone)
    try:
        yield
    finally:
        _time_zone.reset(before)


def reader_zone() -> str:
    """The time zone of whom a page is drawn for; UTC where nobody has said where they are."""
    time_zone = _time_zone.get()
    return time_zone if time_zone and _zone_of(time_zone) else "UTC"


def timeout_text(span: timedelta) -> str:
    return duration(span.total_seconds())


def capped(count: int, limit: int = 1000) -> str:
    """`1,204`, and `1,000+` where counting stopped."""
    return f"{limit:,}+" if count > limit else f"{count:,}"


def plainly(value: object) -> object:
    """Text with its unseen characters written out, so that nothing on a page is other than it looks."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return _UNSEEN.sub(lambda found: f"[U+{ord(found[0]):04X}]", value)


def pretty(output: str) -> str:
    """JSON, indented; any other text as it is. Cut at what a page can carry."""
    try:
        text = json.dumps(json.loads(output), indent=2, ensure_ascii=False) if len(output) <= LONGEST_OUTPUT else output
    except (ValueError, RecursionError):
        text = output
    return text if len(text) <= LONGEST_OUTPUT else text[:LONGEST_OUTPUT] + "\n…"


def decision(token: Token) -> dict[str, Any] | None:
    """The answer of an approval, `{"approved": bool, "comment": str}`, if that is what the output is."""
    if not token.is_completed or token.output is None or len(token.output) > LONGEST_OUTPUT:
        return None
    try:
        output = msgspec.json.decode(token.output)
    except msgspec.DecodeError:
        return None
    if not isinstance(output, dict) or not isinstance(output.get("approved"), bool):
        return None
    comment = output.get("comment", "")
    others = set(output) - {"approved", "comment"}
    return None if others or not isinstance(comment, str) else {"approved": output["approved"], "comment": comment}


SCOPES = {
    "full": "do everything",
    "create": "create tokens",
    "complete": "complete tokens",
    "read": "read tokens",
    "worker": "run tasks",
}
WHO = {
    "public_access_token": "somebody with the approval link",
    "link": "somebody with the link",
    "callback": "the service with the callback URL",
    "system": "Waitpoint",
    "default": "the default answer",
}
DOORS = {
    "rest": "REST API",
    "callback": "callback URL",
    "page": "desk",
    "inbox": "inbox",
    "approval": "approval page",
    "form": "form on another page",
    "journey": "journey",
    "command": "command line",
    "deadline": "deadline",
    "worker": "worker",
}
DEEDS = {
    "token.created": "Created",
    "token.completed": "Completed",
    "token.timed_out": "Timed out",
    "token.cancelled": "Cancelled",
    "mail.sent": "Mail sent to {to}",
    "mail.printed": "Mail to {to} printed: there is no mail server",
    "mail.failed": "Mail to {to} given up",
    "link.created": "Link for {to} made",
    "link.handed_out": "Link for {to} handed out again",
    "link.revoked": "Link of {to} revoked",
    "link.opened": "Opened",
    "request.amended": "Question changed",
    "journey.moved": "Journey {journey} went on",
    "journey.amended": "Journey {journey} changed",
    "person.added": "Person added",
    "person.signed_in": "Signed in",
    "person.asked_for_link": "Sign-in link asked for",
    "person.changed_password": "Password changed",
    "person.changed_profile": "Profile changed",
    "person.role_changed": "Role changed",
    "person.disabled": "Person disabled",
    "person.enabled": "Person let in again",
    "group.added": "Group made",
    "group.removed": "Group taken away",
    "group.joined": "Put into the group {group}",
    "group.left": "Taken out of the group {group}",
    "api_key.created": "API key {name} made",
    "api_key.revoked": "API key {name} revoked",
    "signing_key.rotated": "Signing key rotated",
    "environment.created": "Environment {slug} made",
}
_BLANK = re.compile(r"\{(\w+)\}( ?)")


def who(actor: dict[str, Any] | None) -> str:
    """Who did it, in words: `Ben (ben@example.com)`, `API key shop`, `somebody with the approval link`."""
    if not actor:
        return "Waitpoint"
    kind, name = str(actor.get("kind", "")), actor.get("name")
    if kind == "api_key":
        return f"API key {name}" if name else "an API key"
    if kind == "worker":
        return f"a run of {name}" if name else "a worker"
    if name and actor.get("address"):
        return f"{name} ({actor['address']})"
    if name:
        # A link shows that its holder reads the recipient's mails, and not who they are.
        return f"{name} (by link)" if kind == "link" else str(name)
    if kind == "public_access_token" and actor.get("door") != "approval":
        return "a page with the public access token"
    return WHO.get(kind, kind.replace("_", " "))


def who_from_outside(actor: dict[str, Any]) -> str:
    """The same for somebody who holds only a link: how our keys and people are called is not their business,
    except for the person who decided, by their name.
    """
    inside = {"api_key": "a program", "worker": "a program", "callback": "a service", "system": "Waitpoint"}
    return inside.get(str(actor.get("kind"))) or who({**actor, "address": None})


def door(actor: dict[str, Any] | None) -> str:
    return DOORS.get(str((actor or {}).get("door", "")), "")


def deed(kind: str, data: Mapping[str, Any] | None = None) -> str:
    """What happened, in words: `Completed`, `Mail sent to ben@example.com`."""
    words = DEEDS.get(kind, kind.rpartition(".")[2].replace("_", " ").capitalize())
    if kind == "token.cancelled" and data and data.get("request"):
        words = "Withdrawn"  # a token is cancelled, a question is withdrawn
    said = {"to": "whoever has it"} | {name: value for name, value in (data or {}).items() if value}
    return _BLANK.sub(lambda blank: f"{said[blank[1]]}{blank[2]}" if blank[1] in said else "", words).rstrip()


def scope(name: str) -> str:
    return SCOPES.get(name, name)


def capitalised(text: str) -> str:
    """The first letter large, the rest as it is: `str.capitalize` would write "Rest api"."""
    return text[:1].upper() + text[1:]


def cut(text: str) -> str:
    return text if len(text) <= LONGEST_OUTPUT else text[:LONGEST_OUTPUT] + "…"


def _zone_of(time_zone: str | None) -> ZoneInfo | None:
    try:
        return ZoneInfo(time_zone) if time_zone else None
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _longest(seconds: float) -> str:
    if seconds < HOUR:
        return f"{int(seconds // MINUTE)} min"
    if seconds < DAY:
        return f"{int(seconds // HOUR)} h"
    days = int(seconds // DAY)
    return f"{days} {'day' if days == 1 else 'days'}"


def _two(big: int, big_unit: str, small: int, small_unit: str) -> str:
    return f"{big} {big_unit} {small} {small_unit}" if small else f"{big} {big_unit}"
