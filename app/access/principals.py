"""Who is asking.

A principal answers questions about itself in words; it never looks anything up.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

import msgspec

from ..people.models import APPROVER, OWNER, Role, has_mailbox
from ..tokens.models import By

Action = Literal["create", "complete", "read", "worker"]


class ApiKey(msgspec.Struct, frozen=True):
    """A program with a key of one environment. The key's scope is full, or one of the actions."""

    id: str
    environment_id: str
    name: str
    scope: str

    def may(self, action: Action) -> bool:
        return self.scope in {"full", action}

    def by(self, door: str) -> By:
        return By(kind="api_key", door=door, id=self.id, name=self.name)


class PublicAccess(msgspec.Struct, frozen=True):
    """Whoever holds a public access token: a form in a browser, usually. Its scopes say what it opens."""

    environment_id: str
    scopes: tuple[str, ...]
    id: str
    expires_at: datetime

    def may_complete(self, token_id: str) -> bool:
        return self._allows("write", token_id)

    def may_read(self, token_id: str) -> bool:
        return self._allows("read", token_id)

    @property
    def may_read_everything(self) -> bool:
        return any(_covers(scope, "read", None) for scope in self.scopes)

    def by(self, door: str) -> By:
        return By(kind="public_access_token", door=door, id=self.id)

    def _allows(self, action: str, token_id: str) -> bool:
        return any(_covers(scope, action, token_id) for scope in self.scopes)


class Person(msgspec.Struct, frozen=True):
    """A person who has signed in. `roles` says in which environments their role is another, by id."""

    id: str
    email: str
    name: str
    role: Role
    session_id: str
    roles: Mapping[str, Role] = msgspec.field(default_factory=dict)
    time_zone: str | None = None

    @property
    def is_owner(self) -> bool:
        """Owners are owners everywhere."""
        return self.role == OWNER

    @property
    def is_member(self) -> bool:
        """Whether there is an environment whose desk they may see."""
        return any(role != APPROVER for role in (self.role, *self.roles.values()))

    @property
    def has_mailbox(self) -> bool:
        return has_mailbox(self.email)

    def role_in(self, environment_id: str) -> Role:
        return self.role if self.is_owner else self.roles.get(environment_id, self.role)

    def may_see_desk_of(self, environment_id: str) -> bool:
        """Tokens, runs and the log of an environment are for its members and owners."""
        return self.role_in(environment_id) != APPROVER

    def by(self, door: str) -> By:
        return By(kind="person", door=door, id=self.id, name=self.name, address=self.email)


class LinkHolder(msgspec.Struct, frozen=True):
    """Whoever holds the link of one recipient: to one token, or to the steps of one journey.

    A link proves that its holder has read what was sent to the recipient, not who they are.
    """

    id: str
    environment_id: str
    recipient: str
    expires_at: datetime
    token_id: str | None = None
    journey: str | None = None

    def may_complete(self, token_id: str) -> bool:
        return self.token_id == token_id

    def by(self, door: str) -> By:
        return By(kind="link", door=door, id=self.id, name=self.recipient or None)


Principal = ApiKey | PublicAccess | LinkHolder | Person


def _covers(scope: str, action: str, token_id: str | None) -> bool:
    """Whether one scope `action:type[:id]` allows an action on a token (CONTRACT.md section 3).

    Only the first two colons separate, so an id may hold colons.
    """
    granted, *named = scope.split(":", 2)
    if granted not in {action, "*", "admin"} or (granted != "admin" and not named):
        return False
    kind = named[0] if named else "all"
    return kind in {"waitpoints", "all"} and (len(named) < 2 or (token_id is not None and named[1] == token_id))
