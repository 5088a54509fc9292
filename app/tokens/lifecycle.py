"""Everything that changes a token: it is created, and it is settled, once.

`settle` is the only way a token ends. REST, callback, page, link, command, cancel and deadline
all come through it, and what must happen with an answer happens in the same transaction.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    Text,
    any_,
    bindparam,
    case,
    column,
    func,
    insert,
    literal,
    literal_column,
    not_,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from .. import ids
from ..clock import iso
from ..database import Prepared, Unit, ahead_of, look_ahead
from ..database.tables import table_of
from ..database.types import Instant, present
from .models import (
    BY_DEFAULT,
    COLUMNS,
    COMPLETED,
    DEADLINE,
    IS_WAITING,
    JSON,
    MANUAL,
    TIMED_OUT,
    WAITING,
    By,
    IdempotencyKeyRow,
    Kind,
    Status,
    Token,
    TokenRow,
    TokenTagRow,
    hash_of,
    token_of,
)

REQUEST_KEY_LIFETIME = timedelta(hours=24)
KEY_SCOPE = "key"
REQUEST_SCOPE = "request"

_tokens = table_of(TokenRow)
_tags = table_of(TokenTagRow)
_keys = table_of(IdempotencyKeyRow)


class NewToken(msgspec.Struct, frozen=True, kw_only=True):
    """What a token is made of. `timeout` is a duration, an instant, or None for ever."""

    timeout: timedelta | datetime | None
    tags: tuple[str, ...] = ()
    idempotency_key: str | None = None
    idempotency_key_ttl: timedelta = timedelta(hours=1)
    request_key: str | None = None
    kind: Kind = MANUAL
    request: object = None
    """What people are asked; whoever follows a creation (`Rules.on_created`) knows what it is."""
    default_output: str | None = None


class Created(msgspec.Struct, frozen=True):
    """A token that was made now, or the one that the same key made before. `differing` names options that were ignored."""

    token: Token
    is_cached: bool
    differing: tuple[str, ...] = ()


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How a token ends: `output` is JSON text, or None when there is none.

    An answer to a request was checked against one version of it, outside the transaction; `seen_version` is the one
    that the person had before them, if the door knows it. `notes` are told in the timeline.
    """

    status: Status = COMPLETED
    output: str | None = None
    is_error: bool = False
    cancel_reason: str | None = None
    is_cancelled: bool = False
    is_early: bool = False  # a time-out before its time
    request_key: str | None = None
    checked_version: int | None = None
    seen_version: int | None = None
    notes: Mapping[str, object] = {}

    @property
    def is_plain(self) -> bool:
        """Whether it completes a token, and only its output and its request key are its own."""
        return self.status == COMPLETED and not self.is_error


class Settled(msgspec.Struct, frozen=True):
    """The token ended with this very answer (or, for a repeated request, had already)."""

    token: Token


class AlreadySettled(msgspec.Struct, frozen=True):
    """Somebody else was first, or the deadline was. Nothing changed."""

    token: Token


class NotFound(msgspec.Struct, frozen=True):
    """There is no such token in this environment."""


class Refused(msgspec.Struct, frozen=True):
    """A rule does not allow this answer; the token keeps waiting."""

    code: str
    reason: str


class Unchecked(msgspec.Struct, frozen=True):
    """The token has a request, and this answer was not checked against it as it stands now. Check it, and come again."""


class Changed(msgspec.Struct, frozen=True):
    """The request was amended after the person had seen it; the token keeps waiting."""

    version: int


Settlement = Settled | AlreadySettled | NotFound | Refused | Unchecked | Changed
Objection = Refused | Unchecked | Changed
OnCreated = Callable[[Unit, Token, NewToken, By], None]
MayAnswer = Callable[[Unit, Token, Answer, By], Objection | None]
OnAmended = Callable[[Unit, Token, Any, By], None]
OnSettled = Callable[[Unit, Token, By], None]


