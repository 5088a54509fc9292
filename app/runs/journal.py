"""The journal of a run: what each of its calls gave, recorded once and returned for ever after."""

from sqlalchemy import bindparam, insert, select

from ..database import Prepared, Unit
from ..database.tables import table_of
from .lifecycle import FENCED, Fenced, owned
from .models import Checkpoint, CheckpointRow, Owner

_checkpoints = table_of(CheckpointRow)
_COLUMNS = tuple(_checkpoints.c[name] for name in Checkpoint.__struct_fields__)

_INSERT = Prepared(insert(_checkpoints))
_AT = Prepared(
    select(*_COLUMNS).where(
        _checkpoints.c.run_id == bindparam("b_run"), _checkpoints.c.position == bindparam("b_position")
    ),
    _COLUMNS,
)
_OF_RUN = Prepared(
    select(*_COLUMNS)
    .where(_checkpoints.c.run_id == bindparam("b_run"))
    .order_by(_checkpoints.c.at, _checkpoints.c.position),
    _COLUMNS,
)


def record_step(db: Unit, owner: Owner, checkpoint: Checkpoint) -> Checkpoint | Fenced:
    """Record what a call gave. A position that is recorded already keeps, and gives back, what it has."""
    run = owned(db, owner)
    if isinstance(run, Fenced):
        return FENCED
    earlier = at(db, run.id, checkpoint.position)
    if earlier is not None:
        return earlier
    write(db, run.id, checkpoint)
    return checkpoint


def at(db: Unit, run_id: str, position: str) -> Checkpoint | None:
    """What is recorded at a position of a run."""
    rows = db.run(_AT, {"b_run": run_id, "b_position": position})
    return Checkpoint(*rows[0]) if rows else None


def write(db: Unit, run_id: str, checkpoint: Checkpoint) -> None:
    """Add to the journal of a run that the caller has locked."""
    db.gather(_INSERT, {**{name: getattr(checkpoint, name) for name in _FIELDS}, "run_id": run_id, "at": db.now})


def of_run(db: Unit, run_id: str) -> list[Checkpoint]:
    """Everything that is recorded of a run, in the order in which it was."""
    return [Checkpoint(*row) for row in db.run(_OF_RUN, {"b_run": run_id})]


_FIELDS = Checkpoint.__struct_fields__
