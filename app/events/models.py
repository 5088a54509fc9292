"""The tables of the log."""

from datetime import datetime

from sqlalchemy import BigInteger, Column, Index, Integer, Text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

# On SQLite only a column called INTEGER is the row's own number, without an index beside it.
_NUMBER = BigInteger().with_variant(Integer, "sqlite")


class EventRow(Table, table=True):
    """Something that happened. Rows are only ever added."""

    __tablename__ = "events"
    __table_args__ = (Index("ix_events_subject", "subject", "seq"),)

    seq: int = Field(sa_column=Column(_NUMBER, primary_key=True, autoincrement=False))
    environment_id: str | None = Field(default=None, sa_type=Text)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    data: str = Field(sa_type=Text)


class LogHeadRow(Table, table=True):
    """One row: the number of the last event, and the latest instant that was ever written."""

    __tablename__ = "log_head"

    id: int = Field(primary_key=True)
    seq: int = Field(sa_type=BigInteger)
    at: datetime = Field(sa_type=Instant)
    probed: int = Field(default=0, sa_type=BigInteger)
