"""Everything that changes a run: triggered, claimed, finished, failed, cancelled, retried, given up by its worker.

A run has one owner at a time. Claiming begins a new generation; whatever an owner of an older one
says afterwards is `Fenced` and changes nothing, however long it was away.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, null, or_, select, update

from .. import ids
from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..tokens import lifecycle as tokens
from ..tokens.lifecycle import NO_RULES, Answer, NewToken, Rules
from ..tokens.models import RUN, By, Token
from . import questions
from .models import (
    CANCELED,
    COLUMNS,
    COMPLETED,
    EXECUTING,
    FAILED,
    IS_EXECUTING,
    IS_QUEUED,
    IS_WAITING,
    MADE_RUN,
    MADE_TOKEN,
    QUEUED,
    STEP,
    WAIT,
    WAITING,
    CheckpointRow,
    Owner,
    Run,
    RunRow,
    RunTagRow,
    Status,
    WaitRow,
    run_of,
)

WORKER = By(kind="worker", door="worker")
LEASE = By(kind="system", door="lease")
PARKED_GRACE = timedelta(seconds=2)
"""How long a run that goes on is kept for the worker that parked it, before any other may have it."""

_runs = table_of(RunRow)
_waits = table_of(WaitRow)
_tags = table_of(RunTagRow)
_checkpoints = table_of(CheckpointRow)


class NewRun(msgspec.Struct, frozen=True, kw_only=True):
    """What a run is made of. The payload is JSON text; `delay` is a duration or an instant."""

    task: str
    payload: str
    tags: tuple[str, ...] = ()
    delay: timedelta | datetime | None = None
    idempotency_key: str | None = None
    idempotency_key_ttl: timedelta = timedelta(days=30)
    request_key: str | None = None


class Triggered(msgspec.Struct, frozen=True):
    """A run that was queued now, or the one that the same key had queued before."""

    run: Run
    is_cached: bool


class Fenced(msgspec.Struct, frozen=True):
    """The run has gone on without this owner: it was finished, cancelled, or claimed by another."""


class Unknown(msgspec.Struct, frozen=True):
    """There is no such run in this environment."""


FENCED = Fenced()

_INSERT = Prepared(insert(_runs))
_INSERT_TAGS = Prepared(insert(_tags))
_RESTATE_TAGS = Prepared(
    update(_tags)
    .where(_tags.c.run_id == bindparam("b_id"), _tags.c.status != bindparam("b_status"))
    .values(status=bindparam("b_status"))
)
_THE_RUN = select(*COLUMNS).where(_runs.c.id == bindparam("b_id"))
_BY_ID = Prepared(_THE_RUN, COLUMNS)
LOCKED = Prepared(_THE_RUN.with_for_update(), COLUMNS)
_OWNED = (
    (_runs.c.id == bindparam("b_id"))
    & (_runs.c.generation == bindparam("b_generation"))
    & (_runs.c.environment_id == bindparam("b_environment"))
    & IS_EXECUTING
)
# One query for each task: a range of the queue's index, however many runs of other tasks are queued.
_CLAIMABLE = Prepared(
    select(*COLUMNS)
    .where(
        _runs.c.environment_id == bindparam("b_environment"),
        _runs.c.task == bindparam("b_task"),
        IS_QUEUED,
        _runs.c.available_at <= bindparam("b_now", type_=Instant),
        or_(
            _runs.c.owner.is_(None),
            _runs.c.owner == bindparam("b_worker"),
            _runs.c.available_at <= bindparam("b_free_for_all", type_=Instant),
        ),
    )
    .order_by(_runs.c.available_at, _runs.c.id)
    .limit(bindparam("b_limit"))
    .with_for_update(skip_locked=True),
    COLUMNS,
)
_CLAIM = Prepared(
    update(_runs)
    .where(_runs.c.id == bindparam("b_id"), IS_QUEUED)
    .values(
        status=EXECUTING,
        generation=_runs.c.generation + 1,
        owner=bindparam("b_owner"),
        lease_until=bindparam("b_lease", type_=Instant),
        started_at=bindparam("b_started", type_=Instant),
        problem=null(),
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
        lease_until=null(),
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
        owner=null(),
        lease_until=null(),
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_ONCE_MORE = Prepared(
    update(_runs)
    .where(_runs.c.id == bindparam("b_id"))
    .values(
        status=QUEUED,
        attempt=_runs.c.attempt + 1,
        generation=_runs.c.generation + 1,
        available_at=bindparam("b_available", type_=Instant),
        finished_at=null(),
        output=null(),
        problem=null(),
        owner=null(),
        lease_until=null(),
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_CHILDREN = Prepared(
    select(_runs.c.id)
    .where(
        _runs.c.parent_id == bindparam("b_parent"),
        _runs.c.parent_id.is_not(None),  # said so that a database sees that the index of few rows is enough
        _runs.c.finished_at.is_(None),
    )
    .order_by(_runs.c.id),
    [_runs.c.id],
)
_JOURNAL = Prepared(
    select(_checkpoints.c.position, _checkpoints.c.kind, _checkpoints.c.result)
    .where(_checkpoints.c.run_id == bindparam("b_run"))
    .order_by(_checkpoints.c.at, _checkpoints.c.position),
    [_checkpoints.c.position, _checkpoints.c.kind, _checkpoints.c.result],
)
_NOTE = Prepared(insert(_checkpoints))
_GIVE_TOKEN = Prepared(
    update(_runs).where(_runs.c.id == bindparam("b_id")).values(token_id=bindparam("b_token")).returning(*COLUMNS),
    COLUMNS,
)
_PROBLEM = Prepared(
    update(_runs)
    .where(_OWNED)
    .values(status=WAITING, problem=bindparam("b_problem"), owner=null(), lease_until=null())
    .returning(*COLUMNS),
    COLUMNS,
)
_REQUEUE = Prepared(
    update(_runs)
    .where(_runs.c.id == bindparam("b_id"))
    .values(
        status=QUEUED,
        available_at=bindparam("b_available", type_=Instant),
        owner=bindparam("b_owner"),
        lease_until=null(),
        generation=_runs.c.generation + 1,
    )
    .returning(*COLUMNS),
    COLUMNS,
)
_RENEW = Prepared(
    update(_runs).where(_OWNED).values(lease_until=bindparam("b_lease", type_=Instant)).returning(_runs.c.id),
    [_runs.c.id],
)
_STOP_WAITING = Prepared(delete(_waits).where(_waits.c.run_id == bindparam("b_id")))


def trigger(db: Unit, environment_id: str, new: NewRun, by: By, parent_id: str | None = None) -> Triggered:
    """Queue a run of a task. The same idempotency key gives the same run of that task, whatever became of it.

    A child run comes with a token that its end settles.
    """
    run_id = ids.new_id(ids.RUN_PREFIX, db.now)
    if new.request_key is not None:
        earlier = tokens.claim_key(
            db, environment_id, "run-request", new.request_key, run_id, tokens.REQUEST_KEY_LIFETIME
        )
        if earlier is not None:
            return Triggered(_made_before(db, earlier.token_id), earlier.was_cached)
    if new.idempotency_key is not None:
        scope = f"run:{new.task}"
        earlier = tokens.claim_key(db, environment_id, scope, new.idempotency_key, run_id, new.idempotency_key_ttl)
        if earlier is not None:
            if new.request_key is not None:
                lifetime = tokens.REQUEST_KEY_LIFETIME
                tokens.move_key(db, environment_id, "run-request", new.request_key, earlier.token_id, lifetime)
            return Triggered(_made_before(db, earlier.token_id), is_cached=True)
    return Triggered(_insert(db, environment_id, run_id, new, by, parent_id), is_cached=False)


def with_a_token(db: Unit, run: Run, by: By) -> Run:
    """The run with the token that its end settles, for which another run may wait."""
    if run.token_id is not None:
        return run
    locked = found(db, LOCKED, run.id)
    assert locked is not None  # noqa: S101 - runs stay
    if locked.token_id is not None:
        return locked
    token = _token_of_the_end(db, run.environment_id, by)
    (row,) = db.run(_GIVE_TOKEN, {"b_id": run.id, "b_token": token.id})
    given = run_of(row)
    if given.is_finished:
        tokens.settle(db, token.id, given.environment_id, _answer_of(given), by)
    return given


def claim(
    db: Unit,
    environment_id: str,
    worker: str,
    tasks: tuple[str, ...],
    limit: int,
    lease: timedelta,
    grace: timedelta = PARKED_GRACE,
    room: Mapping[str, int] | None = None,
) -> list[Run]:
    """Give a worker up to `limit` queued runs of its tasks, the longest waiting first.

    Of a task in `room` it takes so many at most. A run that goes on is its worker's for a moment (`grace`), since that one has it in memory.
    """
    values = {
        "b_environment": environment_id,
        "b_now": db.now,
        "b_worker": worker,
        "b_free_for_all": db.now - grace,
    }
    most = {task: min(limit, (room or {}).get(task, limit)) for task in tasks}
    queued = [
        run_of(row)
        for task, count in most.items()
        for row in db.run(_CLAIMABLE, values | {"b_task": task, "b_limit": count})
    ]
    queued.sort(key=lambda run: (run.available_at, run.id))
    return [_given_to(db, run, worker, lease) for run in queued[:limit]]


def finish(db: Unit, owner: Owner, output: str | None, rules: Rules = NO_RULES) -> Run | Fenced:
    """The task returned."""
    return _end(db, owner, COMPLETED, rules, output=output)


def fail(db: Unit, owner: Owner, error: str, retry_in: timedelta | None, rules: Rules = NO_RULES) -> Run | Fenced:
    """The task raised. With `retry_in` it is queued again with its journal, and runs only what failed."""
    if retry_in is None:
        return _end(db, owner, FAILED, rules, error=error)
    values = {**_of(owner), "b_available": db.now + retry_in, "b_error": error}
    rows = db.run(_RETRY, values)
    if not rows:
        return FENCED
    run = run_of(rows[0])
    record(db, "run.retried", run, WORKER, attempt=run.attempt)
    return run


def give_up(db: Unit, owner: Owner) -> Run | Fenced:
    """The worker stops in the middle: the run is replayed by whoever comes for it."""
    run = owned(db, owner)
    return FENCED if isinstance(run, Fenced) else requeue(db, run, WORKER)


def report_problem(db: Unit, owner: Owner, problem: str) -> Run | Fenced:
    """The code and the journal differ: the run waits, with everything it has, until the code is put right."""
    rows = db.run(_PROBLEM, {**_of(owner), "b_problem": problem})
    if not rows:
        return FENCED
    run = run_of(rows[0])
    record(db, "run.problem", run, WORKER, problem=problem)
    return run


def try_again(db: Unit, environment_id: str, tasks: tuple[str, ...], limit: int = 1000) -> list[Run]:
    """A worker has come, perhaps with other code: queue the runs of its tasks that wait with a problem.

    Those that were tried longest ago come first, so that runs which stay broken do not keep others from their turn.
    """
    stuck = (
        select(*COLUMNS)
        .where(
            _runs.c.environment_id == environment_id,
            _runs.c.task.in_(tasks),
            IS_WAITING,
            _runs.c.problem.is_not(None),
        )
        .order_by(_runs.c.available_at, _runs.c.id)  # available since it was queued for the last time
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    runs = sorted((run_of(row) for row in db.execute(stuck)), key=lambda run: run.id)
    return [requeue(db, run, WORKER) for run in runs]


def first_asked(db: Unit, run_id: str) -> str | None:
    """The first token that would be locked to cancel a run."""
    return questions.first_open(db, _with_descendants(db, run_id))


def cancel(db: Unit, run_id: str, environment_id: str, by: By, rules: Rules = NO_RULES) -> Run | Unknown:
    """End a run from outside, and with it the runs that it has begun and that have not ended, and what they ask.

    A finished run stays as it is; its worker, if it has one, is fenced.
    """
    known = retrieve(db, run_id, environment_id)
    if known is None:
        return Unknown()
    if known.is_finished:
        return known
    asked = questions.lock(db, _with_descendants(db, run_id))
    _lock_children(db, run_id)
    run = found(db, LOCKED, run_id)
    if run is None or run.is_finished:
        return run or Unknown()
    asked |= questions.lock_late(db, _with_descendants(db, run_id), asked)
    run = _canceled(db, run, by, rules)
    questions.withdraw(db, environment_id, asked, by, rules)
    return run


def _canceled(db: Unit, run: Run, by: By, rules: Rules) -> Run:
    cancelled = (
        update(_runs)
        .where(_runs.c.id == run.id)
        .values(status=CANCELED, finished_at=db.now, lease_until=null(), generation=_runs.c.generation + 1)
        .returning(*COLUMNS)
    )
    run = run_of(db.execute(cancelled).one())
    _ended(db, run, by, rules)
    for child_id in _unfinished_children(db, run.id):
        child = found(db, LOCKED, child_id)
        if child is not None and not child.is_finished:
            _canceled(db, child, by, rules)
    return run


def retry(db: Unit, run_id: str, environment_id: str, by: By) -> Run | Unknown:
    """Queue a failed or cancelled run once more. It keeps its journal, so only what failed runs again.

    Any other run stays as it is. What a parent was told of the first end stands. Children that were
    cancelled before this run heard of their end are begun anew, and what was withdrawn with it is asked anew.
    """
    run = found(db, LOCKED, run_id)
    if run is None or run.environment_id != environment_id:
        return Unknown()
    if run.status not in {FAILED, CANCELED}:
        return run
    ended_at = run.finished_at
    (row,) = db.run(_ONCE_MORE, {"b_id": run.id, "b_available": db.now})
    run = run_of(row)
    _begin_anew(db, run, ended_at)
    record(db, "run.retried", run, by, attempt=run.attempt)
    return run


def _begin_anew(db: Unit, run: Run, ended_at: datetime | None) -> None:
    """Note in the journal which calls are to be made afresh, as a worker does before another attempt.

    Those are calls of children that were cancelled before the run heard of it, and questions that its end withdrew.
    """
    children: dict[str, tuple[str, str]] = {}
    asked: dict[str, str] = {}
    told: set[str] = set()
    attempts = 0
    for position, kind, result in db.run(_JOURNAL, {"b_run": run.id}):
        at = position.partition("#")[0]  # the last time counts
        if kind == MADE_RUN:
            made = msgspec.json.decode(result)
            children[at] = (made["run"], made["token"])
        elif kind == MADE_TOKEN:
            asked[at] = msgspec.json.decode(result)["id"]
        elif kind == WAIT:
            told.update(msgspec.json.decode(result))
        attempts += position.startswith("retry/")
    afresh = [at for at, (child, token) in children.items() if token not in told and _is_canceled(db, child)]
    afresh += [at for at, token_id in asked.items() if questions.was_withdrawn(db, token_id, ended_at)]
    if afresh:
        values = {"position": f"retry/{attempts + 1}", "kind": STEP, "name": "retry", "error": None, "at": db.now}
        db.gather(_NOTE, {**values, "run_id": run.id, "result": msgspec.json.encode(afresh).decode()})


def _is_canceled(db: Unit, run_id: str) -> bool:
    run = found(db, _BY_ID, run_id)
    return run is not None and run.is_canceled


def _lock_children(db: Unit, run_id: str) -> None:
    """Before their parent, since the end of a child holds the child when it comes to its parent."""
    for child_id in _unfinished_children(db, run_id):
        _lock_children(db, child_id)
        db.run(LOCKED, {"b_id": child_id})


def _with_descendants(db: Unit, run_id: str) -> list[str]:
    return [
        run_id,
        *(each for child_id in _unfinished_children(db, run_id) for each in _with_descendants(db, child_id)),
    ]


def _unfinished_children(db: Unit, run_id: str) -> list[str]:
    return [child_id for (child_id,) in db.run(_CHILDREN, {"b_parent": run_id})]


def renew(db: Unit, owners: tuple[Owner, ...], lease: timedelta, worker: str | None = None) -> list[Owner]:
    """Heartbeats: prolong the leases of what a worker still executes; gives those that it has lost."""
    until = db.now + lease
    return [
        owner
        for owner in sorted(owners, key=lambda owner: owner.run_id)
        if not db.run(_RENEW, {**_of(owner), "b_lease": until}) and _has_moved_on(db, owner, worker)
    ]


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


def requeue(
    db: Unit, run: Run, by: By, kind: str = "run.queued", *, keep_for: str | None = None, **details: Any
) -> Run:
    """Let a locked run be claimed again, for a moment only by `keep_for`; `kind` and `details` are for the log.

    The generation moves on at once, so its old owner is fenced from now on.
    """
    (row,) = db.run(_REQUEUE, {"b_id": run.id, "b_available": db.now, "b_owner": keep_for})
    run = run_of(row)
    record(db, kind, run, by, **details)
    return run


def retrieve(db: Unit, run_id: str, environment_id: str) -> Run | None:
    """One run as it stands; None when there is none, or it belongs to another environment."""
    run = found(db, _BY_ID, run_id)
    return run if run is not None and run.environment_id == environment_id else None


def owned(db: Unit, owner: Owner) -> Run | Fenced:
    """Lock a run for its owner; `Fenced` when it is no longer theirs."""
    run = found(db, LOCKED, owner.run_id)
    if run is None or not run.is_executing:
        return FENCED
    is_theirs = (run.generation, run.environment_id) == (owner.generation, owner.environment_id)
    return run if is_theirs else FENCED


def found(db: Unit, statement: Prepared, run_id: str) -> Run | None:
    if not ids.is_run_id(run_id):
        return None
    rows = db.run(statement, {"b_id": run_id})
    return run_of(rows[0]) if rows else None


def record(db: Unit, kind: str, run: Run, by: By, **details: Any) -> None:
    """Log what happened to a run, and tell its tags how it stands now: they know its status."""
    if run.tags:
        db.run(_RESTATE_TAGS, {"b_id": run.id, "b_status": run.status})
    tags = {"tags": run.tags} if run.tags else {}
    data = {"task": run.task, "status": run.status, "generation": run.generation, **tags, **details}
    db.record(kind, run.id, environment_id=run.environment_id, actor=by, data=data)


def _has_moved_on(db: Unit, owner: Owner, worker: str | None) -> bool:
    """Whether somebody else has had the run since; its own worker may just have parked or finished it.

    That one may have it again, too: it goes on under a later generation, of which it has heard or is about to hear.
    """
    run = retrieve(db, owner.run_id, owner.environment_id)
    if run is None:
        return True
    is_theirs = worker is not None and run.owner == worker and not run.is_finished
    return run.generation < owner.generation or (run.generation > owner.generation and not is_theirs)


def _made_before(db: Unit, run_id: str) -> Run:
    run = found(db, _BY_ID, run_id)
    assert run is not None  # noqa: S101 - a key is claimed in the transaction that makes its run
    return run


def _insert(db: Unit, environment_id: str, run_id: str, new: NewRun, by: By, parent_id: str | None) -> Run:
    token_id = None if parent_id is None else _token_of_the_end(db, environment_id, by).id
    run = Run(
        id=run_id,
        environment_id=environment_id,
        task=new.task,
        status=QUEUED,
        payload=new.payload,
        tags=new.tags,
        created_at=db.now,
        available_at=db.now + new.delay if isinstance(new.delay, timedelta) else new.delay or db.now,
        attempt=1,
        generation=0,
        idempotency_key=new.idempotency_key,
        parent_id=parent_id,
        token_id=token_id,
    )
    db.gather(_INSERT, {**msgspec.structs.asdict(run), "tags": msgspec.json.encode(run.tags).decode()})
    if run.tags:
        tag = {"environment_id": environment_id, "run_id": run_id, "status": QUEUED}
        db.gather(_INSERT_TAGS, *(tag | {"tag": name} for name in dict.fromkeys(run.tags)))
    record(db, "run.queued", run, by)
    return run


def _token_of_the_end(db: Unit, environment_id: str, by: By) -> Token:
    return tokens.create(db, environment_id, NewToken(timeout=None, kind=RUN), by).token


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


def _end(
    db: Unit, owner: Owner, status: Status, rules: Rules, output: str | None = None, error: str | None = None
) -> Run | Fenced:
    values = {**_of(owner), "b_status": status, "b_now": db.now, "b_output": output, "b_error": error}
    rows = db.run(_FINISH, values)
    if not rows:
        return FENCED
    run = run_of(rows[0])
    _ended(db, run, WORKER, rules)
    return run


def _ended(db: Unit, run: Run, by: By, rules: Rules) -> None:
    """Whatever ends a run ends its waits, and tells the run that waits for it."""
    db.run(_STOP_WAITING, {"b_id": run.id})
    record(db, f"run.{run.status.lower()}", run, by)
    if run.token_id is not None:
        tokens.settle(db, run.token_id, run.environment_id, _answer_of(run), by, rules)


def _answer_of(run: Run) -> Answer:
    if run.status == COMPLETED:
        return Answer(output=run.output)
    canceled = '{"type":"RunCanceled","message":"The run was cancelled."}'
    return Answer(output=canceled if run.status == CANCELED else run.error, is_error=True)


def _of(owner: Owner) -> dict[str, Any]:
    return {
        "b_id": owner.run_id,
        "b_generation": owner.generation,
        "b_environment": owner.environment_id,
    }
