"""Everything that changes a run: triggered, claimed, finished, failed, cancelled, given up by its worker.

A run has one owner at a time. Claiming begins a new generation; whatever an owner of an older one
says afterwards is `Fenced` and changes nothing, however long it was away.
"""

from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, or_, select, update

from .. import ids
from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..tokens.models import By
from .models import (
    CANCELED,
    COLUMNS,
    COMPLETED,
    EXECUTING,
    FAILED,
    IS_EXECUTING,
    IS_QUEUED,
    QUEUED,
    Owner,
    Run,
    RunRow,
    Status,
    WaitRow,
    run_of,
)

RUN_PREFIX = "run_"
WORKER = By(kind="worker", door="worker")
LEASE = By(kind="system", door="lease")
PARKED_GRACE = timedelta(seconds=2)
"""How long a run that goes on is kept for the worker that parked it, before any other may have it."""

_runs = table_of(RunRow)
_waits = table_of(WaitRow)


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of. The payload is JSON text; a delayed run may be claimed from `available_at` on."""

    task: str
    payload: str
    tags: tuple[str, ...] = ()
    available_at: datetime | None = None


class Fenced(msgspec.Struct, frozen=True):
    """The run has gone on without this owner: it was finished, cancelled, or claimed by another."""


class Unknown(msgspec.Struct, frozen=True):
    """There is no such run in this environment."""


FENCED = Fenced()

_INSERT = Prepared(insert(_runs))
_THE_RUN = select(*COLUMNS).where(_runs.c.id == bindparam("b_id"))
_BY_ID = Prepared(_THE_RUN, COLUMNS)
LOCKED = Prepared(_THE_RUN.with_for_update(), COLUMNS)
_OWNED = (_runs.c.id == bindparam("b_id")) & (_runs.c.generation == bindparam("b_generation")) & IS_EXECUTING
_CLAIM = Prepared(
    update(_runs)
    .where(_runs.c.id == bindparam("b_id"), IS_QUEUED)
    .values(
        status=EXECUTING,
        generation=_runs.c.generation + 1,
        owner=bindparam("b_owner"),
        lease_until=bindparam("b_lease", type_=Instant),
        started_at=bindparam("b_started", type_=Instant),
        problem=None,
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_FINISH = Prepared(
    update(_runs)
    .where(_OWNED)
    .values(
        status=bindparam("b_status"),
        finished_at=bindparam("b_now", type_=Instant),
        output=bindparam("b_output"),
        error=bindparam("b_error"),
        lease_until=None,
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_RETRY = Prepared(
    update(_runs)
    .where(_OWNED)
    .values(
        status=QUEUED,
        attempt=_runs.c.attempt + 1,
        available_at=bindparam("b_available", type_=Instant),
        error=bindparam("b_error"),
        owner=None,
        lease_until=None,
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_RENEW = Prepared(
    update(_runs).where(_OWNED).values(lease_until=bindparam("b_lease", type_=Instant)).returning(_runs.c.id),
    [_runs.c.id],
)
_STOP_WAITING = Prepared(delete(_waits).where(_waits.c.run_id == bindparam("b_id")))


def trigger(db: Unit, environment_id: str, new: NewRun, by: By) -> Run:
    """Queue a run of a task."""
    run = Run(
        id=ids.new_id(RUN_PREFIX, db.now),
        environment_id=environment_id,
        task=new.task,
        status=QUEUED,
        payload=new.payload,
        tags=new.tags,
        created_at=db.now,
        available_at=new.available_at or db.now,
        attempt=1,
        generation=0,
    )
    db.insert(_INSERT, {**msgspec.structs.asdict(run), "tags": msgspec.json.encode(run.tags).decode()})
    record(db, "run.queued", run, by)
    return run


def claim(
    db: Unit, environment_id: str, worker: str, tasks: tuple[str, ...], limit: int, lease: timedelta
) -> list[Run]:
    """Give a worker up to `limit` queued runs of its tasks, the longest waiting first.

    A run that goes on is its worker's for a moment (`PARKED_GRACE`), since that one has it in memory.
    """
    free_for_all = _runs.c.available_at <= db.now - PARKED_GRACE
    queued = (
        select(*COLUMNS)
        .where(
            _runs.c.environment_id == environment_id,
            IS_QUEUED,
            _runs.c.available_at <= db.now,
            _runs.c.task.in_(tasks),
            or_(_runs.c.owner.is_(None), _runs.c.owner == worker, free_for_all),
        )
        .order_by(_runs.c.available_at, _runs.c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    found = [run_of(row) for row in db.execute(queued)]
    return [_given_to(db, run, worker, lease) for run in found]


def finish(db: Unit, owner: Owner, output: str | None) -> Run | Fenced:
    """The task returned."""
    return _end(db, owner, COMPLETED, output=output)


def fail(db: Unit, owner: Owner, error: str, retry_in: timedelta | None) -> Run | Fenced:
    """The task raised. With `retry_in` it is queued again with its journal, and runs only what failed."""
    if retry_in is None:
        return _end(db, owner, FAILED, error=error)
    values = {**_of(owner), "b_available": db.now + retry_in, "b_error": error}
    rows = db.run(_RETRY, values)
    if not rows:
        return FENCED
    run = run_of(rows[0])
    record(db, "run.retried", run, WORKER, attempt=run.attempt)
    return run


def cancel(db: Unit, run_id: str, environment_id: str, by: By) -> Run | Unknown:
    """End a run from outside. A finished one stays as it is; its worker, if it has one, is fenced."""
    run = found(db, LOCKED, run_id)
    if run is None or run.environment_id != environment_id:
        return Unknown()
    if run.is_finished:
        return run
    cancelled = (
        update(_runs)
        .where(_runs.c.id == run_id)
        .values(status=CANCELED, finished_at=db.now, lease_until=None, generation=_runs.c.generation + 1)
        .returning(*COLUMNS)
    )
    run = run_of(db.execute(cancelled).one())
    db.run(_STOP_WAITING, {"b_id": run_id})
    record(db, "run.canceled", run, by)
    return run


def renew(db: Unit, owners: tuple[Owner, ...], lease: timedelta) -> list[Owner]:
    """Heartbeats: prolong the leases of what a worker still executes; gives those that it has lost."""
    until = db.now + lease
    ordered = sorted(owners, key=lambda owner: owner.run_id)
    return [owner for owner in ordered if not db.run(_RENEW, {**_of(owner), "b_lease": until})]


def take_back_lost(db: Unit, limit: int) -> list[Run]:
    """Queue every run whose worker has not been heard of. Safe to run from many processes, again and again."""
    lost = (
        select(*COLUMNS)
        .where(IS_EXECUTING, _runs.c.lease_until <= db.now)
        .order_by(_runs.c.lease_until)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    runs = sorted((run_of(row) for row in db.execute(lost)), key=lambda run: run.id)
    return [requeue(db, run, LEASE) for run in runs]


def requeue(db: Unit, run: Run, by: By) -> Run:
    """Let a locked run be claimed again. The generation moves on at once, so its old owner is fenced from now on."""
    again = (
        update(_runs)
        .where(_runs.c.id == run.id)
        .values(status=QUEUED, available_at=db.now, lease_until=None, generation=_runs.c.generation + 1)
        .returning(*COLUMNS)
    )
    run = run_of(db.execute(again).one())
    record(db, "run.queued", run, by)
    return run


def retrieve(db: Unit, run_id: str, environment_id: str) -> Run | None:
    """One run as it stands; None when there is none, or it belongs to another environment."""
    run = found(db, _BY_ID, run_id)
    return run if run is not None and run.environment_id == environment_id else None


def owned(db: Unit, owner: Owner) -> Run | Fenced:
    """Lock a run for its owner; `Fenced` when it is no longer theirs."""
    run = found(db, LOCKED, owner.run_id)
    if run is None or run.generation != owner.generation or not run.is_executing:
        return FENCED
    return run


def found(db: Unit, statement: Prepared, run_id: str) -> Run | None:
    rows = db.run(statement, {"b_id": run_id})
    return run_of(rows[0]) if rows else None


def record(db: Unit, kind: str, run: Run, by: By, **details: Any) -> None:
    """Log what happened to a run."""
    data = {"task": run.task, "status": run.status, **details}
    db.record(kind, run.id, environment_id=run.environment_id, actor=by, data=data)


def _given_to(db: Unit, run: Run, worker: str, lease: timedelta) -> Run:
    values = {
        "b_id": run.id,
        "b_owner": worker,
        "b_lease": db.now + lease,
        "b_started": run.started_at or db.now,
    }
    (row,) = db.run(_CLAIM, values)
    run = run_of(row)
    record(db, "run.executing", run, WORKER, worker=worker)
    return run


def _end(db: Unit, owner: Owner, status: Status, output: str | None = None, error: str | None = None) -> Run | Fenced:
    values = {**_of(owner), "b_status": status, "b_now": db.now, "b_output": output, "b_error": error}
    rows = db.run(_FINISH, values)
    if not rows:
        return FENCED
    run = run_of(rows[0])
    db.run(_STOP_WAITING, {"b_id": run.id})
    record(db, f"run.{status.lower()}", run, WORKER)
    return run


def _of(owner: Owner) -> dict[str, Any]:
    return {"b_id": owner.run_id, "b_generation": owner.generation}
