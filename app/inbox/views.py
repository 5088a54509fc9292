"""What the inbox shows, gathered in one read. The page and pushes to open pages both draw from here."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ..access.principals import Person
from ..database import Unit
from ..events import log
from ..requests import spec as specs
from ..requests.answers import Choice, choices_of
from ..requests.models import ADDRESS
from ..requests.spec import Spec
from ..requests.views import answer_in_words
from ..tokens.models import COMPLETED, Token
from ..tokens.search import retrieve
from ..tokens.views import settled_by, version_of
from .filters import ALL, ANSWERED, DUE, GROUPS, ME, WAITING, Filters
from .search import Entry, Reach, count, reach_of, search, specs_of

SOON = timedelta(hours=1)
UNTITLED = "Do you approve?"
_LATEST = 5  # events of an answered token, in which its answer is
_MOST_QUICK = 2  # decisions that have room, and a key each
_SCOPE_WORDS = {ME: "For you", GROUPS: "Your groups", ALL: "All"}

View = dict[str, Any]


class Quick(msgspec.Struct, frozen=True):
    """A decision that can be made in the list: nothing is to be filled in or confirmed. `key` makes it by keyboard."""

    value: str
    label: str
    style: str
    key: str


class Row(msgspec.Struct, frozen=True):
    """A request as a row of the list."""

    entry: Entry
    title: str
    environment: str
    is_soon: bool
    quick: tuple[Quick, ...] = ()
    next_id: str | None = None
    asks: str = ""
    """Who is asked, where this person is not."""
    answer: str = ""
    """How it was answered, and by whom."""


def inbox_view(db: Unit, person: Person, filters: Filters) -> View:
    """The live part of the inbox, `inbox/_list.html`: rows, tabs with their numbers, and how to go on."""
    seq, _ = log.head(db)  # first: what happens meanwhile is told again
    reach = reach_of(db, person)
    page = search(db, reach, filters)
    tabs = tabs_view(db, reach, filters)
    asked = asked_in(tabs)
    return {
        "seq": seq,
        "now": db.now,
        "here": filters.url(after=filters.after, before=filters.before),
        "rows": rows_of(db, reach, page.entries),
        "tabs": tabs,
        "version": version_of([(entry.token_id, entry.status, entry.version) for entry in page.entries], tabs, asked),
        "asked": asked,
        "blank": _blank(filters, reach),
        "clear_url": filters.url(q="", tags=(), environment="", due=""),
        "first_url": None if filters.is_first_page else filters.url(),
        "previous_url": filters.url(before=str(page.previous)) if page.previous else None,
        "next_url": filters.url(after=str(page.next)) if page.next else None,
        "is_cut": page.is_cut,
        "environments": reach.environments if len(reach.environments) > 1 else (),
    }


def rows_of(db: Unit, reach: Reach, entries: Sequence[Entry]) -> list[Row]:
    """Entries as rows; each knows the one behind it, where one goes on after deciding."""
    texts = specs_of(db, [entry.token_id for entry in entries])
    names = {each.id: each.name for each in reach.environments} if len(reach.environments) > 1 else {}
    ids = [entry.token_id for entry in entries]
    behind = [*ids[1:], *ids[-2:-1], None]  # behind the last one comes the one before it
    rows = []
    for entry, next_id in zip(entries, behind, strict=False):
        spec = specs.read(texts[entry.token_id])
        asks = _asks_others(spec, reach)
        rows.append(
            Row(
                entry,
                entry.title or UNTITLED,
                names.get(entry.environment_id, ""),
                _is_soon(entry, db.now),
                quick_of(spec) if entry.is_waiting and not asks else (),
                next_id,
                asks if entry.is_waiting else "",
                "" if entry.is_waiting else _answer(db, entry, spec),
            )
        )
    return rows


def tabs_view(db: Unit, reach: Reach, filters: Filters) -> list[View]:
    """`inbox/_tabs.html`: the scopes with what waits in each, and what was answered."""
    tabs = []
    for scope, label in _SCOPE_WORDS.items():
        if scope == ALL and not reach.desks:
            continue
        number = count(db, reach, Filters(scope=scope))
        is_current = filters.is_waiting and filters.scope == scope
        tabs.append(
            {
                "words": label,
                "count": number,
                "url": filters.url(scope=scope, status=WAITING),
                "is_current": is_current,
                "is_mine": scope == ME,
                "is_all": scope == ALL,
            }
        )
    answered = {
        "words": "Answered",
        "count": None,
        "url": filters.url(status=ANSWERED, due=""),
        "is_mine": False,
        "is_all": False,
    }
    return [*tabs, answered | {"is_current": not filters.is_waiting}]


def asked_in(tabs: Sequence[View]) -> int:
    """What waits for this person, as their tab counts it: the number beside "Inbox"."""
    return next(int(tab["count"]) for tab in tabs if tab["is_mine"])


def quick_of(spec: Spec) -> tuple[Quick, ...]:
    """The decisions, where all of them can be made in the list: `a` makes the first, `r` the one that says no.

    Never some of them: nobody should say yes because no is further away.
    """
    choices = choices_of(spec)
    if len(choices) > _MOST_QUICK or not all(is_quick(choice) for choice in choices):
        return ()
    no = next((choice for choice in choices if _is_no(choice)), choices[-1])
    keys = {choice.value: "r" if choice is no and len(choices) > 1 else "a" for choice in choices}
    return tuple(Quick(choice.value, choice.label, choice.style, keys[choice.value]) for choice in choices)


def is_quick(choice: Choice) -> bool:
    """Whether a decision needs nothing but itself."""
    return not (choice.needs_form or choice.require or choice.confirm)


def chips_of(filters: Filters) -> list[dict[str, str]]:
    """What narrows the list, each with the address of the list without it."""
    chips = [{"words": f"“{filters.q}”", "without": filters.url(q="")}] if filters.q else []
    chips += filters.tag_chips()
    if filters.environment:
        chips.append({"words": f"in {filters.environment}", "without": filters.url(environment="")})
    if filters.due:
        label = DUE.get(filters.due, f"within {filters.due}")
        chips.append({"words": f"due {label}", "without": filters.url(due="")})
    return chips


def _asks_others(spec: Spec, reach: Reach) -> str:
    """Whom a request asks, when that is not this person; who asks may not answer where it says so."""
    names = {(name.kind, name.value) for name in reach.names}
    approvers = specs.approvers_of(spec)
    if approvers and not any((each.kind, each.value) in names for each in approvers):
        return ", ".join(map(specs.as_text, approvers))
    is_own = (ADDRESS, (spec.requester or "").lower()) in names
    return "somebody else" if is_own and not spec.self_approval else ""


def _answer(db: Unit, entry: Entry, spec: Spec) -> str:
    if entry.status != COMPLETED:
        return ""
    token = retrieve(db, entry.token_id)
    if not isinstance(token, Token):
        return ""  # it is written this very moment
    who = settled_by(log.latest_of_subject(db, entry.token_id, _LATEST))
    return answer_in_words(token, spec, who or "somebody")


def _is_no(choice: Choice) -> bool:
    return choice.output.get("approved") is False or choice.value in {"reject", "no", "deny", "decline", "send-back"}


def _is_soon(entry: Entry, now: datetime) -> bool:
    return entry.is_waiting and entry.timeout_at is not None and entry.timeout_at - now < SOON


def _blank(filters: Filters, reach: Reach) -> str:
    """Why nothing is shown."""
    if filters.is_any or not filters.is_first_page:
        return "filtered"
    if not filters.is_waiting:
        return "answered"
    if filters.scope == GROUPS and not any(name.kind == "group" for name in reach.names):
        return "no_groups"
    if filters.scope == ALL and not reach.desks:
        return "members"
    return {ME: "me", GROUPS: "groups", ALL: "all"}[filters.scope]
