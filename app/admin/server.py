"""The server's admin socket: commands on the same machine speak to the process that owns the SQLite file.

One line of JSON comes, one goes. Whoever may read the database file may use it: the file's owner, and root.
"""

import asyncio
import os
import socket
from pathlib import Path

import msgspec
import structlog

from ..database import DatabaseUnavailable
from ..service import Service
from .address import make_room_for, socket_path
from .lines import LONGEST_LINE, Question, Reply, is_trusted
from .operations import perform
from .site import Refused, Site

_PATIENCE = 10.0  # seconds for a question to arrive
log = structlog.get_logger(__name__)


class AdminSocket:
    """Listens while a server runs on an SQLite file; on PostgreSQL commands go to the database themselves."""

    def __init__(self, service: Service) -> None:
        database = service.database
        self._site = Site(
            database, service.settings, service.public_url, has_server=True, changed=service.authentication.forget
        )
        self._path = None if database.path is None else socket_path(database.path)
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Begin to listen. Without a socket the server runs all the same, and says so."""
        if self._path is None or self._site.database.path is None:
            return
        try:
            make_room_for(self._path, self._site.database.path)
            self._server = await asyncio.start_unix_server(self._talk, sock=_listener(self._path), limit=LONGEST_LINE)
        except OSError as error:
            log.warning("commands cannot reach this server", socket=str(self._path), reason=error.strerror)

    def close(self) -> None:
        """Stop listening. Called before the database is given back, so the next owner's socket is not touched."""
        if self._server is not None and self._path is not None:
            self._server.close()
            self._path.unlink(missing_ok=True)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if is_trusted(writer.get_extra_info("socket")):
                async with asyncio.timeout(_PATIENCE):
                    line = await reader.readline()
                writer.write(msgspec.json.encode(await self._reply(line)) + b"\n")
                await writer.drain()
        except (TimeoutError, ValueError, OSError):
            log.debug("a command broke off")
        finally:
            writer.close()

    async def _reply(self, line: bytes) -> Reply:
        try:
            question = msgspec.json.decode(line, type=Question)
            return Reply(result=await perform(self._site, question.operation, question.arguments))
        except Refused as refusal:
            return Reply(refused=str(refusal))
        except DatabaseUnavailable as failure:
            return Reply(failed=f"the database cannot be used: {failure}")
        except msgspec.DecodeError:
            return Reply(failed="the server did not understand the command")
        except Exception:
            log.exception("an operation failed")
            return Reply(failed="the server failed; its log says how")


def _listener(path: Path) -> socket.socket:
    """A socket that only its owner may open, from its first moment. A stale one is ours: we own the database."""
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(str(path))
    except OSError:
        listener.close()
        raise
    finally:
        os.umask(before)
    return listener
