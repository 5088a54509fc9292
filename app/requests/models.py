"""The tables of requests, and the value that the rest of the server sees."""

from datetime import UTC, datetime
from typing import Literal

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, Text, text
from sqlmodel import Field

from ..clock import to_milliseconds
from ..database.tables import Table
from ..database.types import Instant

Identity = Literal["link", "signed-in"]
Style = Literal["main", "plain", "careful"]
ApproverKind = Literal["address", "group"]
ADDRESS: ApproverKind = "address"
GROUP: ApproverKind = "group"
GROUP_MARK = "group:"

COMMENT = "comment"

FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)
"""The moment of a request that waits without a deadline."""
_FOR_EVER = text(str(to_milliseconds(FOR_EVER)))

WAITS_AND_IS_OWN = "NOT self_approval AND status = 'WAITING'"
"""Whether who asks may not answer a request that waits. Said as the index does, which is of such requests only."""


class RequestRow(Table, table=True):
    """What people are asked on one token, as it stands now: `spec` is the JSON that `Spec` is made of.

    The columns beside it are those that are searched or decide who may answer. `asked_by` is who made it (`By`).
    `status` is the token's; `moment` its deadline while it waits, and when it was settled afterwards: so an inbox,
    the most urgent first, is a range of an index, and so is what was answered, the latest first.
    """

    __tablename__ = "requests"
    __table_args__ = (
        Index(
            "ix_requests_journey",
            "environment_id",
            "journey",
            "token_id",
            sqlite_where=text("journey IS NOT NULL"),
            postgresql_where=text("journey IS NOT NULL"),
        ),
        Index(
            "ix_requests_own",
            "requester",
            "token_id",
            sqlite_where=text(WAITS_AND_IS_OWN),
            postgresql_where=text(WAITS_AND_IS_OWN),
        ),
        Index("ix_requests_inbox", "environment_id", "status", "moment", "token_id"),
        Index("ix_requests_inbox_everywhere", "status", "moment", "token_id"),
        {"sqlite_with_rowid": False},
    )

    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    spec: str = Field(sa_type=Text)
    title: str = Field(sa_type=Text)
    requester: str | None = Field(default=None, sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    identity: str = Field(sa_type=Text)
    self_approval: bool = Field(sa_column=Column(Boolean, nullable=False))
    journey: str | None = Field(default=None, sa_type=Text)
    step_index: int | None = Field(default=None, sa_column=Column(Integer, nullable=True))
    created_at: datetime = Field(sa_type=Instant)
    amended_at: datetime | None = Field(default=None, sa_type=Instant)
    status: str = Field(sa_column=Column(Text, nullable=False, server_default="WAITING"))
    moment: datetime = Field(sa_column=Column(Instant, nullable=False, server_default=_FOR_EVER))


class RequestVersionRow(Table, table=True):
    """A request as it stood before it was amended, so that whoever saw it can be shown what changed."""

    __tablename__ = "request_versions"
    __table_args__ = ({"sqlite_with_rowid": False},)

    token_id: str = Field(sa_column=Column(Text, ForeignKey("requests.token_id"), primary_key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    spec: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=Instant)
    by: str = Field(sa_type=Text)


class RequestApproverRow(Table, table=True):
    """Somebody who is asked, an address or a group, with the request's status and moment: their inbox is a range."""

    __tablename__ = "request_approvers"
    __table_args__ = (
        Index("ix_request_approvers_inbox", "kind", "value", "status", "moment", "token_id", "environment_id"),
        {"sqlite_with_rowid": False},
    )

    token_id: str = Field(sa_column=Column(Text, ForeignKey("requests.token_id"), primary_key=True))
    kind: str = Field(sa_column=Column(Text, primary_key=True))
    value: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    moment: datetime = Field(sa_column=Column(Instant, nullable=False, server_default=_FOR_EVER))
