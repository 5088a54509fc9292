"""Inputs: values that are sent to a run by name, and the waits that take them, each value once and in order.

A wait for an input is a wait for a token of its own, which whoever sends settles. A value that comes
before its wait is such a token, settled already, that nobody has taken: so it is stored, told and
replayed as every other answer is. The rows here are values that are still unread.
"""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, delete, insert, select

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..tokens import lifecycle as tokens
from ..tokens.lifecycle import Answer, NewToken, Rules, Settled
from ..tokens.models import INPUT, By
from . import journal, waits
from .lifecycle import FENCED, LOCKED, WORKER, Fenced, Unknown, found, owned, record, retrieve
from .models import InputRow, Owner, WaitRow
from .waits import Ended, Waiting, named

MOST_UNREAD = 1000  # values of one name that a run has not read

_inputs = table_of(InputRow)
_waits = table_of(WaitRow)
_NAMED = (_inputs.c.run_id == bindparam("b_run")) & (_inputs.c.name == bindparam("b_name"))
_INSERT = Prepared(insert(_inputs))
_UNREAD = Prepared(
    select(_inputs.c.number, _inputs.c.token_id).where(_NAMED).order_by(_inputs.c.number).limit(bindparam("b_limit")),
    [_inputs.c.number, _inputs.c.token_id],
)
_TAKE = Prepared(delete(_inputs).where(_NAMED, _inputs.c.number == bindparam("b_number")))
_OPEN = Prepared(
    select(_waits.c.token_id)
    .where(_waits.c.run_id == bindparam("b_run"), _waits.c.input == bindparam("b_name"))
    .order_by(_waits.c.token_id),
    [_waits.c.token_id],
)


class Sent(msgspec.Struct, frozen=True):
    """The value is stored: a wait has ended with it, or the next one will."""


class HasEnded(msgspec.Struct, frozen=True):
    """The run has come to its end and takes nothing more."""


class TooManyUnread(msgspec.Struct, frozen=True):
    """The run reads slower than is sent."""


def open_input(
    db: Unit, owner: Owner, position: str, name: str, timeout: timedelta | datetime | None
) -> Waiting | Ended | Fenced:
    """Take the first unread value of this name, or wait for one."""
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    earlier = journal.at(db, run.id, position)
    if earlier is not None:
        return Ended(waits.tokens_in(db, earlier))
    if waits.is_open(db, run.id, position):
        return Waiting()
    place = {"b_run": run.id, "b_name": name}
    for number, token_id in db.run(_UNREAD, {**place, "b_limit": 1}):
        db.run(_TAKE, {**place, "b_number": number})
        return Ended(waits.tokens_in(db, waits.write_down(db, run, position, named(name), [token_id])))
    token = tokens.create(db, run.environment_id, NewToken(timeout=timeout, kind=INPUT), WORKER).token
    waits.note(db, run, position, (token.id,), "all", input=name)
    return Waiting()


def send(
    db: Unit, run_id: str, environment_id: str, name: str, answer: Answer, by: By, rules: Rules
) -> Sent | HasEnded | TooManyUnread | Unknown:
    """Give a run a value: to the wait that has been open for longest, or to the next one.

    The same request again sends nothing more.
    """
    known = retrieve(db, run_id, environment_id)
    if known is None:
        return Unknown()
    if answer.request_key is not None:
        scope, lifetime = f"input:{run_id}", tokens.REQUEST_KEY_LIFETIME
        if tokens.claim_key(db, environment_id, scope, answer.request_key, run_id, lifetime) is not None:
            return Sent()
    if not known.is_finished and _give(db, run_id, environment_id, name, answer, by, rules):
        return Sent()
    run = found(db, LOCKED, run_id)
    if run is None or run.is_finished:
        return HasEnded()
    # Looked for again, since a wait may have been opened before the lock; from here on none can be.
    if _give(db, run_id, environment_id, name, answer, by, rules):
        return Sent()
    unread = db.run(_UNREAD, {"b_run": run_id, "b_name": name, "b_limit": MOST_UNREAD})
    if len(unread) == MOST_UNREAD:
        return TooManyUnread()
    token = tokens.create(db, environment_id, NewToken(timeout=None, kind=INPUT), by).token
    tokens.settle(db, token.id, environment_id, answer, by)
    number = unread[-1][0] + 1 if unread else 1
    db.gather(_INSERT, {"run_id": run_id, "name": name, "number": number, "token_id": token.id})
    record(db, "run.input", run, by, input=name)
    return Sent()


def _give(db: Unit, run_id: str, environment_id: str, name: str, answer: Answer, by: By, rules: Rules) -> bool:
    """Settle the token of the first open wait; one that has just timed out is none."""
    return any(
        isinstance(tokens.settle(db, token_id, environment_id, answer, by, rules), Settled)
        for (token_id,) in db.run(_OPEN, {"b_run": run_id, "b_name": name})
    )
