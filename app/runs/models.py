"""A run: its tables, and the values that the rest of the server sees."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Column, ForeignKey, Index, Integer, Text, literal_column, text
from sqlmodel import Field

from ..database.tables import Table, table_of
from ..database.types import Instant

Status = Literal["QUEUED", "EXECUTING", "WAITING", "COMPLETED", "FAILED", "CANCELED"]
QUEUED: Status = "QUEUED"
EXECUTING: Status = "EXECUTING"
WAITING: Status = "WAITING"
COMPLETED: Status = "COMPLETED"
FAILED: Status = "FAILED"
CANCELED: Status = "CANCELED"
STATUSES: tuple[Status, ...] = (QUEUED, EXECUTING, WAITING, COMPLETED, FAILED, CANCELED)

Mode = Literal["all", "any"]

CheckpointKind = Literal["step", "token", "run", "wait"]
STEP: CheckpointKind = "step"
MADE_TOKEN: CheckpointKind = "token"
MADE_RUN: CheckpointKind = "run"
WAIT: CheckpointKind = "wait"


def _only_where(condition: str, name: str, *columns: str) -> Index:
    """An index of few rows: every index costs every write."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class RunRow(Table, table=True):
    """One execution of a task.

    `generation` counts its owners: what an owner of an older generation says comes too late.
    `available_at` is when it may be claimed, `owner` the worker that executes it or parked it. The end of a
    child run settles the token `token_id`, for which its parent may wait.
    """

    __tablename__ = "runs"
    __table_args__ = (
        Index("ix_runs_status", "environment_id", "status", "id"),
        _only_where("status = 'QUEUED'", "ix_runs_queue", "environment_id", "task", "available_at", "id"),
        _only_where("status = 'WAITING' AND problem IS NOT NULL", "ix_runs_problem", "environment_id", "task", "id"),
        _only_where("status = 'EXECUTING'", "ix_runs_leases", "lease_until"),
        _only_where("parent_id IS NOT NULL", "ix_runs_parent", "parent_id", "id"),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False))
    task: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    payload: str = Field(sa_type=Text)
    tags: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    available_at: datetime = Field(sa_type=Instant)
    attempt: int = Field(sa_column=Column(Integer, nullable=False))
    generation: int = Field(sa_column=Column(Integer, nullable=False))
    owner: str | None = Field(default=None, sa_type=Text)
    lease_until: datetime | None = Field(default=None, sa_type=Instant)
    started_at: datetime | None = Field(default=None, sa_type=Instant)
    finished_at: datetime | None = Field(default=None, sa_type=Instant)
    output: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)
    idempotency_key: str | None = Field(default=None, sa_type=Text)
    parent_id: str | None = Field(default=None, sa_type=Text)
    token_id: str | None = Field(default=None, sa_column=Column(Text, ForeignKey("tokens.id"), nullable=True))


class RunTagRow(Table, table=True):
    """One tag of one run, with the run's status, so that a list by tag and status is a range of an index."""

    __tablename__ = "run_tags"
    __table_args__ = (
        Index("ix_run_tags_status", "environment_id", "tag", "status", "run_id"),
        {"sqlite_with_rowid": False},
    )

    run_id: str = Field(sa_column=Column(Text, ForeignKey("runs.id"), primary_key=True))
    tag: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)


class CheckpointRow(Table, table=True):
    """What one call of a run gave, recorded once: a step's result, a token it made, a wait that ended."""

    __tablename__ = "checkpoints"
    __table_args__ = ({"sqlite_with_rowid": False},)

    run_id: str = Field(sa_column=Column(Text, ForeignKey("runs.id"), primary_key=True))
    position: str = Field(sa_column=Column(Text, primary_key=True))
    kind: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    result: str | None = Field(default=None, sa_type=Text)
    error: str | None = Field(default=None, sa_type=Text)
    at: datetime = Field(sa_type=Instant)


class WaitRow(Table, table=True):
    """A run waits for a token, alone or with others at the same position, in the order of `number`.

    `input` is its name when the token stands for an input. The row is gone when the wait has ended.
    """

    __tablename__ = "waits"
    __table_args__ = (Index("ix_waits_token", "token_id"), {"sqlite_with_rowid": False})

    run_id: str = Field(sa_column=Column(Text, ForeignKey("runs.id"), primary_key=True))
    position: str = Field(sa_column=Column(Text, primary_key=True))
    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), primary_key=True))
    number: int = Field(sa_column=Column(Integer, nullable=False))
    mode: str = Field(sa_type=Text)
    input: str | None = Field(default=None, sa_type=Text)


class InputRow(Table, table=True):
    """A value that was sent to a run and that it has not read yet; the value is the output of the token."""

    __tablename__ = "inputs"
    __table_args__ = ({"sqlite_with_rowid": False},)

    run_id: str = Field(sa_column=Column(Text, ForeignKey("runs.id"), primary_key=True))
    name: str = Field(sa_column=Column(Text, primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), nullable=False))


class Run(msgspec.Struct, frozen=True):
    """One execution of a task, as it stands."""

    id: str
    environment_id: str
    task: str
    status: Status
    payload: str  # JSON text
    tags: tuple[str, ...]
    created_at: datetime
    available_at: datetime
    attempt: int
    generation: int
    owner: str | None = None
    lease_until: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    output: str | None = None  # JSON text
    error: str | None = None  # JSON text
    problem: str | None = None
    idempotency_key: str | None = None
    parent_id: str | None = None
    token_id: str | None = None

    @property
    def is_queued(self) -> bool:
        return self.status == QUEUED

    @property
    def is_executing(self) -> bool:
        return self.status == EXECUTING

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING

    @property
    def is_canceled(self) -> bool:
        return self.status == CANCELED

    @property
    def is_finished(self) -> bool:
        return self.status in {COMPLETED, FAILED, CANCELED}


class Checkpoint(msgspec.Struct, frozen=True):
    """What a call gave: `result` or `error`, as JSON text. The position is where in the run it was called.

    The result of a wait is the list of the tokens that ended it; what they say is read off the tokens.
    """

    position: str
    name: str
    result: str | None = None
    error: str | None = None
    kind: CheckpointKind = STEP

    @property
    def token_ids(self) -> tuple[str, ...]:
        """The tokens that ended a wait."""
        return tuple(msgspec.json.decode(self.result or "[]")) if self.kind == WAIT else ()


class Owner(msgspec.Struct, frozen=True):
    """Who speaks for a run: only the owner of the present generation, of its own environment, is heard."""

    run_id: str
    generation: int
    environment_id: str


_runs = table_of(RunRow)
COLUMNS = tuple(_runs.c[name] for name in Run.__struct_fields__)
_TAGS = Run.__struct_fields__.index("tags")

# Literals, not parameters: only then can a database use the indexes of few rows.
IS_QUEUED = _runs.c.status == literal_column("'QUEUED'")
IS_EXECUTING = _runs.c.status == literal_column("'EXECUTING'")
IS_WAITING = _runs.c.status == literal_column("'WAITING'")


def run_of(row: Sequence[Any]) -> Run:
    """The run in a row of `COLUMNS`."""
    values = [*row]
    values[_TAGS] = tuple(msgspec.json.decode(values[_TAGS]))
    return Run(*values)
