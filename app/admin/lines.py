"""What a command and a server say to each other over the admin socket: one line of JSON each."""

import os
import socket
import struct
from typing import Any

import msgspec

LONGEST_LINE = 65_536  # bytes
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid


class Question(msgspec.Struct, frozen=True):
    """What a command wants done."""

    operation: str
    arguments: dict[str, Any] = {}


class Reply(msgspec.Struct, omit_defaults=True, frozen=True):
    """What came of it: a result, or the reason why it was not done."""

    result: Any = None
    refused: str | None = None
    failed: str | None = None


def is_trusted(peer: socket.socket) -> bool:
    """Whether the other end is the owner of this process or root. Where the system does not tell, file rights decide."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True
    _, user, _ = _CREDENTIALS.unpack(peer.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size))
    return user in {0, os.getuid()}
