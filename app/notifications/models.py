"""The table of mails, and a mail as the rest of the server sees it."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Column, Index, Integer, Text, text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

Status = Literal["WAITING", "SENT", "PRINTED", "FAILED", "DROPPED"]
WAITING: Status = "WAITING"
SENT: Status = "SENT"
PRINTED: Status = "PRINTED"  # there was no mail server: it is on the console and on its page
FAILED: Status = "FAILED"  # given up
DROPPED: Status = "DROPPED"  # no longer needed before its turn came, or then


class OutboxRow(Table, table=True):
    """A mail that has to be sent, once for its cause. Its text is written when it is sent.

    `due_at` is the next attempt of a mail that waits, and, while one is under way, the end of its lease.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_due",
            "due_at",
            sqlite_where=text("status = 'WAITING'"),
            postgresql_where=text("status = 'WAITING'"),
        ),
        Index(
            "ix_outbox_subject",
            "subject_id",
            sqlite_where=text("status = 'WAITING'"),
            postgresql_where=text("status = 'WAITING'"),
        ),
        Index(
            "ix_outbox_failed", "id", sqlite_where=text("status = 'FAILED'"), postgresql_where=text("status = 'FAILED'")
        ),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    cause: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    kind: str = Field(sa_type=Text)
    recipient: str = Field(sa_type=Text)
    environment_id: str | None = Field(default=None, sa_type=Text)
    subject_id: str | None = Field(default=None, sa_type=Text)
    data: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    due_at: datetime = Field(sa_type=Instant)
    attempts: int = Field(sa_column=Column(Integer, nullable=False))
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    problem: str | None = Field(default=None, sa_type=Text)


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail in the outbox: its kind chooses the words, `data` fills them in; `subject_id` is what it is about."""

    id: str
    kind: str
    recipient: str
    environment_id: str | None
    subject_id: str | None
    data: dict[str, Any]
    status: Status
    created_at: datetime
    due_at: datetime
    attempts: int
    ended_at: datetime | None = None
    problem: str | None = None

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING

    @property
    def is_sent(self) -> bool:
        return self.status == SENT

    @property
    def has_failed(self) -> bool:
        return self.status == FAILED
