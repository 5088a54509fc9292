"""The unit of work that a domain function is handed: statements, one instant, and the log."""

from collections.abc import Callable, Mapping, Sequence
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
        self._inserts: dict[Prepared, list[Mapping[str, Any]]] = {}
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
        if self._inserts:
            self.flush()
        return self.connection.execute(statement, parameters)

    def run(self, statement: Prepared, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Carry out a hot statement; gives its rows, in the order of its columns."""
        if self._inserts:
            self.flush()
        return statement.run(self.connection, parameters)

    def insert(self, statement: Prepared, *rows: Mapping[str, Any]) -> None:
        """Add rows, together with those that other functions of the batch add: one statement for all.

        They are there for every statement that follows.
        """
        self._inserts.setdefault(statement, []).extend(rows)

    def flush(self) -> None:
        """Run the inserts that were gathered, in the order in which their tables were first named."""
        inserts, self._inserts = self._inserts, {}
        for statement, rows in inserts.items():
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
