"""Everything that changes a file: it comes, it is kept with an answer that names it, and it is forgotten."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, or_, select, update

from .. import ids
from ..database import Unit
from ..database.tables import table_of
from ..tokens.models import WAITING, By, Token, TokenRow
from .models import COMING, HERE, KEPT, File, FileChunkRow, FileRow

MOST = 50  # files of one token
LIFETIME = timedelta(hours=24)  # of a file that no answer names; while the token waits, one may still
_ID = re.compile(rf"{ids.FILE_PREFIX}[0-9a-f]{{36}}")

_files = table_of(FileRow)
_chunks = table_of(FileChunkRow)
_tokens = table_of(TokenRow)
_SHOWN = (_files.c.id, _files.c.name, _files.c.type, _files.c.size)


class NotWanted(msgspec.Struct, frozen=True):
    """No file is taken for this token: it is unknown here, it was answered, or it has too many."""

    code: str


def begin(db: Unit, token_id: str, environment_id: str, name: str, kind: str) -> File | NotWanted:
    """Announce a file that is about to be sent for a token that waits."""
    waits = db.execute(
        select(_tokens.c.status).where(_tokens.c.id == token_id, _tokens.c.environment_id == environment_id)
    ).scalar_one_or_none()
    if waits is None:
        return NotWanted("unknown")
    if waits != "WAITING":
        return NotWanted("settled")
    count = db.execute(select(func.count()).select_from(_files).where(_files.c.token_id == token_id)).scalar_one()
    if count >= MOST:
        return NotWanted("too-many")
    file = File(ids.new_id(ids.FILE_PREFIX, db.now), name, kind, 0)
    db.execute(
        insert(_files),
        {
            **msgspec.structs.asdict(file),
            "environment_id": environment_id,
            "token_id": token_id,
            "status": COMING,
            "created_at": db.now,
        },
    )
    return file


def arrive(db: Unit, file_id: str, size: int) -> None:
    """All bytes of a file are here."""
    db.execute(update(_files).where(_files.c.id == file_id, _files.c.status == COMING).values(status=HERE, size=size))


def find(db: Unit, token_id: str, environment_id: str, file_id: str) -> File | None:
    """A file of a token, once all of it is here."""
    found = db.execute(
        select(*_SHOWN).where(
            _files.c.id == file_id,
            _files.c.token_id == token_id,
            _files.c.environment_id == environment_id,
            _files.c.status != COMING,
        )
    ).one_or_none()
    return None if found is None else File(found.id, found.name, found.type, found.size)


def of_token(db: Unit, token_id: str) -> dict[str, File]:
    """The files of a token that are here, by id."""
    rows = db.execute(select(*_SHOWN).where(_files.c.token_id == token_id, _files.c.status != COMING))
    return {row.id: File(row.id, row.name, row.type, row.size) for row in rows}


def kept_with(db: Unit, token: Token) -> dict[str, Any]:
    """The files that the answer of a token names, for its page."""
    if not token.has_request or token.output is None or ids.FILE_PREFIX not in token.output:
        return {}
    kept = select(*_SHOWN).where(_files.c.token_id == token.id, _files.c.status == KEPT).order_by(_files.c.id)
    return {"kept_files": [File(row.id, row.name, row.type, row.size) for row in db.execute(kept)]}


def keep(db: Unit, token: Token, _: By) -> None:
    """Keep the files that the answer of a token names; a follower of every settlement."""
    if not token.has_request or token.output is None or ids.FILE_PREFIX not in token.output:
        return
    named = sorted(set(_ID.findall(token.output)))
    db.execute(update(_files).where(_files.c.token_id == token.id, _files.c.id.in_(named)).values(status=KEPT))


def unwanted(db: Unit, limit: int) -> list[str]:
    """Files that are a day old and that no answer named, or that never came whole; oldest first."""
    statement = (
        select(_files.c.id)
        .join(_tokens, _tokens.c.id == _files.c.token_id)
        .where(
            _files.c.status.in_((COMING, HERE)),
            _files.c.created_at <= db.now - LIFETIME,
            or_(_files.c.status == COMING, _tokens.c.status != WAITING),
        )
        .order_by(_files.c.created_at)
    )
    return list(db.execute(statement.limit(limit)).scalars())


def forget(db: Unit, file_id: str) -> bool:
    """Forget a file, unless an answer has named it meanwhile."""
    unwanted_still = (_files.c.id == file_id) & (_files.c.status != KEPT)
    locked = db.execute(select(_files.c.id).where(unwanted_still).with_for_update()).one_or_none()
    if locked is None:
        return False
    db.execute(delete(_chunks).where(_chunks.c.file_id == file_id))
    db.execute(delete(_files).where(unwanted_still))
    return True


def add_chunk(db: Unit, file_id: str, number: int, body: bytes) -> None:
    db.execute(insert(_chunks), {"file_id": file_id, "number": number, "body": body})


def chunk(db: Unit, file_id: str, number: int) -> bytes | None:
    found = db.execute(select(_chunks.c.body).where(_chunks.c.file_id == file_id, _chunks.c.number == number))
    return found.scalar_one_or_none()


def named_in(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every file that an answer names, with the pointer to it."""
    if isinstance(value, dict):
        if isinstance(value.get("id"), str) and _ID.fullmatch(value["id"]):
            yield pointer, value
            return
        for name, inner in value.items():
            yield from named_in(inner, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from named_in(inner, f"{pointer}/{index}")
