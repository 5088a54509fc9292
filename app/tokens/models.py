"""A token: its tables, and the value that the rest of the server sees."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Boolean, Column, ForeignKey, Index, Text, false, literal_column, text
from sqlmodel import Field

from ..database.tables import Table, table_of
from ..database.types import Instant

Status = Literal["WAITING", "COMPLETED", "TIMED_OUT"]
WAITING: Status = "WAITING"
COMPLETED: Status = "COMPLETED"
TIMED_OUT: Status = "TIMED_OUT"
STATUSES: tuple[Status, ...] = (WAITING, COMPLETED, TIMED_OUT)

Kind = Literal["MANUAL", "SLEEP", "RUN", "INPUT"]
MANUAL: Kind = "MANUAL"
SLEEP: Kind = "SLEEP"
RUN: Kind = "RUN"
INPUT: Kind = "INPUT"

JSON = "application/json"
BY_DEFAULT = "default"


def _only_where(condition: str, name: str, *columns: str) -> Index:
    """An index of few rows: every index costs every write."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


class TokenRow(Table, table=True):
    """A token as it is stored. An output is the text that came in; tags are a JSON list.

    `has_request` says that people are asked, and that no answer is taken unless it was checked. `default_output`
    is what a token is completed with at its deadline, where others time out.
    Only MANUAL tokens are listed: the others are how a run sleeps, or waits for another run or for an input.
    """

    __tablename__ = "tokens"
    __table_args__ = (
        # The last two only so that counting need not read the tokens themselves.
        _only_where("kind = 'MANUAL'", "ix_tokens_status", "environment_id", "status", "id", "timeout_at", "kind"),
        _only_where("status = 'WAITING'", "ix_tokens_deadline", "timeout_at"),
        _only_where(
            "idempotency_hash IS NOT NULL", "ix_tokens_idempotency_hash", "environment_id", "idempotency_hash", "id"
        ),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False))
    status: str = Field(sa_type=Text)
    tags: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    timeout_at: datetime | None = Field(default=None, sa_type=Instant)
    completed_at: datetime | None = Field(default=None, sa_type=Instant)
    idempotency_key: str | None = Field(default=None, sa_type=Text)
    idempotency_hash: str | None = Field(default=None, sa_type=Text)
    idempotency_key_expires_at: datetime | None = Field(default=None, sa_type=Instant)
    output: str | None = Field(default=None, sa_type=Text)
    output_type: str = Field(sa_type=Text)
    output_is_error: bool = Field(sa_column=Column(Boolean, nullable=False))
    cancelled_at: datetime | None = Field(default=None, sa_type=Instant)
    cancel_reason: str | None = Field(default=None, sa_type=Text)
    answered_by: str | None = Field(default=None, sa_type=Text)
    settled_by_request: str | None = Field(default=None, sa_type=Text)
    kind: str = Field(sa_column=Column(Text, nullable=False, server_default=MANUAL))
    has_request: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    default_output: str | None = Field(default=None, sa_type=Text)


class TokenTagRow(Table, table=True):
    """One tag of one token, with the token's status, so that a list by tag and status is a range of an index."""

    __tablename__ = "token_tags"
    __table_args__ = (
        Index("ix_token_tags_status", "environment_id", "tag", "status", "token_id"),
        {"sqlite_with_rowid": False},
    )

    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), primary_key=True))
    tag: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)


class IdempotencyKeyRow(Table, table=True):
    """A promise that a key, kept as its hash, makes one token.

    `scope` tells the caller's own keys from those of single requests.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (
        Index("ix_idempotency_keys_expires_at", "scope", "expires_at"),
        {"sqlite_with_rowid": False},
    )

    environment_id: str = Field(sa_column=Column(Text, primary_key=True))
    scope: str = Field(sa_column=Column(Text, primary_key=True))
    key: str = Field(sa_column=Column(Text, primary_key=True))
    token_id: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Instant)
    was_cached: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))


def hash_of(key: str) -> str:
    """What stands for an idempotency key in indexes: a key of 2,048 characters does not fit into PostgreSQL's."""
    return hashlib.sha256(key.encode()).hexdigest()


class Token(msgspec.Struct, frozen=True):
    """A token as the server sees it at one instant: never WAITING past its deadline."""

    id: str
    environment_id: str
    status: Status
    tags: tuple[str, ...]
    created_at: datetime
    timeout_at: datetime | None
    completed_at: datetime | None = None
    idempotency_key: str | None = None
    idempotency_key_expires_at: datetime | None = None
    output: str | None = None  # JSON text, as it came in
    output_type: str = JSON
    output_is_error: bool = False
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    answered_by: str | None = None
    settled_by_request: str | None = None
    kind: Kind = MANUAL
    has_request: bool = False
    default_output: str | None = None

    @property
    def is_manual(self) -> bool:
        return self.kind == MANUAL

    @property
    def is_waiting(self) -> bool:
        return self.status == WAITING

    @property
    def is_settled(self) -> bool:
        return self.status != WAITING

    @property
    def is_completed(self) -> bool:
        return self.status == COMPLETED

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def is_default(self) -> bool:
        """Whether nobody answered, and the default answer was taken."""
        return self.answered_by == BY_DEFAULT

    @property
    def has_timed_out(self) -> bool:
        return self.status == TIMED_OUT and not self.is_cancelled


class By(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who did something, and by which door: what the timeline tells.

    `kind` is one of api_key, public_access_token, callback, person, link, system; `door` one of
    rest, callback, page, approval, command, deadline. People choose their names, so one who has signed in is told
    with their `address`, as it was then.
    """

    kind: str
    door: str
    id: str | None = None
    name: str | None = None
    address: str | None = None

    @property
    def who(self) -> str | None:
        """The person behind it: the id of one who is signed in, the address of one who was sent a link."""
        return {"person": self.id, "link": self.name}.get(self.kind)


DEADLINE = By(kind="system", door="deadline")

_tokens = table_of(TokenRow)
COLUMNS = tuple(_tokens.c[name] for name in Token.__struct_fields__)
_TAGS = Token.__struct_fields__.index("tags")


# Literals, not parameters: only then can a database use the indexes of some tokens.
IS_WAITING = _tokens.c.status == literal_column("'WAITING'")
IS_MANUAL = _tokens.c.kind == literal_column("'MANUAL'")


def token_of(row: Sequence[Any]) -> Token:
    """The token in a row of `COLUMNS`, as it is stored: an overdue one may still say WAITING."""
    values = [*row]
    values[_TAGS] = _tags_in(values[_TAGS])
    return Token(*values)


def _tags_in(text: str) -> tuple[str, ...]:
    return tuple(msgspec.json.decode(text)) if text != "[]" else ()