class Rules(msgspec.Struct, frozen=True):
    """What neighbours add to the life of a token, inside its transactions.

    `on_created` follows a creation, and `on_amended` what then was asked instead; `may_answer` can refuse an answer to
    a token with a request; `on_settled` follows every settlement, for example by waking a run.
    """

    on_created: tuple[OnCreated, ...] = ()
    on_amended: tuple[OnAmended, ...] = ()
    may_answer: tuple[MayAnswer, ...] = ()
    on_settled: tuple[OnSettled, ...] = ()


NO_RULES = Rules()

_INSERT = Prepared(insert(_tokens))
_INSERT_TAGS = Prepared(insert(_tags))
_RESTATE_TAGS = Prepared(
    update(_tags).where(_tags.c.token_id == bindparam("b_id")).values(status=bindparam("b_status"))
)
_CLAIM = Prepared(upsert(_keys).on_conflict_do_nothing().returning(_keys.c.token_id), [_keys.c.token_id])
_THE_KEY = (
    (_keys.c.environment_id == bindparam("b_environment"))
    & (_keys.c.scope == bindparam("b_scope"))
    & (_keys.c.key == bindparam("b_key"))
)
_CLAIMED = select(_keys).where(_THE_KEY).with_for_update()
_MOVE = (
    update(_keys)
    .where(_THE_KEY)
    .values(token_id=bindparam("to"), expires_at=bindparam("until"), was_cached=bindparam("cached"))
)
_THE_TOKEN = select(*COLUMNS).where(
    _tokens.c.id == bindparam("b_id"), _tokens.c.environment_id == bindparam("b_environment")
)
_BY_ID = Prepared(_THE_TOKEN, COLUMNS)
_LOCKED = Prepared(_THE_TOKEN.with_for_update(), COLUMNS)
_NEW_VALUES = {
    name: bindparam(f"new_{name}", type_=_tokens.c[name].type)
    for name in (
        "status",
        "output",
        "output_type",
        "output_is_error",
        "completed_at",
        "cancelled_at",
        "cancel_reason",
        "settled_by_request",
    )
}
_ANSWER = (
    update(_tokens)
    .where(
        _tokens.c.id == bindparam("b_id"),
        _tokens.c.environment_id == bindparam("b_environment"),
        IS_WAITING,
        or_(_tokens.c.timeout_at.is_(None), _tokens.c.timeout_at > present("b_now")),
    )
    .values(_NEW_VALUES)
    .returning(*COLUMNS)
)
# Where a token has no request one statement both decides and settles; where it has, rules are asked in between.
_ANSWER_PLAIN = Prepared(_ANSWER.where(not_(_tokens.c.has_request)), COLUMNS)
_SETTLE = Prepared(_ANSWER, COLUMNS)
# The same for many tokens, for PostgreSQL: locked in the order of their ids, as everybody locks them.
_GIVEN = (
    func.unnest(*(bindparam(name, type_=ARRAY(Text)) for name in ("ids", "environments", "outputs", "requests")))
    .table_valued(*(column(name, Text) for name in ("id", "environment_id", "output", "request")), name="given")
    .render_derived()
)
_FREE = (
    select(_tokens.c.id)
    .where(
        _tokens.c.id == any_(bindparam("ids", type_=ARRAY(Text))),
        IS_WAITING,
        not_(_tokens.c.has_request),
        or_(_tokens.c.timeout_at.is_(None), _tokens.c.timeout_at > present("b_now")),
    )
    .order_by(_tokens.c.id)
    .with_for_update()
    .cte("free")
)
_ANSWER_ALL_PLAIN = Prepared(
    update(_tokens)
    .where(
        _tokens.c.id == _FREE.c.id,
        _tokens.c.id == _GIVEN.c.id,
        _tokens.c.environment_id == _GIVEN.c.environment_id,
    )
    .values(
        status=literal_column(f"'{COMPLETED}'"),
        output=_GIVEN.c.output,
        completed_at=bindparam("new_completed_at", type_=Instant),
        settled_by_request=_GIVEN.c.request,
    )
    .returning(*COLUMNS),
    COLUMNS,
)
# A deadline completes a token that has a default answer; the row itself says whether it has one.
_HAS_DEFAULT = _tokens.c.default_output.is_not(None)
_OR_BY_DEFAULT = {
    "status": case((_HAS_DEFAULT, literal(COMPLETED)), else_=_NEW_VALUES["status"]),
    "output": func.coalesce(_tokens.c.default_output, _NEW_VALUES["output"]),
    "output_is_error": not_(_HAS_DEFAULT),
    "answered_by": case((_HAS_DEFAULT, literal(BY_DEFAULT)), else_=_tokens.c.answered_by),
}
# An early time-out moves the deadline, so that `completedAt` of a timeout is always `timeoutAt`.
_EARLY = _ANSWER.values({**_OR_BY_DEFAULT, "timeout_at": bindparam("new_completed_at", type_=Instant)})
_TIME_OUT_NOW_PLAIN = Prepared(_EARLY.where(not_(_tokens.c.has_request)), COLUMNS)
_TIME_OUT_NOW = Prepared(_EARLY, COLUMNS)
_TIME_OUT = Prepared(
    update(_tokens)
    .where(
        _tokens.c.id == bindparam("b_id"),
        _tokens.c.environment_id == bindparam("b_environment"),
        IS_WAITING,
        _tokens.c.timeout_at <= bindparam("b_now"),
    )
    .values({**_NEW_VALUES, **_OR_BY_DEFAULT, "completed_at": _tokens.c.timeout_at})
    .returning(*COLUMNS),
    COLUMNS,
)
_CHANGE_DEFAULT = Prepared(
    update(_tokens)
    .where(_tokens.c.id == bindparam("b_id"), IS_WAITING)
    .values(default_output=bindparam("new_default", type_=Text))
)
_DUE = (
    select(*COLUMNS)
    .where(IS_WAITING, _tokens.c.timeout_at <= bindparam("b_now"))
    .order_by(_tokens.c.timeout_at)
    .limit(bindparam("limit"))
)
_DUE_AND_FREE = _DUE.with_for_update(skip_locked=True)


