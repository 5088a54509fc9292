"""Having an operation done, wherever the database is: by the server that owns it, or by this process."""

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Any

import msgspec

from ..database import Database, DatabaseUnavailable
from ..database.ownership import AlreadyOwned
from ..events import head
from ..opening import open_database, own, unopened_database
from ..settings import Settings
from .address import socket_path
from .operations import OPERATIONS, perform
from .server import Question, Reply, may_administer
from .site import Refused, Site

DEFAULT_URL = "http://127.0.0.1:8000"
_CONNECT_LIMIT = 5.0  # seconds
_START_LIMIT = 5.0  # seconds for a server that has the file but not yet its socket


def ask(settings: Settings, operation: str, **arguments: Any) -> Any:
    """The result of an operation as plain values.

    Raises Refused, DatabaseUnavailable, AlreadyOwned, BadSettings or WrongSchema, each with a sentence.
    """
    path = unopened_database(settings).path
    deadline = time.monotonic() + _START_LIMIT
    while True:
        if path is not None and (peer := _connected(socket_path(path))) is not None:
            return _answer(peer, Question(operation, arguments))
        try:
            return asyncio.run(_alone(settings, operation, arguments))
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
    if os.getuid() != 0 and not may_administer(peer):
        peer.close()
        raise DatabaseUnavailable(f"{path} belongs to another user's server")
    return peer


def _answer(peer: socket.socket, question: Question) -> Any:
    peer.settimeout(None if OPERATIONS[question.operation].way == "aside" else 15.0)
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


async def _alone(settings: Settings, operation: str, arguments: dict[str, Any]) -> Any:
    database = _opened(settings, operation)
    public_url = settings.public_url or DEFAULT_URL
    site = Site(database, settings, public_url, has_server=False)
    if OPERATIONS[operation].way == "aside":
        return await perform(site, operation, arguments)
    await database.start()
    try:
        _, latest = await database.read(head)
        database.clock.not_before(latest)
        return await perform(site, operation, arguments)
    finally:
        await database.stop()


def _opened(settings: Settings, operation: str) -> Database:
    """What only looks or copies takes the database as it is; what changes it needs this version's schema."""
    if OPERATIONS[operation].way != "aside":
        return open_database(settings)
    database = unopened_database(settings)
    if database.path is None or database.path.exists():
        own(database)
    return database
