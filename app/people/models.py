"""The tables of people: what they may do, where they belong, their sign-ins, and the links that let them in."""

from datetime import datetime
from typing import Literal

from sqlalchemy import Boolean, Column, ForeignKey, Index, Text, true
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

Role = Literal["owner", "member", "approver"]
OWNER: Role = "owner"
MEMBER: Role = "member"
APPROVER: Role = "approver"
ROLES: tuple[Role, ...] = (OWNER, MEMBER, APPROVER)

_NO_MAILBOX = "@localhost"


def has_mailbox(email: str) -> bool:
    """Whether mails can reach this address. The first owner comes before anybody knows theirs, and has none."""
    return not email.endswith(_NO_MAILBOX)


class PersonRow(Table, table=True):
    """A person. `role` is the one in every environment; `roles` says where it is another.

    A time zone is a name such as Europe/Berlin, or nothing: then their browser's, and UTC in mails.
    """

    __tablename__ = "people"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    email: str = Field(sa_column=Column(Text, unique=True, nullable=False))
    name: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    password_hash: str | None = Field(default=None, sa_type=Text)
    time_zone: str | None = Field(default=None, sa_type=Text)
    notifications: bool = Field(default=True, sa_column=Column(Boolean, nullable=False, server_default=true()))
    disabled_at: datetime | None = Field(default=None, sa_type=Instant)


class EnvironmentRoleRow(Table, table=True):
    """What a person is in one environment, where that differs from their role everywhere."""

    __tablename__ = "roles"

    person_id: str = Field(sa_column=Column(Text, ForeignKey("people.id"), primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), primary_key=True))
    role: str = Field(sa_type=Text)


class GroupRow(Table, table=True):
    """People who are asked together, as `group:<slug>`."""

    __tablename__ = "groups"

    slug: str = Field(sa_column=Column(Text, primary_key=True))
    name: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class GroupMemberRow(Table, table=True):
    """One person in one group."""

    __tablename__ = "group_members"
    __table_args__ = (Index("ix_group_members_person_id", "person_id"),)

    group_slug: str = Field(sa_column=Column(Text, ForeignKey("groups.slug"), primary_key=True))
    person_id: str = Field(sa_column=Column(Text, ForeignKey("people.id"), primary_key=True))


class SessionRow(Table, table=True):
    """A sign-in on one device. It ends by itself, or when the person signs out.

    `device` is what the browser calls itself, `way` how they came in: by link or by password.
    """

    __tablename__ = "sessions"

    id: str = Field(sa_column=Column(Text, primary_key=True))
    person_id: str = Field(sa_column=Column(Text, ForeignKey("people.id"), nullable=False, index=True))
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    ended_at: datetime | None = Field(default=None, sa_type=Instant)
    device: str | None = Field(default=None, sa_type=Text)
    way: str = Field(default="link", sa_column=Column(Text, nullable=False, server_default="link"))


class SignInLinkRow(Table, table=True):
    """A link that lets somebody in once. Without a person it is the first owner's."""

    __tablename__ = "sign_in_links"

    hash: str = Field(sa_column=Column(Text, primary_key=True))
    person_id: str | None = Field(default=None, sa_column=Column(Text, ForeignKey("people.id"), nullable=True))
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)
    used_at: datetime | None = Field(default=None, sa_type=Instant)