def create(db: Unit, environment_id: str, new: NewToken, by: By, rules: Rules = NO_RULES) -> Created:
    """Make a token, or give the one that the same key made before.

    A key is claimed by a unique index, so of concurrent first uses exactly one makes a token.
    """
    token_id = ids.new_id(ids.TOKEN_PREFIX, db.now)
    if new.request_key is not None:
        repeated = claim_key(db, environment_id, REQUEST_SCOPE, new.request_key, token_id, REQUEST_KEY_LIFETIME)
        if repeated is not None:
            return _given_before(db, environment_id, repeated.token_id, new, is_cached=repeated.was_cached)
    if new.idempotency_key is not None:
        scope = KEY_SCOPE if new.kind == MANUAL else new.kind
        earlier = claim_key(db, environment_id, scope, new.idempotency_key, token_id, new.idempotency_key_ttl)
        if earlier is not None:
            if new.request_key is not None:
                move_key(db, environment_id, REQUEST_SCOPE, new.request_key, earlier.token_id, REQUEST_KEY_LIFETIME)
            return _given_before(db, environment_id, earlier.token_id, new, is_cached=True)
    token = _insert(db, environment_id, token_id, new, by)
    for follow in rules.on_created:
        follow(db, token, new, by)
    return Created(token, is_cached=False)


