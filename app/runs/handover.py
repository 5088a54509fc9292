"""What a worker is handed: runs to begin or to go on with, and what it must know of them.

Each function here is one transaction, or one read.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import bindparam, select, update

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..tokens.models import Token
from . import journal, lifecycle
from .models import COLUMNS, IS_EXECUTING, IS_QUEUED, Checkpoint, Owner, Run, RunRow, run_of
from .waits import still_theirs, tokens_in
from .workers import Place

_runs = table_of(RunRow)
_NEXT = Prepared(
    select(_runs.c.available_at)
    .where(_runs.c.environment_id == bindparam("b_environment"), _runs.c.task == bindparam("b_task"), IS_QUEUED)
    .order_by(_runs.c.available_at)
    .limit(1),
    [_runs.c.available_at],
)
_FIRST_LEASE = Prepared(
    select(_runs.c.lease_until).where(IS_EXECUTING).order_by(_runs.c.lease_until).limit(1), [_runs.c.lease_until]
)
_OF_WORKER = Prepared(
    select(*COLUMNS)
    .where(IS_EXECUTING, _runs.c.environment_id == bindparam("b_environment"), _runs.c.owner == bindparam("b_worker"))
    .with_for_update(),
    COLUMNS,
)
_SHORTEN = Prepared(
    update(_runs)
    .where(
        IS_EXECUTING,
        _runs.c.environment_id == bindparam("b_environment"),
        _runs.c.owner == bindparam("b_worker"),
        _runs.c.lease_until > bindparam("b_until", type_=Instant),
    )
    .values(lease_until=bindparam("b_until", type_=Instant))
)


class Entry(msgspec.Struct, frozen=True):
    """A checkpoint, with the tokens that ended it when it is a wait."""

    checkpoint: Checkpoint
    tokens: tuple[Token, ...] = ()


class Handover(msgspec.Struct, frozen=True):
    """A run that a worker was given. One that `goes_on` is in its memory, and `entries` are the waits that ended."""

    run: Run
    entries: tuple[Entry, ...]
    goes_on: bool


class Welcome(msgspec.Struct, frozen=True):
    """What a worker that has come is told: what it no longer has, what it executes, and what of that it must resume.

    Each run in `lost` and `parked` comes with the generation in which the worker has it.
    """

    lost: dict[str, int]
    parked: dict[str, int]
    executing: tuple[Handover, ...]
    resumed: tuple[Handover, ...]


class Outlook(msgspec.Struct, frozen=True):
    """When something is next to be done: for each environment, and for the leases."""

    queued: dict[str, datetime]
    lease: datetime | None
    now: datetime


def claim(
    db: Unit,
    environment_id: str,
    worker: str,
    tasks: tuple[str, ...],
    limit: int,
    lease: timedelta,
    parked: Mapping[str, Place],
    grace: timedelta = lifecycle.PARKED_GRACE,
    room: Mapping[str, int] | None = None,
) -> list[Handover]:
    """Give a worker queued runs, with what it must know. `parked` are those that it has in memory, and where."""
    runs = lifecycle.claim(db, environment_id, worker, tasks, limit, lease, grace, room)
    return [_handover(db, run, parked.get(run.id)) for run in runs]


def welcome(
    db: Unit,
    environment_id: str,
    worker: str,
    tasks: tuple[str, ...],
    parked: Mapping[str, int],
    held: Mapping[str, int] | None,
    lease: timedelta,
) -> Welcome:
    """A worker has come, or come back: it may bring other code, and may have missed something.

    `parked` are the runs that it has in memory and `held` those that it executes, each with its generation. A run
    that was given to it and never arrived is queued again; None leaves that to the lease. One that it has in memory
    is to go on from there: it is told so again, under the same generation, which it passes over if it has heard it.
    What it executes may be parked, too, if it has not heard the reply to that.
    """
    lifecycle.try_again(db, environment_id, tasks)
    given = [run_of(row) for row in db.run(_OF_WORKER, {"b_environment": environment_id, "b_worker": worker})]
    in_memory = {**parked, **(held or {})}
    kept = still_theirs(db, environment_id, worker, in_memory)
    resumed = [run for run in given if run.id in kept]
    executing = [run for run in given if run.id not in kept and (held is None or held.get(run.id) == run.generation)]
    going_on = {run.id: run for run in (*resumed, *executing)}
    for run in given:
        if run.id not in going_on:
            lifecycle.requeue(db, run, lifecycle.WORKER)
    owners = tuple(Owner(run.id, run.generation, environment_id) for run in going_on.values())
    lifecycle.renew(db, owners, lease, worker)
    return Welcome(
        lost={run_id: at for run_id, at in parked.items() if run_id not in kept and run_id not in going_on},
        parked={run_id: at for run_id, at in kept.items() if run_id not in going_on},
        executing=tuple(Handover(run, _waits_of(db, run.id), goes_on=True) for run in executing),
        resumed=tuple(Handover(run, _waits_of(db, run.id), goes_on=True) for run in resumed),
    )


def goodbye(db: Unit, environment_id: str, worker: str, within: timedelta) -> None:
    """The connection of a worker is gone: if it does not come back within this time, its runs are others'."""
    db.run(_SHORTEN, {"b_environment": environment_id, "b_worker": worker, "b_until": db.now + within})


