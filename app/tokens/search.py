"""Looking tokens up: one by its id, and lists that page by key and never by offset.

An overdue token reads as the sweeper will write it. Whether one is overdue while an answer may be on
its way to the disk is known only in the writer, so a read that meets such a token gives DOUBT and is
asked again there; see `certain`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Literal, TypeVar

import msgspec
from sqlalchemy import ColumnElement, Select, and_, bindparam, case, exists, func, not_, or_, select, union, union_all

from .. import ids
from ..clock import MILLISECOND
from ..database import LAST, Database, Prepared, Unit
from ..database.tables import table_of
from .lifecycle import as_of
from .models import (
    COLUMNS,
    COMPLETED,
    IS_MANUAL,
    IS_WAITING,
    STATUSES,
    TIMED_OUT,
    WAITING,
    Status,
    Token,
    TokenRow,
    TokenTagRow,
    hash_of,
    token_of,
)

COUNT_LIMIT = 1000  # a count beyond this reads "1,000+": counting must not depend on how many there are

_tokens = table_of(TokenRow)
_tags = table_of(TokenTagRow)
_THE_TOKEN = select(*COLUMNS).where(_tokens.c.id == bindparam("b_id"))
_BY_ID = Prepared(_THE_TOKEN, COLUMNS)
_LOCKED = Prepared(_THE_TOKEN.with_for_update(), COLUMNS)
# An answer that another process accepted before the deadline may be on its way to the disk: this waits for it.
_HELD = (
    select(_tokens.c.id)
    .where(_tokens.c.id.in_(bindparam("b_ids", expanding=True)))
    .order_by(_tokens.c.id)
    .with_for_update()
)

T = TypeVar("T")


class Doubt(Enum):
    """An answer that only the writer can give."""

    DOUBT = "doubt"


DOUBT: Literal[Doubt.DOUBT] = Doubt.DOUBT


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """Which tokens, newest first. `tags` means any of them; `since` and `until` are inclusive.

    `after` gives the page behind (older than) that id, `before` the page in front of it; `before` wins.
    """

    statuses: tuple[Status, ...] = ()
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    id_prefix: str | None = None
    size: int = 25
    after: str | None = None
    before: str | None = None


class _Branch(msgspec.Struct, frozen=True):
    """A part of a search that is a range of one index. `key` holds the token's id in that index.

    Borders and order are said of `key`, not of `tokens.id`: that tells SQLite, which keeps no statistics,
    to walk the few rows of a tag rather than all tokens.
    """

    statement: Select[Any]
    key: ColumnElement[str]


class Page(msgspec.Struct, frozen=True):
    """A page of tokens, with the cursors of the pages around it."""

    tokens: list[Token]
    next: str | None = None
    previous: str | None = None


async def certain(database: Database, function: Callable[..., T | Doubt], *arguments: Any) -> T:
    """Read, and where the reading is in doubt ask the writer, behind whatever is on its way.

    `function` is handed `arguments`; where the first is a token's id, that is the token it looks at.
    """
    result = await database.read(function, *arguments)
    if isinstance(result, Doubt):
        result = await database.read_in_turn(function, *arguments, key=_key(arguments[0]))
    assert not isinstance(result, Doubt)  # noqa: S101 - the writer is never in doubt
    return result


def _key(first: object) -> str:
    """What the writer locks while it makes certain: one token, or whichever it finds."""
    return f"token:{first}" if isinstance(first, str) and ids.is_token_id(first) else LAST


def retrieve(db: Unit, token_id: str, environment_id: str | None = None) -> Token | Doubt | None:
    """One token as it is now; None when there is none, or it belongs to another environment."""
    if not ids.is_token_id(token_id):
        return None
    rows = db.run(_LOCKED if db.writes else _BY_ID, {"b_id": token_id})
    token = token_of(rows[0]) if rows else None
    if token is None or environment_id not in {None, token.environment_id}:
        return None
    if not token.is_waiting or token.timeout_at is None:
        return token
    seen = as_of(token, db.now)
    return DOUBT if seen is not token and not db.writes else seen


def retrieve_all(db: Unit, token_ids: Sequence[str], environment_id: str) -> dict[str, Token] | Doubt:
    """Several tokens of one environment as they are now, by their ids."""
    statement = select(*COLUMNS).where(_tokens.c.id.in_(token_ids), _tokens.c.environment_id == environment_id)
    rows = db.execute(statement.order_by(_tokens.c.id).with_for_update() if db.writes else statement).all()
    found = [token_of(row) for row in rows]
    seen = {token.id: as_of(token, db.now) for token in found}
    is_certain = db.writes or all(seen[token.id] is token for token in found)
    return seen if is_certain else DOUBT


def search(db: Unit, environment_id: str, wanted: Search) -> Page | Doubt:
    """A page of tokens of one environment."""
    found, overdue = _found(db, environment_id, wanted)
    if overdue and not db.writes:
        return DOUBT
    waited_for: set[str] = set()
    while overdue - waited_for:
        db.execute(_HELD, {"b_ids": sorted(overdue)})
        waited_for |= overdue
        found, overdue = _found(db, environment_id, wanted)
    backwards = wanted.before is not None
    ordered = [found[token_id] for token_id in sorted(found, reverse=not backwards)]
    return _page(ordered, wanted, backwards=backwards)


def _found(db: Unit, environment_id: str, wanted: Search) -> tuple[dict[str, Token], set[str]]:
    """The tokens of a page by id, as they truly are, and the ids of those that are overdue."""
    found: dict[str, Token] = {}
    overdue: set[str] = set()
    for branch in _branches(db, environment_id, wanted):
        for row in db.execute(_ordered(branch, wanted, backwards=wanted.before is not None)):
            token = token_of(row)
            found[token.id] = seen = as_of(token, db.now)
            if seen is not token:
                overdue.add(token.id)
    return found, overdue


def count(db: Unit, environment_id: str, wanted: Search) -> int:
    """How many tokens a search finds in all, at most `COUNT_LIMIT` + 1."""
    some = [
        select(branch.statement.with_only_columns(branch.key).limit(COUNT_LIMIT + 1).subquery())
        for branch in _branches(db, environment_id, wanted, only_ids=True)
    ]
    # A token with two of the wanted tags is one token; statuses exclude each other.
    together = (union if len(wanted.tags) > 1 else union_all)(*some).limit(COUNT_LIMIT + 1).subquery()
    total: int = db.execute(select(func.count()).select_from(together)).scalar_one()
    return total


def next_deadline(db: Unit) -> datetime | None:
    """The earliest deadline of a waiting token."""
    earliest = (
        select(_tokens.c.timeout_at)
        .where(IS_WAITING, _tokens.c.timeout_at.is_not(None))
        .order_by(_tokens.c.timeout_at)
        .limit(1)
    )
    deadline: datetime | None = db.execute(earliest).scalar_one_or_none()
    return deadline


def time_left(db: Unit) -> timedelta | None:
    """Until the earliest deadline, by the clock that decides; less than nothing when a token is overdue."""
    deadline = next_deadline(db)
    return None if deadline is None else deadline - db.now


def _branches(db: Unit, environment_id: str, wanted: Search, *, only_ids: bool = False) -> list[_Branch]:
    """One query per status and tag, each a range of one index; an overdue token counts as what it will be.

    They are asked one after the other, in the order in which a token moves (waiting, overdue, settled):
    one that moves meanwhile is met twice rather than missed.
    With `only_ids` a branch need not read the tokens where the index of tags says enough.
    """
    if wanted.idempotency_key is not None:
        return [_with_key(wanted.idempotency_key, environment_id, wanted, db.now)]
    statuses = [status for status in STATUSES if status in wanted.statuses] or list(STATUSES)
    branches = []
    for tag in dict.fromkeys(wanted.tags) or [None]:
        key = _tokens.c.id if tag is None else _tags.c.token_id
        for status in statuses:
            if status != WAITING:
                overdue = _overdue(tag, environment_id, db.now, status)
                branches.append(_branch(overdue, key.concat(""), wanted))
            if tag is not None and only_ids:
                statement = _only_tagged(status, tag, environment_id, db.now)
            else:
                statement = _with_status(status, tag, environment_id, db.now)
            branches.append(_branch(statement, key, wanted))
    return branches


def _with_status(status: Status, tag: str | None, environment_id: str, now: datetime) -> Select[Any]:
    if tag is None:
        here = _tokens.c.environment_id == environment_id
        branch = select(*COLUMNS).where(here, IS_MANUAL, _tokens.c.status == status)
    else:
        with_token = select(*COLUMNS).join(_tags, _tags.c.token_id == _tokens.c.id)
        branch = _tagged(tag, environment_id, with_token).where(_tags.c.status == status)
    return branch if status != WAITING else branch.where(_is_in_time(now))


def _only_tagged(status: Status, tag: str, environment_id: str, now: datetime) -> Select[Any]:
    """The same for a tag, without reading the tokens: all of the tag that wait, but for the few that are overdue."""
    branch = _tagged(tag, environment_id, select(_tags.c.token_id)).where(_tags.c.status == status)
    if status != WAITING:
        return branch
    overdue = select(_tokens.c.id).where(IS_WAITING, _tokens.c.timeout_at <= now)
    return branch.where(_tags.c.token_id.not_in(overdue))


def _with_key(key: str, environment_id: str, wanted: Search, now: datetime) -> _Branch:
    """The tokens of an idempotency key are few: whatever else is wanted is looked for in them."""
    statement = select(*COLUMNS).where(
        _tokens.c.environment_id == environment_id, _tokens.c.idempotency_hash == hash_of(key)
    )
    if wanted.statuses:
        is_overdue = and_(_tokens.c.status == WAITING, not_(_is_in_time(now)))
        ends = case((_tokens.c.default_output.is_(None), TIMED_OUT), else_=COMPLETED)
        reads = case((is_overdue, ends), else_=_tokens.c.status)
        statement = statement.where(reads.in_(wanted.statuses))
    if wanted.tags:
        tagged = exists().where(_tags.c.token_id == _tokens.c.id, _tags.c.tag.in_(wanted.tags))
        statement = statement.where(tagged)
    return _branch(statement, _tokens.c.id, wanted)


def _is_in_time(now: datetime) -> ColumnElement[bool]:
    return or_(_tokens.c.timeout_at.is_(None), _tokens.c.timeout_at > now)


def _overdue(tag: str | None, environment_id: str, now: datetime, status: Status) -> Select[Any]:
    """The few tokens whose deadline has passed and that the sweeper has not met yet: it will time them out, or
    complete those that have a default answer.

    Found by their deadline: SQLite would rather walk all waiting tokens of the environment, or all of the
    tag, if it saw the columns of those indexes. `|| ''` hides them.
    """
    in_environment = _tokens.c.environment_id.concat("") == environment_id
    has_default = _tokens.c.default_output.is_not(None)
    ends_so = has_default if status == COMPLETED else not_(has_default)
    branch = select(*COLUMNS).where(IS_WAITING, IS_MANUAL, _tokens.c.timeout_at <= now, in_environment, ends_so)
    if tag is None:
        return branch
    return branch.join(_tags, _tags.c.token_id == _tokens.c.id).where(_tags.c.tag == tag)


def _tagged(tag: str, environment_id: str, statement: Select[Any]) -> Select[Any]:
    return statement.where(_tags.c.environment_id == environment_id, _tags.c.tag == tag)


def _branch(statement: Select[Any], key: ColumnElement[str], wanted: Search) -> _Branch:
    conditions: list[ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(key >= ids.first_id_at(ids.TOKEN_PREFIX, wanted.since))
    if wanted.until is not None:
        conditions.append(key < ids.first_id_at(ids.TOKEN_PREFIX, wanted.until + MILLISECOND))
    if wanted.id_prefix is not None:
        # The range is what an index can walk; ids are hexadecimal, so "g" is behind all that begin so.
        conditions += [key >= wanted.id_prefix, key < wanted.id_prefix + "g"]
        conditions.append(key.startswith(wanted.id_prefix, autoescape=True))
    return _Branch(statement.where(*conditions), key)


def _ordered(branch: _Branch, wanted: Search, *, backwards: bool) -> Select[Any]:
    statement = branch.statement
    if wanted.before is not None:
        statement = statement.where(branch.key > wanted.before)
    elif wanted.after is not None:
        statement = statement.where(branch.key < wanted.after)
    order = branch.key.asc() if backwards else branch.key.desc()
    return statement.order_by(order).limit(wanted.size + 1)


def _page(found: list[Token], wanted: Search, *, backwards: bool) -> Page:
    """Cut to size and name the neighbours. `found` begins at the cursor and may hold more than a page."""
    has_more = len(found) > wanted.size
    tokens = found[: wanted.size]
    if backwards:
        tokens.reverse()
    if not tokens:
        return Page([])
    first, last = tokens[0].id, tokens[-1].id
    if backwards:
        return Page(tokens, next=last, previous=first if has_more else None)
    return Page(tokens, next=last if has_more else None, previous=first if wanted.after is not None else None)
