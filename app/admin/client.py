"""Having an operation done, wherever the database is: by the server that owns it, or by this process."""

import os
import socket
import time
from pathlib import Path
from typing import Any

import msgspec

from ..database import DatabaseUnavailable
from ..database.ownership import AlreadyOwned
from ..places import sqlite_file
from ..settings import Settings
from .address import socket_path
from .lines import Question, Reply, is_trusted
from .site import Refused

LENGTHY = frozenset({"backup", "doctor", "mail.test"})  # they take as long as they take
_CONNECT_LIMIT = 5.0  # seconds
_START_LIMIT = 5.0  # seconds for a server that has the file but not yet its socket


def ask(settings: Settings, operation: str, **arguments: Any) -> Any:
    """The result of an operation as plain values.

    Raises Refused, DatabaseUnavailable, AlreadyOwned, BadSettings or WrongSchema, each with a sentence.
    """
    path = sqlite_file(settings)
    deadline = time.monotonic() + _START_LIMIT
    while True:
        if path is not None and (peer := _connected(socket_path(path))) is not None:
            return _answer(peer, Question(operation, arguments))
        try:
            return _alone(settings, operation, arguments)
        except AlreadyOwned:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)  # a server is starting, or another command is at work


def _connected(path: Path) -> socket.socket | None:
    """A connection to the server's socket; None when nobody listens there."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    peer.settimeout(_CONNECT_LIMIT)
    try:
        peer.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        peer.close()
        return None
    except OSError as error:
        peer.close()
        raise DatabaseUnavailable(f"{path}: {error.strerror or error}") from error
    if os.getuid() != 0 and not is_trusted(peer):
        peer.close()
        raise DatabaseUnavailable(f"{path} belongs to another user's server")
    return peer


def _answer(peer: socket.socket, question: Question) -> Any:
    peer.settimeout(None if question.operation in LENGTHY else 15.0)
    with peer, peer.makefile("rwb") as file:
        try:
            file.write(msgspec.json.encode(question) + b"\n")
            file.flush()
            line = file.readline()
        except OSError as error:
            raise DatabaseUnavailable("the server does not answer") from error
    if not line:
        raise DatabaseUnavailable("the server ended before it answered")
    reply = msgspec.json.decode(line, type=Reply)
    if reply.refused is not None:
        raise Refused(reply.refused)
    if reply.failed is not None:
        raise DatabaseUnavailable(reply.failed)
    return reply.result


def _alone(settings: Settings, operation: str, arguments: dict[str, Any]) -> Any:
    from .alone import perform_alone  # noqa: PLC0415 - half a second of imports that a running server saves us

    return perform_alone(settings, operation, arguments)