def give_back(db: Unit, runs: Sequence[Run]) -> None:
    """Queue again what was claimed for a worker that could not be told of it."""
    for run in sorted(runs, key=lambda run: run.id):
        lifecycle.give_up(db, Owner(run.id, run.generation, run.environment_id))


def look(db: Unit, wanted: Mapping[str, set[str]]) -> Outlook:
    """When there is something for these tasks of each environment, and when the first lease runs out."""
    queued = {}
    for environment_id, tasks in wanted.items():
        found = [
            moment for task in tasks for (moment,) in db.run(_NEXT, {"b_environment": environment_id, "b_task": task})
        ]
        if found:
            queued[environment_id] = min(found)
    leases = db.run(_FIRST_LEASE, {})
    return Outlook(queued, leases[0][0] if leases else None, db.now)


def entries(db: Unit, run_id: str) -> tuple[Entry, ...]:
    """The whole journal of a run."""
    return tuple(entry(db, checkpoint) for checkpoint in journal.of_run(db, run_id))


def entry(db: Unit, checkpoint: Checkpoint) -> Entry:
    return Entry(checkpoint, tokens_in(db, checkpoint))


def entry_at(db: Unit, run_id: str, position: str) -> Entry | None:
    """What is recorded at one position."""
    checkpoint = journal.at(db, run_id, position)
    return None if checkpoint is None else entry(db, checkpoint)


def journal_of(db: Unit, owner: Owner) -> Handover | lifecycle.Fenced:
    """The whole run again, for its owner."""
    run = lifecycle.owned(db, owner)
    return run if isinstance(run, lifecycle.Fenced) else Handover(run, entries(db, run.id), goes_on=False)


def _handover(db: Unit, run: Run, place: Place | None) -> Handover:
    # Queued once, and claimed: whoever parked it has it as it is. Otherwise it was cancelled and tried again meanwhile.
    if place is None or run.generation != place.generation + 2:
        is_fresh = run.generation == 1
        return Handover(run, () if is_fresh else entries(db, run.id), goes_on=False)
    if not place.positions:  # it has said hello since it parked, and only the run itself knows where it waits
        return Handover(run, _waits_of(db, run.id), goes_on=True)
    ended = (entry_at(db, run.id, position) for position in place.positions)
    return Handover(run, tuple(each for each in ended if each is not None), goes_on=True)


def _waits_of(db: Unit, run_id: str) -> tuple[Entry, ...]:
    return tuple(entry(db, each) for each in journal.of_run(db, run_id) if each.kind == "wait")
