"""Where the admin socket of an SQLite database lies: beside the file, or under a short name where that is too long."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

_LONGEST = 100  # bytes; a socket's address has room for 104 to 108


def socket_path(database: Path) -> Path:
    """The socket of the server that owns this database file."""
    beside = database.with_name(database.name + ".admin")
    if len(os.fsencode(beside)) <= _LONGEST:
        return beside
    digest = hashlib.sha256(os.fsencode(database)).hexdigest()[:24]
    return Path(tempfile.gettempdir()) / f"waitpoint-{os.getuid()}" / f"{digest}.admin"


def make_room_for(path: Path, database: Path) -> None:
    """Make the folder of a socket that is not beside its database: ours alone. Raises OSError if somebody else made it.

    The folder for temporary files is everybody's; without this check another user could put a
    socket of theirs where we look for the server's.
    """
    folder = path.parent
    if folder == database.parent:
        return
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    if not is_ours:
        raise PermissionError(f"{folder} is not ours alone")