def settle(db: Unit, token_id: str, environment_id: str, answer: Answer, by: By, rules: Rules = NO_RULES) -> Settlement:
    """End a token with an answer. The first answer stands, whoever comes later.

    A deadline that has passed has won, whether or not the sweeper has come by.
    """
    if not ids.is_token_id(token_id):
        return NotFound()
    needs_leave = _needs_leave(answer)
    settled = _try(db, token_id, environment_id, answer, is_plain=needs_leave)
    if settled is None:
        token = _found(db, _LOCKED, token_id, environment_id)
        if token is None:
            return NotFound()
        if needs_leave and token.has_request and as_of(token, db.now).is_waiting:
            objection = _objection(db, token, answer, by, rules)
            if objection is not None:
                return objection
            settled = _try(db, token_id, environment_id, answer, is_plain=False)
        if settled is None:
            return _too_late(token, answer)
    if settled.tags:
        db.gather(_RESTATE_TAGS, {"b_id": token_id, "b_status": settled.status})
    if settled.is_manual:
        details = _details(settled, answer)
        db.record(_kind(settled), settled.id, environment_id=environment_id, actor=by, data=details)
    for follow in rules.on_settled:
        follow(db, settled, by)
    return Settled(settled)


@ahead_of(settle)
def _settle_together(db: Unit, calls: Sequence[tuple[Any, ...]]) -> None:
    """Answer the tokens of a batch that have no request with one statement; each `settle` finds its row."""
    given = {
        call.token_id: call
        for call in (_Call(*arguments) for arguments in calls)
        if ids.is_token_id(call.token_id) and call.answer.is_plain
    }
    if len(given) < 2:
        return
    rows = db.run(
        _ANSWER_ALL_PLAIN,
        {
            "ids": [*given],
            "environments": [call.environment_id for call in given.values()],
            "outputs": [call.answer.output for call in given.values()],
            "requests": [call.answer.request_key for call in given.values()],
            "b_now": db.now,
            "new_completed_at": db.now,
        },
    )
    following = []
    for row in rows:
        token = token_of(row)
        call = given[token.id]
        db.foresee(_ANSWER_PLAIN, id(call.answer), [row])
        following += [(follow, (token, call.by)) for follow in call.rules.on_settled]
    look_ahead(db, following)


class _Call(NamedTuple):
    """The arguments of one `settle`."""

    token_id: str
    environment_id: str
    answer: Answer
    by: By
    rules: Rules = NO_RULES


def cancel(
    db: Unit, token_id: str, environment_id: str, reason: str | None, by: By, rules: Rules = NO_RULES
) -> Settlement:
    """Withdraw a token. On the wire it reads TIMED_OUT with a code of its own (CONTRACT.md section 5)."""
    message = "Waitpoint was cancelled" + (f": {reason}" if reason else "")
    answer = Answer(
        status=TIMED_OUT,
        output=_error("WAITPOINT_CANCELLED", message),
        is_error=True,
        cancel_reason=reason,
        is_cancelled=True,
    )
    return settle(db, token_id, environment_id, answer, by, rules)


def time_out(db: Unit, token_id: str, environment_id: str, by: By, rules: Rules = NO_RULES) -> Settlement:
    """Let a token time out now, as if its deadline had come."""
    answer = msgspec.structs.replace(_timeout_answer(db.now), is_early=True)
    return settle(db, token_id, environment_id, answer, by, rules)


def change_default(db: Unit, token_id: str, default_output: str | None) -> None:
    """What a waiting token is completed with at its deadline from now on. The caller has locked it."""
    db.run(_CHANGE_DEFAULT, {"b_id": token_id, "new_default": default_output})


def time_out_overdue(db: Unit, limit: int, rules: Rules = NO_RULES) -> int:
    """Time out up to `limit` tokens whose deadline has passed, earliest first. Safe to run from many processes."""
    due = overdue(db, limit)
    for token in due:
        meet_deadline(db, token, rules)
    return len(due)


def overdue(db: Unit, limit: int) -> list[Token]:
    """Tokens that wait past their deadline, earliest first; a writer is given only those that nobody is answering."""
    statement = _DUE_AND_FREE if db.writes else _DUE
    return [token_of(row) for row in db.execute(statement, {"b_now": db.now, "limit": limit})]


