"""Waiting: a run names the tokens it waits for, is parked, and is queued again when they are settled.

The rule that keeps an answer from being missed: whoever opens a wait locks the tokens first, then reads
whether they are settled, and only then writes the wait down. Whoever settles a token holds its row, too,
so one of the two sees the other. Locks are taken in the order tokens, runs, log; each by id.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Text, any_, bindparam, delete, null, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from ..database import Prepared, Unit, ahead_of
from ..database.tables import table_of
from ..tokens import lifecycle as tokens_lifecycle
from ..tokens import models as tokens
from ..tokens.lifecycle import NO_RULES, Created, NewToken, Rules, as_of
from ..tokens.models import SLEEP, By, Token
from . import journal
from .lifecycle import (
    FENCED,
    LOCKED,
    WORKER,
    Fenced,
    NewRun,
    found,
    owned,
    record,
    requeue,
    retrieve,
    trigger,
    with_a_token,
)
from .models import COLUMNS, MADE_RUN, MADE_TOKEN, WAIT, WAITING, Checkpoint, Mode, Owner, Run, RunRow, WaitRow, run_of

CREATE_TOKEN = "create_token"
FOR_TOKENS = "wait"
FOR_TIME = "sleep"
TRIGGER = "trigger"
KEY_LIFETIME = timedelta(days=30)  # of the idempotency key of a sleep, unless said otherwise

_runs = table_of(RunRow)
_waits = table_of(WaitRow)
_tokens = table_of(tokens.TokenRow)


class SleepKey(msgspec.Struct, frozen=True):
    """What makes several sleeps one."""

    text: str
    lifetime: timedelta


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

    ended: tuple[tuple[str, tuple[Token, ...]], ...]


class NotWaiting(msgspec.Struct, frozen=True):
    """The run was never waiting at this position, so it cannot be parked there."""

    position: str


LOCK_TOKEN = Prepared(
    select(*tokens.COLUMNS).where(_tokens.c.id == bindparam("b_id")).with_for_update(), tokens.COLUMNS
)
_READ_TOKEN = Prepared(select(*tokens.COLUMNS).where(_tokens.c.id == bindparam("b_id")), tokens.COLUMNS)
_INSERT = Prepared(upsert(_waits).on_conflict_do_nothing())  # a replay opens its wait again
_WAIT = (_waits.c.run_id, _waits.c.position, _waits.c.mode, _waits.c.input)
_OF_TOKEN = Prepared(
    select(*_WAIT).where(_waits.c.token_id == bindparam("b_token")).order_by(_waits.c.run_id, _waits.c.position),
    _WAIT,
)
_OF_TOKENS = Prepared(
    select(_waits.c.token_id, *_WAIT)
    .where(_waits.c.token_id == any_(bindparam("tokens", type_=ARRAY(Text))))
    .order_by(_waits.c.run_id, _waits.c.position),
    [_waits.c.token_id, *_WAIT],
)
_AT_POSITION = (_waits.c.run_id == bindparam("b_run")) & (_waits.c.position == bindparam("b_position"))
_OPEN_AT = Prepared(
    select(_waits.c.token_id, _tokens.c.status)
    .join(_tokens, _tokens.c.id == _waits.c.token_id)
    .where(_AT_POSITION)
    .order_by(_waits.c.number),
    [_waits.c.token_id, _tokens.c.status],
)
_CLOSE = Prepared(delete(_waits).where(_AT_POSITION))
_POSITIONS = Prepared(
    select(_waits.c.position).where(_waits.c.run_id == bindparam("b_run")).distinct(), [_waits.c.position]
)
_PARK = Prepared(
    update(_runs).where(_runs.c.id == bindparam("b_id")).values(status=WAITING, lease_until=null()).returning(*COLUMNS),
    COLUMNS,
)


def create_token(
    db: Unit, owner: Owner, position: str, new: NewToken, by: By, rules: Rules = NO_RULES
) -> Checkpoint | Fenced:
    """Make a token and record that the run has made it: a replay is given the same one."""
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    earlier = journal.at(db, run.id, position)
    if earlier is not None:
        return earlier
    by_the_run = msgspec.structs.replace(by, id=run.id, name=run.task)
    created: Created = tokens_lifecycle.create(db, run.environment_id, new, by_the_run, rules)
    made = {"id": created.token.id, "isCached": created.is_cached}
    result = msgspec.json.encode(made | ({"asks": True} if created.token.has_request else {})).decode()
    checkpoint = Checkpoint(position, CREATE_TOKEN, result=result, kind=MADE_TOKEN)
    journal.write(db, run.id, checkpoint)
    return checkpoint


def trigger_child(db: Unit, owner: Owner, position: str, new: NewRun, by: By) -> Checkpoint | Fenced:
    """Queue a run from within a run, and record it: a replay is given the same one. Its end settles the token."""
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    earlier = journal.at(db, run.id, position)
    if earlier is not None:
        return earlier
    child = with_a_token(db, trigger(db, run.environment_id, new, by, parent_id=run.id).run, by)
    result = msgspec.json.encode({"run": child.id, "token": child.token_id}).decode()
    checkpoint = Checkpoint(position, TRIGGER, result=result, kind=MADE_RUN)
    journal.write(db, run.id, checkpoint)
    return checkpoint


def open_wait(
    db: Unit, owner: Owner, position: str, token_ids: tuple[str, ...], mode: Mode
) -> Waiting | Ended | NoSuchToken | Fenced:
    """Wait for all of these tokens, or for any of them, at one position of a run."""
    locked = _lock_tokens(db, token_ids)
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    earlier = journal.at(db, run.id, position)
    if earlier is not None:
        return Ended(tokens_in(db, earlier))
    for token_id in token_ids:
        token = locked.get(token_id)
        if token is None or token.environment_id != run.environment_id:
            return NoSuchToken(token_id)
    named = tuple(dict.fromkeys(token_ids))
    settled = tuple(locked[token_id] for token_id in named if locked[token_id].is_settled)
    if len(settled) == len(named) or (mode == "any" and settled):
        ended = settled[:1] if mode == "any" else settled
        # An earlier life of the run may have the wait open, on a token that the sweeper has not met yet.
        db.run(_CLOSE, {"b_run": run.id, "b_position": position})
        write_down(db, run, position, FOR_TOKENS, [token.id for token in ended])
        return Ended(ended)
    note(db, run, position, named, mode)
    return Waiting()


def sleep(
    db: Unit, owner: Owner, position: str, until: datetime, key: SleepKey | None = None
) -> Waiting | Ended | Fenced:
    """Wait for an instant: for a token of its own that times out then. A sleep that began before goes on.

    Sleeps under the same key are one: whoever comes later waits for what is left of it, and not at all
    when it is over.
    """
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    if journal.at(db, run.id, position) is not None:
        return Ended(())
    if is_open(db, run.id, position):
        return Waiting()
    if until <= db.now and key is None:
        write_down(db, run, position, FOR_TIME, [])
        return Ended(())
    new = NewToken(timeout=until, kind=SLEEP)
    if key is not None:
        new = msgspec.structs.replace(new, idempotency_key=key.text, idempotency_key_ttl=key.lifetime)
    created = tokens_lifecycle.create(db, run.environment_id, new, WORKER)
    may_be_over = created.is_cached or until <= db.now
    if may_be_over and _lock_tokens(db, (created.token.id,))[created.token.id].is_settled:
        write_down(db, run, position, FOR_TIME, [])
        return Ended(())
    note(db, run, position, (created.token.id,), "all")
    return Waiting()


def park(db: Unit, owner: Owner, positions: tuple[str, ...]) -> Parked | GoOn | NotWaiting | Fenced:
    """Nothing of the run can go on before one of these waits has ended: it becomes rows only.

    If one ended meanwhile, the run goes on instead. Who did not hear the answer is given the same once more.
    """
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return Parked() if _has_parked(db, owner) else FENCED
    still_open = {position for (position,) in db.run(_POSITIONS, {"b_run": run.id})}
    ended = []
    for position in positions:
        if position not in still_open:
            checkpoint = journal.at(db, run.id, position)
            if checkpoint is None:
                return NotWaiting(position)
            ended.append((position, tokens_in(db, checkpoint)))
    if ended:
        return GoOn(tuple(ended))
    if not positions:
        return NotWaiting("")
    (row,) = db.run(_PARK, {"b_id": run.id})
    record(db, "run.waiting", run_of(row), WORKER)
    return Parked()


def _has_parked(db: Unit, owner: Owner) -> bool:
    """Whether this owner has parked the run, and nobody has had it since: it waits, or is queued to go on."""
    run = retrieve(db, owner.run_id, owner.environment_id)
    return run is not None and is_in_memory(run, owner.generation) and not run.is_executing


def is_in_memory(run: Run, generation: int) -> bool:
    """Whether whoever parked the run under this generation may go on with it as it is.

    It waits; or its wait has ended, which queued it under the next generation and kept it for its owner; or it was
    claimed again, under the one after that. A run that was lost, or waits with a problem, has no owner.
    """
    if run.owner is None:
        return False
    ahead = run.generation - generation
    return (run.is_waiting and ahead == 0) or (run.is_queued and ahead == 1) or (run.is_executing and ahead == 2)


def wake_runs(db: Unit, token: Token, by: By) -> None:
    """Follows every settlement, inside its transaction: ends the waits for the token and queues the runs that wait."""
    for run_id, position, mode, name in db.run(_OF_TOKEN, {"b_token": token.id}, foreseen=token.id):
        run = found(db, LOCKED, run_id)
        if run is not None and not run.is_finished:
            _end_wait(db, run, position, mode, _name_of(token, name), token, by)


@ahead_of(wake_runs)
def _look_for_waits(db: Unit, calls: Sequence[tuple[Token, By]]) -> None:
    """Find the waits for many tokens with one statement."""
    waiting: dict[str, list[tuple[Any, ...]]] = {token.id: [] for token, _ in calls}
    for token_id, *wait in db.run(_OF_TOKENS, {"tokens": [*waiting]}):
        waiting[token_id].append(tuple(wait))
    for token_id, waits in waiting.items():
        db.foresee(_OF_TOKEN, token_id, waits)


def named(name: str) -> str:
    """What the journal calls a wait for an input: a change of the code is told by it."""
    return f"input {name}"


def is_open(db: Unit, run_id: str, position: str) -> bool:
    """Whether the run waits at this position."""
    return bool(db.run(_OPEN_AT, {"b_run": run_id, "b_position": position}))


def tokens_in(db: Unit, checkpoint: Checkpoint) -> tuple[Token, ...]:
    """The tokens that ended a wait, as they were settled. Those that only ended a sleep are nobody's business."""
    if checkpoint.name == FOR_TIME:
        return ()
    return tuple(
        as_of(tokens.token_of(row), db.now)
        for token_id in checkpoint.token_ids
        for row in db.run(_READ_TOKEN, {"b_id": token_id})
    )


