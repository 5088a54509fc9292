"""The table of links, and a link as the rest of the server sees it."""

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import Column, ForeignKey, Index, Text, text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

Kind = Literal["token", "journey"]
TOKEN: Kind = "token"
JOURNEY: Kind = "journey"

WHOEVER = ""
"""The recipient of a link that is handed on by a program, and that tells nothing about who holds it."""


class LinkRow(Table, table=True):
    """A link for one recipient. Its secret is signed when it is handed out, and kept nowhere."""

    __tablename__ = "links"
    __table_args__ = (
        Index(
            "ix_links_standing",
            "environment_id",
            "kind",
            "subject",
            "recipient",
            unique=True,
            sqlite_where=text("revoked_at IS NULL"),
            postgresql_where=text("revoked_at IS NULL"),
        ),
        Index("ix_links_subject", "environment_id", "kind", "subject", "id"),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False))
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    recipient: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    opened_at: datetime | None = Field(default=None, sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_by: str | None = Field(default=None, sa_type=Text)


class Link(msgspec.Struct, frozen=True):
    """A link: for whom, to what, and what became of it. `subject` is a token's id, or what a journey is called."""

    id: str
    environment_id: str
    kind: Kind
    subject: str
    recipient: str
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None = None
    used_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_by: str | None = None

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now
