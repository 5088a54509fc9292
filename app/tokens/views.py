"""What the token pages show, gathered in one read each. Pages and pushes to open pages both draw from here."""

import zlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

from ..database import Unit
from ..environments import environments
from ..environments.models import Environment
from ..events import log
from ..events.log import Event
from ..pages import words
from ..pages.lists import PERIODS
from .filters import STATUS_NAMES, Filters
from .models import Token
from .search import Doubt, count, retrieve, search

MOST_TOLD = 200  # events, of the latest that a page tells
_SETTLED = {"token.completed", "token.timed_out", "token.cancelled"}
_TAB_WORDS = {"": "All", "waiting": "Waiting", "completed": "Completed", "timed-out": "Timed out"}
_NOTHING = {
    "waiting": "Nothing is waiting",
    "completed": "Nothing was completed yet",
    "timed-out": "Nothing timed out yet",
}

View = dict[str, Any]


def list_view(db: Unit, environment: Environment, filters: Filters) -> View | Doubt:
    """The live part of the list, `tokens/_list.html`: rows, tabs with their numbers, and how to go on."""
    wanted = filters.search(db.now)
    page = search(db, environment.id, wanted)
    if isinstance(page, Doubt):
        return page
    tabs = tabs_view(db, environment, filters)
    seq, _ = log.head(db)
    return {
        "now": db.now,
        "tokens": page.tokens,
        "tabs": tabs,
        "version": version_of([(token.id, token.status) for token in page.tokens], tabs),
        "seq": seq,
        "blank": _blank(filters),
        "blank_words": _NOTHING.get(filters.status, ""),
        "clear_url": filters.url(tags=(), id="", key="", period=""),
        "newest_url": None if filters.is_first_page else filters.url(),
        "newer_url": filters.url(before=page.previous) if page.previous else None,
        "older_url": filters.url(after=page.next) if page.next else None,
    }


def tabs_view(db: Unit, environment: Environment, filters: Filters) -> list[View]:
    """`tokens/_tabs.html`: each status with its number under the other filters."""
    tabs = []
    for name, label in _TAB_WORDS.items():
        wanted = Filters(tags=filters.tags, id=filters.id, key=filters.key, period=filters.period, status=name)
        number = count(db, environment.id, wanted.search(db.now)) if name else None
        tabs.append(
            {"words": label, "count": number, "url": filters.url(status=name), "is_current": filters.status == name}
        )
    return tabs


def chips_of(filters: Filters) -> list[dict[str, str]]:
    """What narrows the list, each with the address of the list without it."""
    chips = filters.tag_chips()
    if filters.id:
        chips.append({"words": f"id: {filters.id}", "without": filters.url(id="")})
    if filters.key:
        chips.append({"words": f"key: {filters.key}", "without": filters.url(key="")})
    if filters.period:
        label = PERIODS.get(filters.period, f"in the last {filters.period}")
        chips.append({"words": label, "without": filters.url(period="")})
    return chips


def token_view(
    db: Unit,
    token_id: str,
    environment_id: str | None = None,
    besides: Sequence[Callable[[Unit, Token], View]] = (),
) -> View | Doubt | None:
    """A token as its page tells it, `tokens/_story.html`: how it stands, who settled it, and all that happened.

    `besides` are what neighbours have to say about it.
    """
    token = retrieve(db, token_id, environment_id)
    if token is None or isinstance(token, Doubt):
        return token
    timeline = _told(db, token_id)
    ending = endings_of(db, [token_id] if token.is_settled else [])
    said = {name: what for beside in besides for name, what in beside(db, token).items()}
    return {
        **said,
        "token": token,
        "now": db.now,
        "environment": environments.get(db, token.environment_id),
        "timeline": timeline,
        "is_cut": len(timeline) > MOST_TOLD,
        "ending": ending,
        "settled_by": settled_by(ending),
        "version": version_of(token.status, timeline[-1].seq if timeline else 0),
    }


def _told(db: Unit, token_id: str) -> list[Event]:
    """How it began, and the latest of what happened since."""
    latest = log.latest_of_subject(db, token_id, MOST_TOLD)
    if len(latest) < MOST_TOLD:
        return latest
    first = log.of_subject(db, token_id, 1)
    return latest if first[0].seq == latest[0].seq else first + latest


def endings_of(db: Unit, token_ids: Collection[str]) -> list[Event]:
    """How these tokens were settled, as far as they are: however much happened to them besides."""
    return log.of_kinds(db, token_ids, _SETTLED)


def settled_by(events: Sequence[Event], *, outside: bool = False) -> str | None:
    """Who ended it, in words."""
    actor = next((event.actor for event in reversed(events) if event.kind in _SETTLED), None)
    if actor is None:
        return None
    return words.who_from_outside(actor) if outside else words.who(actor)


def version_of(*seen: object) -> str:
    """Changes when what is seen changes; a page that asks again is left alone while it is the same."""
    return f"{zlib.crc32(repr(seen).encode()):08x}"


def _blank(filters: Filters) -> str:
    if filters.is_any or not filters.is_first_page:
        return "_blank_filtered.html"
    return "_blank_status.html" if filters.status in STATUS_NAMES else "_blank_first.html"