def still_theirs(db: Unit, environment_id: str, worker: str, in_memory: Mapping[str, int]) -> dict[str, int]:
    """Which of the runs that a worker has in memory, each with its generation, it may still go on with."""
    runs = (retrieve(db, run_id, environment_id) for run_id in in_memory)
    return {
        run.id: in_memory[run.id]
        for run in runs
        if run is not None and run.owner == worker and is_in_memory(run, in_memory[run.id])
    }


def _name_of(token: Token, name: str | None) -> str:
    if name is not None:
        return named(name)
    return FOR_TIME if token.kind == SLEEP else FOR_TOKENS


def _end_wait(db: Unit, run: Run, position: str, mode: str, name: str, token: Token, by: By) -> None:
    # Read behind the lock on the run: two tokens of one wait may be settled at the same moment.
    place = {"b_run": run.id, "b_position": position}
    waited_for = db.run(_OPEN_AT, place)
    if not waited_for:
        return  # the other one was first, and has ended it
    if mode == "all" and any(status == tokens.WAITING for _, status in waited_for):
        return
    write_down(db, run, position, name, [token.id] if mode == "any" else [token_id for token_id, _ in waited_for])
    db.run(_CLOSE, place)
    if run.is_waiting:
        requeue(db, run, by, "run.woken", keep_for=run.owner, position=position)
    else:
        record(db, "run.woken", run, by, position=position)


