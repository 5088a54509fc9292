"""The questions that a run has asked and that nobody has answered yet: with a run that is cancelled they are withdrawn.

Locks are taken in the order tokens, runs, log (see `waits`): so the tokens are looked for and locked before the run
is, and what it asks meanwhile is found behind its lock, and taken only where nobody else has it in hand.
"""

from collections.abc import Iterable
from datetime import datetime

import msgspec
from sqlalchemy import bindparam, select

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..tokens import lifecycle as tokens
from ..tokens.lifecycle import Rules
from ..tokens.models import IS_WAITING, By, TokenRow
from .models import MADE_TOKEN, CheckpointRow, WaitRow

REASON = "The run that asked was cancelled."

_tokens = table_of(TokenRow)
_waits = table_of(WaitRow)
_checkpoints = table_of(CheckpointRow)

_MADE = Prepared(
    select(_checkpoints.c.result).where(
        _checkpoints.c.run_id == bindparam("b_run"), _checkpoints.c.kind == bindparam("b_kind")
    ),
    [_checkpoints.c.result],
)
# Who shares a question by its idempotency key may still want the answer.
_OPEN = select(_tokens.c.id).where(
    _tokens.c.id == bindparam("b_id"), IS_WAITING, _tokens.c.has_request, _tokens.c.idempotency_key.is_(None)
)
_LOOK = Prepared(_OPEN, [_tokens.c.id])
_LOCK = Prepared(_OPEN.with_for_update(), [_tokens.c.id])
_LOCK_FREE = Prepared(_OPEN.with_for_update(skip_locked=True), [_tokens.c.id])
_WAITED_FOR = Prepared(select(_waits.c.run_id).where(_waits.c.token_id == bindparam("b_id")), [_waits.c.run_id])
_WITHDRAWN = Prepared(
    select(_tokens.c.cancelled_at, _tokens.c.cancel_reason).where(_tokens.c.id == bindparam("b_id")),
    [_tokens.c.cancelled_at, _tokens.c.cancel_reason],
)


def first_open(db: Unit, run_ids: Iterable[str]) -> str | None:
    """The first of what these runs have asked and nobody has answered."""
    return next((token_id for token_id in _asked_by(db, run_ids) if db.run(_LOOK, {"b_id": token_id})), None)


def lock(db: Unit, run_ids: Iterable[str]) -> set[str]:
    """Lock what these runs have asked and nobody has answered. Before the runs themselves are locked."""
    return {token_id for token_id in _asked_by(db, run_ids) if db.run(_LOCK, {"b_id": token_id})}


def lock_late(db: Unit, run_ids: Iterable[str], locked: set[str]) -> set[str]:
    """What was asked until the runs were locked. Nobody is waited for here; who has one in hand is answering it."""
    late = [token_id for token_id in _asked_by(db, run_ids) if token_id not in locked]
    return {token_id for token_id in late if db.run(_LOCK_FREE, {"b_id": token_id})}


def withdraw(db: Unit, environment_id: str, token_ids: Iterable[str], by: By, rules: Rules) -> None:
    """Withdraw locked questions, but for those that another run waits for."""
    for token_id in sorted(token_ids):
        if not db.run(_WAITED_FOR, {"b_id": token_id}):
            tokens.cancel(db, token_id, environment_id, REASON, by, rules)


def was_withdrawn(db: Unit, token_id: str, ended_at: datetime | None) -> bool:
    """Whether it was the end of its run, at that instant, that withdrew a question."""
    return any(row == (ended_at, REASON) for row in db.run(_WITHDRAWN, {"b_id": token_id}))


def _asked_by(db: Unit, run_ids: Iterable[str]) -> list[str]:
    """Every token with a request that these runs have made, in the order in which tokens are locked."""
    rows = [row for run_id in run_ids for row in db.run(_MADE, {"b_run": run_id, "b_kind": MADE_TOKEN})]
    made = [msgspec.json.decode(result) for (result,) in rows]
    return sorted({each["id"] for each in made if each.get("asks")})
