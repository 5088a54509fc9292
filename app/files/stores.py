"""Where the bytes of files lie: in a folder beside an SQLite file, or in a table that several servers share."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from ..database import Database
from . import lifecycle

CHUNK = 262_144  # bytes


class Store(Protocol):
    """Takes and gives the bytes of files, a piece at a time."""

    async def add(self, file_id: str, number: int, body: bytes) -> None: ...

    async def finish(self, file_id: str) -> None:
        """Return when all that was added would survive a power cut."""

    def read(self, file_id: str) -> AsyncIterator[bytes]: ...

    async def remove(self, file_id: str) -> None: ...


class Folder:
    """One file each, in a folder that only this server's user can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def add(self, file_id: str, number: int, body: bytes) -> None:
        await asyncio.to_thread(self._append, file_id, body)

    async def finish(self, file_id: str) -> None:
        await asyncio.to_thread(self._sync, file_id)

    async def read(self, file_id: str) -> AsyncIterator[bytes]:
        file = await asyncio.to_thread((self._path / file_id).open, "rb")
        try:
            while body := await asyncio.to_thread(file.read, CHUNK):
                yield body
        finally:
            file.close()

    async def remove(self, file_id: str) -> None:
        await asyncio.to_thread((self._path / file_id).unlink, missing_ok=True)

    def _append(self, file_id: str, body: bytes) -> None:
        self._path.mkdir(mode=0o700, exist_ok=True)
        with (self._path / file_id).open("ab") as file:
            file.write(body)

    def _sync(self, file_id: str) -> None:
        for path in (self._path / file_id, self._path):
            if path.exists():
                descriptor = os.open(path, os.O_RDONLY)
                try:
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)


class Rows:
    """Pieces in the database, written in the transactions of everybody else."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, file_id: str, number: int, body: bytes) -> None:
        await self._database.write(lifecycle.add_chunk, file_id, number, body, key=f"file:{file_id}")

    async def finish(self, file_id: str) -> None:
        """Every piece was committed when it was added."""

    async def read(self, file_id: str) -> AsyncIterator[bytes]:
        number = 0
        while (body := await self._database.read(lifecycle.chunk, file_id, number)) is not None:
            yield body
            number += 1

    async def remove(self, file_id: str) -> None:
        """They go with the file's own row."""


def store_of(database: Database) -> Store:
    """The store that goes with a database."""
    return Rows(database) if database.path is None else Folder(folder_of(database.path))


def folder_of(path: Path) -> Path:
    """The folder of the files that belong to an SQLite file."""
    return path.with_name(f"{path.name}.files")
