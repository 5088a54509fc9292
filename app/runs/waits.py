"""Waiting: a run names the tokens it waits for, is parked, and is queued again when they are settled.

The rule that keeps an answer from being missed: whoever opens a wait locks the tokens first, then reads
whether they are settled, and only then writes the wait down. Whoever settles a token holds its row, too,
so one of the two sees the other. Locks are taken in the order tokens, runs, log; each by id.
"""

import msgspec
from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..tokens import models as tokens
from ..tokens.lifecycle import as_of
from ..tokens.models import By, Token
from . import journal
from .lifecycle import FENCED, LOCKED, WORKER, Fenced, found, owned, record, requeue
from .models import COLUMNS, WAITING, Checkpoint, Mode, Owner, Run, RunRow, WaitRow, run_of

_runs = table_of(RunRow)
_waits = table_of(WaitRow)
_tokens = table_of(tokens.TokenRow)


class Waiting(msgspec.Struct, frozen=True):
    """The wait is written down; the run will be told."""


class Ended(msgspec.Struct, frozen=True):
    """The wait is over, perhaps before it began: these tokens are settled, in the order in which they were named."""

    tokens: tuple[Token, ...]


class NoSuchToken(msgspec.Struct, frozen=True):
    """One of the tokens does not exist in the run's environment."""

    token_id: str


class Parked(msgspec.Struct, frozen=True):
    """The run waits, and its worker need not hold it."""


class GoOn(msgspec.Struct, frozen=True):
    """These waits have ended meanwhile: the run goes on where it is."""

    positions: tuple[str, ...]


_LOCK_TOKEN = Prepared(
    select(*tokens.COLUMNS).where(_tokens.c.id == bindparam("b_id")).with_for_update(), tokens.COLUMNS
)
_INSERT = Prepared(upsert(_waits).on_conflict_do_nothing())  # a replay opens its wait again
_OF_TOKEN = Prepared(
    select(_waits.c.run_id, _waits.c.position, _waits.c.mode)
    .where(_waits.c.token_id == bindparam("b_token"))
    .order_by(_waits.c.run_id, _waits.c.position),
    [_waits.c.run_id, _waits.c.position, _waits.c.mode],
)
_AT_POSITION = (_waits.c.run_id == bindparam("b_run")) & (_waits.c.position == bindparam("b_position"))
_STILL_OPEN = Prepared(
    select(_waits.c.token_id).join(_tokens, _tokens.c.id == _waits.c.token_id).where(_AT_POSITION, tokens.IS_WAITING),
    [_waits.c.token_id],
)
_CLOSE = Prepared(delete(_waits).where(_AT_POSITION))
_POSITIONS = Prepared(
    select(_waits.c.position).where(_waits.c.run_id == bindparam("b_run")).distinct(), [_waits.c.position]
)
_PARK = Prepared(
    update(_runs).where(_runs.c.id == bindparam("b_id")).values(status=WAITING, lease_until=None).returning(*COLUMNS),
    COLUMNS,
)


def open_wait(
    db: Unit, owner: Owner, position: str, token_ids: tuple[str, ...], mode: Mode
) -> Waiting | Ended | NoSuchToken | Fenced:
    """Wait for all of these tokens, or for any of them, at one position of a run."""
    locked = _lock_tokens(db, token_ids)
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    for token_id in token_ids:
        token = locked.get(token_id)
        if token is None or token.environment_id != run.environment_id:
            return NoSuchToken(token_id)
    settled = tuple(locked[token_id] for token_id in token_ids if locked[token_id].is_settled)
    if len(settled) == len(token_ids) or (mode == "any" and settled):
        _write_down(db, run, position, settled[:1] if mode == "any" else settled)
        return Ended(settled[:1] if mode == "any" else settled)
    rows = [
        {"run_id": run.id, "position": position, "token_id": name, "mode": mode} for name in dict.fromkeys(token_ids)
    ]
    db.insert(_INSERT, *rows)
    record(db, "run.waits", run, WORKER, position=position, tokens=list(token_ids))
    return Waiting()


def park(db: Unit, owner: Owner, positions: tuple[str, ...]) -> Parked | GoOn | Fenced:
    """Nothing of the run can go on before one of these waits has ended: it becomes rows only.

    If one ended meanwhile, the run goes on instead.
    """
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    still_open = {position for (position,) in db.run(_POSITIONS, {"b_run": run.id})}
    ended = tuple(position for position in positions if position not in still_open)
    if ended:
        return GoOn(ended)
    (row,) = db.run(_PARK, {"b_id": run.id})
    record(db, "run.waiting", run_of(row), WORKER)
    return Parked()


def wake_runs(db: Unit, token: Token, by: By) -> None:
    """Follows every settlement, inside its transaction: ends the waits for the token and queues the runs that wait."""
    for run_id, position, mode in db.run(_OF_TOKEN, {"b_token": token.id}):
        run = found(db, LOCKED, run_id)
        if run is not None and not run.is_finished:
            _end_wait(db, run, position, mode, token, by)


def _end_wait(db: Unit, run: Run, position: str, mode: Mode, token: Token, by: By) -> None:
    # Read behind the lock on the run: two tokens of one wait may be settled at the same moment.
    place = {"b_run": run.id, "b_position": position}
    if mode == "all" and db.run(_STILL_OPEN, place):
        return
    settled = (token,) if mode == "any" else ()
    _write_down(db, run, position, settled)
    db.run(_CLOSE, place)
    record(db, "run.woken", run, by, position=position)
    if run.is_waiting:
        requeue(db, run, by)


def _write_down(db: Unit, run: Run, position: str, settled: tuple[Token, ...]) -> None:
    """Who won is recorded, so that a replay takes the same way; outputs are read off the tokens, which never change."""
    winners = msgspec.json.encode([token.id for token in settled]).decode()
    journal.write(db, run.id, Checkpoint(position, journal.WAIT, result=winners))


def _lock_tokens(db: Unit, token_ids: tuple[str, ...]) -> dict[str, Token]:
    locked = {}
    for token_id in sorted(set(token_ids)):
        for row in db.run(_LOCK_TOKEN, {"b_id": token_id}):
            locked[token_id] = as_of(tokens.token_of(row), db.now)
    return locked
