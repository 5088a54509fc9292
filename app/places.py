"""Where on the machine an SQLite database lies, and whether it can lie there."""

import os
from pathlib import Path

from sqlalchemy.exc import ArgumentError

from .database.engines import parse_url, sqlite_path
from .settings import BadSettings, Settings

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs"}


def sqlite_file(settings: Settings) -> Path | None:
    """The file of an SQLite database, not yet touched; None for PostgreSQL. Raises BadSettings."""
    try:
        path = sqlite_path(parse_url(settings.database_url))
    except (ValueError, ArgumentError) as error:
        usage = "write it as sqlite:///path/to/waitpoint.db or postgresql://user:password@host/name"
        problem = usage if isinstance(error, ArgumentError) else error
        raise BadSettings(f"WAITPOINT_DATABASE_URL: {problem}") from None
    if path is not None:
        _refuse_place(path)
    return path


def is_on_a_network(path: Path) -> bool:
    """Whether a path lies on another machine's disk, as far as this machine tells."""
    return file_system_of(path, _MOUNTS.read_text(errors="replace")) in _NETWORK if _MOUNTS.exists() else False


def file_system_of(path: Path, mounts: str) -> str:
    """The kind of file system of a path, by the lines of /proc/self/mounts; nothing when they do not say."""
    kinds = {}
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        kinds[Path(place.replace("\\040", " "))] = kind
    return next((kinds[parent] for parent in path.resolve().parents if parent in kinds), "")


def _refuse_place(path: Path) -> None:
    """SQLite needs a file that it may write, in a folder that it may write, on a disk of this machine."""
    folder = path.parent
    problem = None
    if not folder.is_dir():
        problem = f"there is no folder {folder}"
    elif path.is_dir():
        problem = f"{path} is a folder, not a file"
    elif not os.access(folder, os.W_OK) or (path.exists() and not os.access(path, os.W_OK)):
        problem = f"{path} cannot be written by this user"
    elif is_on_a_network(path):
        problem = f"{path} lies on a network disk, where SQLite loses data; name a local disk, or use PostgreSQL"
    if problem:
        raise BadSettings(f"WAITPOINT_DATABASE_URL: {problem}")
