"""The tables of people, their sign-ins, and the links that let them in."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant


class PersonRow(Table, table=True):
    """A person. Roles: owner, member, approver."""

    __tablename__ = "people"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    email: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class SessionRow(Table, table=True):
    """A sign-in on one device. It ends by itself, or when the person signs out."""

    __tablename__ = "sessions"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    person_id: str = Field(sa_column=Column(Text, ForeignKey("people.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)


class SignInLinkRow(Table, table=True):
    """A link that lets somebody in once. Without a person it is the first owner's."""

    __tablename__ = "sign_in_links"

    hash: str = Field(sa_column=Column(Text, primary_key=True))
    person_id: str | None = Field(default=None, sa_column=Column(Text, ForeignKey("people.id"), nullable=True))
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
