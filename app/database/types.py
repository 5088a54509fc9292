"""Column types and expressions that mean the same on both databases."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, BindParameter, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from ..clock import from_milliseconds, to_milliseconds

POSTGRESQL_NOW = "(extract(epoch from clock_timestamp()) * 1000)::bigint"


class Instant(TypeDecorator[datetime]):
    """An aware UTC datetime, kept as epoch milliseconds: no zones to lose, and fast on both databases."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_milliseconds(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_milliseconds(value)


class present(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function it is
    """The instant at which a row is decided: the bound `now`, or later.

    On PostgreSQL another process can hold the row between the start of our batch and our turn, so
    there a deadline is compared with the clock at that turn. SQLite has one writer and one instant.
    """

    type = Instant()
    inherit_cache = True

    def __init__(self, name: str) -> None:
        super().__init__(bindparam(name, type_=Instant()))


@compiles(present)
def _bound(element: present, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(_parameter(element), **options)


@compiles(present, "postgresql")
def _clock_of_the_database(element: present, compiler: SQLCompiler, **options: Any) -> str:
    return f"greatest({compiler.process(_parameter(element), **options)}, {POSTGRESQL_NOW})"


def _parameter(element: present) -> BindParameter[datetime]:
    (parameter,) = element.clauses
    assert isinstance(parameter, BindParameter)  # noqa: S101 - for the type checker
    return parameter