def note(
    db: Unit, run: Run, position: str, token_ids: tuple[str, ...], mode: Mode, *, input: str | None = None
) -> None:
    """Write a wait down. `input` is the name of the input that its token stands for."""
    rows = [
        {"run_id": run.id, "position": position, "token_id": token_id, "number": number, "mode": mode, "input": input}
        for number, token_id in enumerate(token_ids)
    ]
    db.gather(_INSERT, *rows)
    named_input = {} if input is None else {"input": input}
    record(db, "run.waits", run, WORKER, position=position, tokens=list(token_ids), **named_input)


def write_down(db: Unit, run: Run, position: str, name: str, token_ids: list[str]) -> Checkpoint:
    """Who ended it is recorded, so that a replay takes the same way; outputs are read off the tokens, which never change."""
    result = msgspec.json.encode(token_ids).decode()
    checkpoint = Checkpoint(position, name, result=result, kind=WAIT)
    journal.write(db, run.id, checkpoint)
    return checkpoint


def _lock_tokens(db: Unit, token_ids: tuple[str, ...]) -> dict[str, Token]:
    locked = {}
    for token_id in sorted(set(token_ids)):
        for row in db.run(LOCK_TOKEN, {"b_id": token_id}):
            locked[token_id] = as_of(tokens.token_of(row), db.now)
    return locked
