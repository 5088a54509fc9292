"""Requests as they stand, and as they stood before they were amended. Nothing here changes anything."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, select

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..tokens.models import By
from . import spec as specs
from .models import RequestRow, RequestVersionRow
from .spec import Spec

_requests = table_of(RequestRow)
_versions = table_of(RequestVersionRow)

_OF_TOKEN = (
    _requests.c.version,
    _requests.c.spec,
    _requests.c.asked_by,
    _requests.c.created_at,
    _requests.c.amended_at,
)
_READ = Prepared(select(*_OF_TOKEN).where(_requests.c.token_id == bindparam("b_id")), _OF_TOKEN)


class Request(msgspec.Struct, frozen=True):
    """A request as it stands."""

    version: int
    spec: Spec
    asked_by: By
    created_at: datetime
    amended_at: datetime | None = None

    @property
    def is_amended(self) -> bool:
        return self.version > 1


def find(db: Unit, token_id: str) -> Request | None:
    """The request of a token, as it stands."""
    rows = db.run(_READ, {"b_id": token_id})
    return _request(rows[0]) if rows else None


def of_tokens(db: Unit, token_ids: Sequence[str]) -> dict[str, Request]:
    """The requests of several tokens, as they stand, by the tokens' ids."""
    statement = select(_requests.c.token_id, *_OF_TOKEN).where(_requests.c.token_id.in_(token_ids))
    return {row[0]: _request(row[1:]) for row in db.execute(statement)} if token_ids else {}


def titles(db: Unit, token_ids: Sequence[str]) -> dict[str, str]:
    """What these tokens ask, by their ids; without those that ask nobody anything."""
    statement = select(_requests.c.token_id, _requests.c.title).where(_requests.c.token_id.in_(token_ids))
    rows: list[Any] = [*db.execute(statement)]
    return dict(rows)


def at_version(db: Unit, token_id: str, version: int) -> Spec | None:
    """What a request said before it was amended."""
    statement = select(_versions.c.spec).where(_versions.c.token_id == token_id, _versions.c.version == version)
    text = db.execute(statement).scalar_one_or_none()
    return None if text is None else specs.read(text)


def _request(row: Sequence[Any]) -> Request:
    version, text, asked_by, created_at, amended_at = row
    return Request(version, specs.read(text), msgspec.json.decode(asked_by, type=By), created_at, amended_at)