def meet_deadline(db: Unit, token: Token, rules: Rules = NO_RULES) -> Settlement:
    """Time a token out at its deadline, if that has passed and nobody has answered."""
    assert token.timeout_at is not None  # noqa: S101 - for the type checker
    return settle(db, token.id, token.environment_id, _timeout_answer(token.timeout_at), DEADLINE, rules)


def as_of(token: Token, now: datetime) -> Token:
    """The token as it truly is at `now`: an overdue one reads as the sweeper will write it."""
    if not token.is_waiting or token.timeout_at is None or token.timeout_at > now:
        return token
    if token.default_output is not None:
        return msgspec.structs.replace(
            token,
            status=COMPLETED,
            output=token.default_output,
            completed_at=token.timeout_at,
            answered_by=BY_DEFAULT,
        )
    answer = _timeout_answer(token.timeout_at)
    return msgspec.structs.replace(
        token, status=answer.status, output=answer.output, output_is_error=True, completed_at=token.timeout_at
    )


def claim_key(
    db: Unit, environment_id: str, scope: str, key: str, token_id: str, lifetime: timedelta
) -> "Earlier | None":
    """Take a key for a token, or a run, that is about to be made; gives the one that holds it already."""
    until = db.now + lifetime
    taken = db.run(
        _CLAIM,
        {
            "environment_id": environment_id,
            "scope": scope,
            "key": hash_of(key),
            "token_id": token_id,
            "expires_at": until,
            "was_cached": False,
        },
    )
    if taken:
        return None
    holder = db.execute(_CLAIMED, _named(environment_id, scope, key)).one()
    if holder.expires_at > db.now:
        return Earlier(holder.token_id, holder.was_cached)
    db.execute(_MOVE, _named(environment_id, scope, key) | {"to": token_id, "until": until, "cached": False})
    return None


class Earlier(msgspec.Struct, frozen=True):
    """What a key made before."""

    token_id: str
    was_cached: bool


def move_key(db: Unit, environment_id: str, scope: str, key: str, token_id: str, lifetime: timedelta) -> None:
    """Let a key stand for what another key made."""
    values = {"to": token_id, "until": db.now + lifetime, "cached": True}
    db.execute(_MOVE, _named(environment_id, scope, key) | values)


def _named(environment_id: str, scope: str, key: str) -> dict[str, object]:
    return {"b_environment": environment_id, "b_scope": scope, "b_key": hash_of(key)}


def _given_before(db: Unit, environment_id: str, token_id: str, new: NewToken, *, is_cached: bool) -> Created:
    token = _found(db, _BY_ID, token_id, environment_id)
    assert token is not None  # noqa: S101 - a key is claimed in the transaction that makes its token
    return Created(as_of(token, db.now), is_cached, _differing(token, new) if is_cached else ())


def _differing(token: Token, new: NewToken) -> tuple[str, ...]:
    """The options of a repeated create that the first one did not have, and that are ignored."""
    asked = token.created_at + new.timeout if isinstance(new.timeout, timedelta) else new.timeout
    differing = []
    if asked != token.timeout_at:
        differing.append("timeout")
    if new.tags != token.tags:
        differing.append("tags")
    if (new.request is not None) != token.has_request:
        differing.append("request")
    return tuple(differing)


def _insert(db: Unit, environment_id: str, token_id: str, new: NewToken, by: By) -> Token:
    token = Token(
        id=token_id,
        environment_id=environment_id,
        status=WAITING,
        tags=new.tags,
        created_at=db.now,
        timeout_at=db.now + new.timeout if isinstance(new.timeout, timedelta) else new.timeout,
        idempotency_key=new.idempotency_key,
        idempotency_key_expires_at=None if new.idempotency_key is None else db.now + new.idempotency_key_ttl,
        kind=new.kind,
        has_request=new.request is not None,
        default_output=new.default_output,
    )
    digest = None if new.idempotency_key is None else hash_of(new.idempotency_key)
    db.gather(_INSERT, {**msgspec.structs.asdict(token), "tags": _json(token.tags), "idempotency_hash": digest})
    if token.tags:
        tag = {"environment_id": environment_id, "token_id": token_id, "status": WAITING}
        db.gather(_INSERT_TAGS, *(tag | {"tag": name} for name in dict.fromkeys(token.tags)))
    if token.is_manual:
        data = {"tags": token.tags, **_asks(token)}
        db.record("token.created", token_id, environment_id=environment_id, actor=by, data=data)
    return token


