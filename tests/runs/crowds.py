"""Many runs that wait: copies of one that really came to wait, with everything that belongs to it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Table, insert, select, update

from app import ids
from app.database.tables import table_of
from app.events.models import EventRow, LogHeadRow
from app.runs.models import MADE_TOKEN, CheckpointRow, RunRow, WaitRow
from app.tokens.models import TokenRow, TokenTagRow

_AT_ONCE = 5000  # copies that are inserted with one statement

_runs, _checkpoints, _waits = table_of(RunRow), table_of(CheckpointRow), table_of(WaitRow)
_tokens, _tags = table_of(TokenRow), table_of(TokenTagRow)
_events, _head = table_of(EventRow), table_of(LogHeadRow)

Row = dict[str, Any]


class Waiting(msgspec.Struct, frozen=True):
    """A run, and the tokens that it has made, in their order."""

    run_id: str
    token_ids: tuple[str, ...]


def multiply(connection: Connection, run_id: str, count: int) -> list[Waiting]:
    """Make so many copies of a run; the caller commits, with no server on the database. Only ids, and the numbers of the log, are new in a copy."""
    original = waiting_of(connection, run_id)
    rows = {table: _rows_of(connection, table, original) for table in (_tokens, _tags, _runs, _checkpoints, _waits)}
    events = _rows_where(connection, _events, "subject", (run_id, *original.token_ids))
    now: datetime = rows[_runs][0]["created_at"]
    copies = [_copy(original, now) for _ in range(count)]
    for first in range(0, count, _AT_ONCE):
        some = copies[first : first + _AT_ONCE]
        for table, found in rows.items():
            _insert(connection, table, [_renamed(row, original, copy) for copy in some for row in found])
        told = [_renamed(row, original, copy) for copy in some for row in events]
        head = _head_after(connection, len(told))
        numbered = [row | {"seq": number} for number, row in enumerate(told, head - len(told) + 1)]
        _insert(connection, _events, numbered)
    return copies


def waiting_of(connection: Connection, run_id: str) -> Waiting:
    """A run with the tokens that it has made."""
    return Waiting(run_id, _tokens_of(connection, run_id))


def _tokens_of(connection: Connection, run_id: str) -> tuple[str, ...]:
    made = select(_checkpoints.c.result).where(_checkpoints.c.run_id == run_id, _checkpoints.c.kind == MADE_TOKEN)
    return tuple(msgspec.json.decode(result)["id"] for result in connection.scalars(made.order_by(_checkpoints.c.at)))


def _rows_of(connection: Connection, table: Table, original: Waiting) -> list[Row]:
    if table is _runs:
        return _rows_where(connection, table, "id", (original.run_id,))
    if table is _tokens:
        return _rows_where(connection, table, "id", original.token_ids)
    if table is _tags:
        return _rows_where(connection, table, "token_id", original.token_ids)
    return _rows_where(connection, table, "run_id", (original.run_id,))


def _rows_where(connection: Connection, table: Table, column: str, values: Sequence[str]) -> list[Row]:
    found = connection.execute(select(table).where(table.c[column].in_(values)))
    return [dict(row) for row in found.mappings()]


def _copy(original: Waiting, now: datetime) -> Waiting:
    made = tuple(ids.new_id(ids.TOKEN_PREFIX, now) for _ in original.token_ids)
    return Waiting(ids.new_id(ids.RUN_PREFIX, now), made)


def _renamed(row: Row, original: Waiting, copy: Waiting) -> Row:
    """Ids stand in columns of their own, and in the JSON of others."""
    renamed = dict(row)
    for name, value in row.items():
        if isinstance(value, str) and len(value) >= len(original.run_id):
            told = value.replace(original.run_id, copy.run_id)
            for before, after in zip(original.token_ids, copy.token_ids, strict=True):
                told = told.replace(before, after)
            renamed[name] = told
    return renamed


def _head_after(connection: Connection, count: int) -> int:
    connection.execute(update(_head).values(seq=_head.c.seq + count))
    return int(connection.execute(select(_head.c.seq)).scalar_one())


def _insert(connection: Connection, table: Table, rows: list[Row]) -> None:
    if rows:
        connection.execute(insert(table), rows)
