"""Where on the machine a file lies."""

from pathlib import Path

_MOUNTS = Path("/proc/self/mounts")
_NETWORK = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs"}


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
