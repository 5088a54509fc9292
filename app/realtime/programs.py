"""All programs that listen on this process, and who of them is told of an event."""

from collections.abc import Sequence

import structlog
from litestar.datastructures import Headers

from ..database import DatabaseUnavailable
from ..events import Event
from ..service import Service
from .conversations import Conversation, Refused
from .credentials import headers_of, is_welcome, listener_of, name_of
from .feeds import Feed
from .guests import Full, Guests
from .lines import BROKEN, TRY_LATER, Gone, Line
from .listening import Listening
from .messages import Error, happened, is_of_a_run, is_told, write
from .subscriptions import Interests

_FULL = Error("too-many-sockets", "There are as many sockets open with this key as there may be.")
_UNAVAILABLE = Error("unavailable", "The database does not answer; try again.")
log = structlog.get_logger(__name__)


class Programs:
    """Talks with programs, and hands them what happens."""

    def __init__(self, service: Service, listening: Listening, guests: Guests) -> None:
        self._service = service
        self._listening = listening
        self._guests = guests
        self._interests = Interests[Feed]()

    def hear(self, events: Sequence[Event]) -> None:
        """Hand events on. Each is written once, however many want it."""
        for event in events:
            feeds = self._interests.of(event) if is_told(event) else ()
            if not feeds:
                continue
            text = happened(event)
            for feed in feeds:
                if is_of_a_run(event) or feed.wanted.allows(event.subject):
                    feed.put(event.seq, text)

    async def talk(self, line: Line, headers: Headers, since: str | None) -> None:
        """A whole conversation, until the program leaves."""
        try:
            await self._talk(line, headers, since)
        except Gone:
            return
        except Refused as refused:
            await _end(line, refused.error, refused.close)
        except Full:
            await _end(line, _FULL, TRY_LATER)
        except DatabaseUnavailable:
            await _end(line, _UNAVAILABLE, TRY_LATER)
        except Exception:
            log.exception("a conversation with a program failed")
            await line.close(BROKEN)

    async def _talk(self, line: Line, headers: Headers, since: str | None) -> None:
        authentication = self._service.authentication
        credentials = await headers_of(line, headers)
        principal = await listener_of(authentication, credentials)
        with self._guests.seat(line, name_of(principal), lambda: is_welcome(authentication, credentials)):
            async with self._listening.open():
                database = self._service.database
                await Conversation(line, principal, database, self._listening, self._interests).hold(since)


async def _end(line: Line, error: Error, code: int) -> None:
    try:
        await line.say(write(error))
    except Gone:
        return
    await line.close(code, error.code)
