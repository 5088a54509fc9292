"""Hot statements, compiled once and handed straight to the driver.

Running a statement through Core costs two to three times what SQLite needs to carry it out (measured:
a settling UPDATE 35 µs by the driver, 100 µs by Core). So the few statements that every create and
complete runs are written in Core like all others, and compiled here, for both databases.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Delete, Insert, Select, Update
from sqlalchemy.engine import Dialect
from sqlalchemy.sql.elements import ColumnElement

Processor = Callable[[Any], Any]


class Prepared:
    """A statement whose every value is a named parameter, with the columns that it gives back."""

    def __init__(
        self, statement: Select[Any] | Insert | Update | Delete, columns: Iterable[ColumnElement[Any]] = ()
    ) -> None:
        self._statement = statement
        self._columns = tuple(columns)
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Carry it out; gives its rows, in the order of the columns. Raises the driver's own errors."""
        compiled = self._for(connection.dialect)
        cursor = _driver(connection).cursor()
        try:
            cursor.execute(compiled.text, compiled.bound(parameters))
            return [compiled.read(row) for row in cursor.fetchall()] if self._columns else []
        finally:
            cursor.close()

    def run_for_each(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Carry it out for each row of parameters, in one call of the driver."""
        compiled = self._for(connection.dialect)
        cursor = _driver(connection).cursor()
        try:
            cursor.executemany(compiled.text, [compiled.bound(row) for row in rows])
        finally:
            cursor.close()

    def _for(self, dialect: Dialect) -> "_Compiled":
        known = self._compiled.get(dialect.name)
        if known is None:
            known = self._compiled[dialect.name] = _Compiled(self._statement, self._columns, dialect)
        return known


class _Compiled:
    """The text for one database, and how values go in and come out."""

    def __init__(self, statement: Any, columns: Sequence[ColumnElement[Any]], dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect, compile_kwargs={"render_postcompile": True})
        self.text: str = compiled.string
        self._order: Sequence[str] | None = compiled.positiontup  # None where parameters go by name
        self._constants: dict[str, Any] = {
            name: bind.value for name, bind in compiled.binds.items() if not bind.required and bind.value is not None
        }
        self._names = tuple(compiled.binds)
        self._bind = _processors({name: bind.type for name, bind in compiled.binds.items()}, dialect)
        self._result = [_result_processor(column.type, dialect) for column in columns]

    def bound(self, parameters: Mapping[str, Any]) -> Sequence[Any] | dict[str, Any]:
        values = {**self._constants, **parameters}
        for name, process in self._bind.items():
            values[name] = process(values[name])
        if self._order is None:
            return {name: values[name] for name in self._names}
        return [values[name] for name in self._order]

    def read(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(
            value if process is None else process(value) for process, value in zip(self._result, row, strict=True)
        )


def _processors(types: Mapping[str, Any], dialect: Dialect) -> dict[str, Processor]:
    found = {name: kind.dialect_impl(dialect).bind_processor(dialect) for name, kind in types.items()}
    return {name: process for name, process in found.items() if process is not None}


def _result_processor(kind: Any, dialect: Dialect) -> Processor | None:
    process: Processor | None = kind.dialect_impl(dialect).result_processor(dialect, None)
    return process


def _driver(connection: Connection) -> Any:
    return connection.connection.dbapi_connection
