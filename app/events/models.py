"""The tables of the log."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text, text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

# On SQLite only a column called INTEGER is the row's own number, without an index beside it.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


def _of_people(name: str, *columns: str) -> Index:
    """An index of what people did: programs, who do most, pay nothing for it."""
    condition = text("who IS NOT NULL")
    return Index(name, *columns, sqlite_where=condition, postgresql_where=condition)


class EventRow(Table, table=True):
    """Something that happened. Rows are only ever added.

    `who` is the person in `actor`, if it was one: the id of a signed-in one, the address of one with a link.
    """

    __tablename__ = "events"
    __table_args__ = (
        Index("ix_events_subject", "subject", "seq"),
        _of_people("ix_events_who", "who", "seq"),
        _of_people("ix_events_people", "environment_id", "seq"),
    )

    seq: int = Field(sa_column=Column(_NUMBER, primary_key=True, autoincrement=False))
    environment_id: str | None = Field(default=None, sa_type=Text)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    data: str = Field(sa_type=Text)
    who: str | None = Field(default=None, sa_type=Text)


class LogHeadRow(Table, table=True):
    """One row: the number of the last event, and the latest instant that was ever written."""

    __tablename__ = "log_head"

    id: int = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    probed: int = Field(default=0, sa_type=BigInteger)
