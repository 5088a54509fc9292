"""The unit of work that a domain function is handed: statements, one instant, and the log."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, CursorResult, Executable

from .prepared import Prepared

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Record(msgspec.Struct, frozen=True):
    """Something that happened, not yet numbered. The writer numbers it just before the commit."""

    kind: str
    subject: str
    environment_id: str | None
    actor: str  # JSON
    data: str  # JSON
    at: datetime
    who: str | None = None


class Unit:
    """One transaction (or one read), seen by a domain function as `db`.

    `db.now` is read once and stays: everything in one transaction happens at one instant.
    """

    def __init__(self, connection: Connection, read_clock: Callable[[Connection], datetime], *, writes: bool) -> None:
        self.connection = connection
        self.writes = writes
        self.records: list[Record] = []
        self._gathered: dict[Prepared, list[Mapping[str, Any]]] = {}
        self._foreseen: dict[tuple[Prepared, Hashable], list[tuple[Any, ...]]] = {}
        self._read_clock = read_clock
        self._now: datetime | None = None

    @property
    def now(self) -> datetime:
        """The instant of this transaction: aware, UTC, whole milliseconds."""
        if self._now is None:
            self._now = self._read_clock(self.connection)
        return self._now

    def execute(self, statement: Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Carry out a Core statement."""
        if self._gathered:
            self.flush()
        return self.connection.execute(statement, parameters)

    @property
    def is_postgresql(self) -> bool:
        return self.connection.dialect.name == "postgresql"

    def run(
        self, statement: Prepared, parameters: Mapping[str, Any], *, foreseen: Hashable = None
    ) -> list[tuple[Any, ...]]:
        """Carry out a hot statement; gives its rows, in the order of its columns.

        `foreseen` names the rows that may have been brought already, for this one call, by `foresee`.
        """
        if foreseen is not None and (rows := self._foreseen.pop((statement, foreseen), None)) is not None:
            return rows
        if self._gathered:
            self.flush()
        return statement.run(self.connection, parameters)

    def foresee(self, statement: Prepared, name: Hashable, rows: list[tuple[Any, ...]]) -> None:
        """Keep what a statement for the whole batch has brought for one call of `statement` (see foresight.py)."""
        self._foreseen[statement, name] = rows

    def gather(self, statement: Prepared, *rows: Mapping[str, Any]) -> None:
        """Add or change rows together with other functions of the batch: one call of the driver for all.

        It is done before any statement that follows.
        """
        self._gathered.setdefault(statement, []).extend(rows)

    def flush(self) -> None:
        """Run what was gathered, in the order in which the statements were first named."""
        gathered, self._gathered = self._gathered, {}
        for statement, rows in gathered.items():
            statement.run_for_each(self.connection, rows)

    def record(
        self,
        kind: str,
        subject: str,
        *,
        environment_id: str | None = None,
        actor: object = None,
        data: object = None,
    ) -> None:
        """Log that something happened, in this very transaction."""
        who = getattr(actor, "who", None)
        self.records.append(Record(kind, subject, environment_id, _json(actor), _json(data or {}), self.now, who))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
