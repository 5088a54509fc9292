"""The tables of files, and the value that the rest of the server sees."""

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, LargeBinary, Text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant

Status = Literal["COMING", "HERE", "KEPT"]
COMING: Status = "COMING"  # its bytes are still being sent
HERE: Status = "HERE"  # nobody has answered with it yet
KEPT: Status = "KEPT"  # an answer names it


class FileRow(Table, table=True):
    """A file that was sent for one token. Its bytes lie beside an SQLite file, or in `file_chunks`."""

    __tablename__ = "files"
    __table_args__ = (
        Index("ix_files_token_id", "token_id"),
        Index("ix_files_status_created_at", "status", "created_at"),
        {"sqlite_with_rowid": False},
    )

    id: str = Field(sa_column=Column(Text, primary_key=True))
    environment_id: str = Field(sa_column=Column(Text, ForeignKey("environments.id"), nullable=False))
    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), nullable=False))
    name: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    size: int = Field(sa_column=Column(BigInteger, nullable=False))
    status: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)


class FileChunkRow(Table, table=True):
    """A piece of a file, where several servers share one PostgreSQL."""

    __tablename__ = "file_chunks"
    __table_args__ = ({"sqlite_with_rowid": False},)

    file_id: str = Field(sa_column=Column(Text, ForeignKey("files.id"), primary_key=True))
    number: int = Field(sa_column=Column(Integer, primary_key=True, autoincrement=False))
    body: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class File(msgspec.Struct, frozen=True):
    """A file, as an answer names it."""

    id: str
    name: str
    type: str
    size: int
