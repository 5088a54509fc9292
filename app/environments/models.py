"""The tables of environments, their API keys and their signing keys."""

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Column, ForeignKey, Text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

Scope = Literal["full", "create", "complete", "read", "worker"]
SCOPES: tuple[Scope, ...] = ("full", "create", "complete", "read", "worker")


class EnvironmentRow(Table, table=True):
    """A world of its own. The slug is part of its keys: `tr_<slug>_sk_…`."""

    __tablename__ = "environments"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    slug: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class ApiKeyRow(Table, table=True):
    """An API key. Only its hash is kept; the key itself is shown once."""

    __tablename__ = "api_keys"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False, index=True))
    name: str = Field(sa_type=Text)
    scope: str = Field(sa_type=Text)
    hash: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    last_four: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)


class SigningKeyRow(Table, table=True):
    """A secret that signs. `purpose` is public_access (one environment's tokens), session or callback.

    A retired key verifies what it signed until `verifies_until`.
    """

    __tablename__ = "signing_keys"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    purpose: str = Field(sa_type=Text)
    environment_id: str | None = Field(
        default=None, sa_column=Column(Text, ForeignKey("environments.id"), nullable=True, index=True)
    )
    secret: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    retired_at: datetime | None = Field(default=None, sa_type=Instant)
    verifies_until: datetime | None = Field(default=None, sa_type=Instant)


class Environment(msgspec.Struct, frozen=True):
    """A world of its own, with its own keys and tokens."""

    id: str
    slug: str
    name: str
    created_at: datetime


class KeyListing(msgspec.Struct, frozen=True):
    """What can be shown of an API key after its first minute."""

    id: str
    environment_id: str
    name: str
    scope: Scope
    last_four: str
    created_at: datetime
    revoked_at: datetime | None

    @property
    def is_revoked(self) -> bool:
        return self.revoked_at is not None


def columns_of(table: Any, struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    """The columns that fill a struct, in the order of its fields."""
    return tuple(table.c[name] for name in struct.__struct_fields__)
