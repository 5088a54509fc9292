"""One process owns an SQLite file: two writers would meet in the middle of each other's work."""

import fcntl
import os
from pathlib import Path


class AlreadyOwned(Exception):
    """Another process has this database open. Stop it first, or let the command speak to it."""

    def __init__(self, path: Path, owner: str) -> None:
        super().__init__(f"{path} is in use by process {owner or 'unknown'}: stop it first")


class Ownership:
    """An exclusive lock beside the file, given back when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        real = path.resolve()  # a link to the file, or to its folder, is no second database
        self._lock = real.with_name(real.name + ".lock")
        self._descriptor: int | None = None

    def take(self) -> None:
        """Own the file. Raises AlreadyOwned."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            owner = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise AlreadyOwned(self._path, owner) from error
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(os.getpid()).encode())
        self._descriptor = descriptor

    def give_back(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