def _needs_leave(answer: Answer) -> bool:
    """Whether somebody answers, or brings a default answer forward. A deadline needs nobody's leave, nor does a withdrawal."""
    return answer.status == COMPLETED or answer.is_early


def _try(db: Unit, token_id: str, environment_id: str, answer: Answer, *, is_plain: bool) -> Token | None:
    """The token, settled; None when it does not wait, or has a request where only one without is meant."""
    statement = _statement(answer, is_plain=is_plain)
    rows = db.run(
        statement,
        {
            "b_id": token_id,
            "b_environment": environment_id,
            "b_now": db.now,
            "new_status": answer.status,
            "new_output": answer.output,
            "new_output_type": JSON,
            "new_output_is_error": answer.is_error,
            "new_cancelled_at": db.now if answer.is_cancelled else None,
            "new_cancel_reason": answer.cancel_reason,
            "new_settled_by_request": answer.request_key,
            **({} if statement is _TIME_OUT else {"new_completed_at": db.now}),
        },
        foreseen=id(answer),
    )
    return token_of(rows[0]) if rows else None


def _objection(db: Unit, token: Token, answer: Answer, by: By, rules: Rules) -> Objection | None:
    """What the rules have against an answer to a request. The token is locked, so that nothing changes meanwhile."""
    if not rules.may_answer:
        return Unchecked()
    objections = (may_answer(db, token, answer, by) for may_answer in rules.may_answer)
    return next((objection for objection in objections if objection is not None), None)


def _too_late(token: Token, answer: Answer) -> Settled | AlreadySettled:
    """`token` was locked: an answer that another process accepted before the deadline might have been on its way."""
    if answer.request_key is not None and answer.request_key == token.settled_by_request:
        return Settled(token)  # the same request again, after its answer was lost
    if token.is_waiting:  # past its deadline, and the sweeper is still to come
        assert token.timeout_at is not None  # noqa: S101 - without a deadline it could have been settled
        token = as_of(token, token.timeout_at)
    return AlreadySettled(token)


def _found(db: Unit, statement: Prepared, token_id: str, environment_id: str) -> Token | None:
    rows = db.run(statement, {"b_id": token_id, "b_environment": environment_id})
    return token_of(rows[0]) if rows else None


def _statement(answer: Answer, *, is_plain: bool) -> Prepared:
    if answer.is_early:
        return _TIME_OUT_NOW_PLAIN if is_plain else _TIME_OUT_NOW
    if answer.status == TIMED_OUT and not answer.is_cancelled:
        return _TIME_OUT
    return _ANSWER_PLAIN if is_plain else _SETTLE


def _timeout_answer(deadline: datetime) -> Answer:
    message = f"Waitpoint timed out at {iso(deadline)}"
    return Answer(status=TIMED_OUT, output=_error("TRIGGER_WAITPOINT_TIMEOUT", message), is_error=True)


def _error(code: str, message: str) -> str:
    return _json({"code": code, "message": message})


def _kind(token: Token) -> str:
    if token.is_cancelled:
        return "token.cancelled"
    return "token.completed" if token.is_completed else "token.timed_out"


def _asks(token: Token) -> dict[str, object]:
    """Tells inboxes which events are theirs."""
    return {"request": True} if token.has_request else {}


def _details(token: Token, answer: Answer) -> dict[str, object]:
    details: dict[str, object] = {"tags": token.tags, **_asks(token), **answer.notes}
    if token.is_default:
        details["default"] = True
    if token.cancel_reason:
        details["reason"] = token.cancel_reason
    return details


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
