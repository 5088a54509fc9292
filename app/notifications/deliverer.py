"""Delivering: what is due is claimed, written and handed to the mail server, again and again until it was taken."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog

from ..database import LAST, DatabaseUnavailable
from ..service import Service
from . import letters, outbox
from .kinds import Kinds, NotNeeded
from .letters import Letter
from .mailers import Mailer, NotSent, Send
from .models import Mail

DELAYS = [timedelta(seconds=5), timedelta(seconds=30)] + [
    timedelta(minutes=minutes) for minutes in (2, 10, 30, 60, 120, 240, 480, 720, 1440)
]
"""How long a mail that could not be sent waits for its next attempt; after the last one it is given up."""

_BATCH = 20  # mails in one conversation
_LIMIT = (outbox.LEASE - timedelta(seconds=20)).total_seconds()  # for a conversation: nobody else may begin it anew
_LONGEST_SLEEP = 1.0  # seconds: a mail may have been queued meanwhile
_RETRY = 1.0  # seconds until a database that failed is asked again
log = structlog.get_logger(__name__)


class Deliverer:
    """Sends what is in the outbox, beside those of other processes."""

    def __init__(self, service: Service, mailer: Mailer, kinds: Kinds) -> None:
        self.kinds = kinds
        self._service = service
        self._database = service.database
        self._mailer = mailer
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._deliver_for_ever(), name="mail-deliverer")

    def stop(self) -> None:
        if self._task:
            self._task.cancel()

    async def deliver(self) -> int:
        """Try every mail that is due now; gives how many those were."""
        tried = 0
        while mails := await self._database.write(outbox.claim, _BATCH, key=LAST):
            await self._deliver(mails)
            tried += len(mails)
        return tried

    async def letter_of(self, mail: Mail) -> Letter | NotNeeded:
        """What a mail says now. Raises KeyError for a kind of another version."""
        context = await self.kinds[mail.kind].prepare(self._service, mail)
        if isinstance(context, NotNeeded):
            return context
        around: dict[str, Any] = {"mail": mail, "public_url": self._service.public_url, **context}
        return letters.write(mail.kind, around)

    async def _deliver_for_ever(self) -> None:
        is_fresh = not self._database.is_postgresql  # nobody else can be sending, so no lease holds
        while True:
            try:
                if is_fresh:
                    await self._database.write(outbox.resume, key=LAST)
                    is_fresh = False
                await self.deliver()
                await asyncio.sleep(await self._seconds_left())
            except DatabaseUnavailable:
                await asyncio.sleep(_RETRY)
            except Exception:
                log.exception("the deliverer failed and goes on")
                await asyncio.sleep(_RETRY)

    async def _seconds_left(self) -> float:
        due = await self._database.read(outbox.next_due)
        left = _LONGEST_SLEEP if due is None else (due - self._database.clock.now()).total_seconds()
        return min(max(left, 0.05), _LONGEST_SLEEP)

    async def _deliver(self, mails: Sequence[Mail]) -> None:
        written = [(mail, letter) for mail in mails if (letter := await self._written(mail)) is not None]
        if not written:
            return
        left = [mail for mail, _ in written]
        try:
            async with asyncio.timeout(_LIMIT), self._mailer.open() as send:
                for mail, letter in written:
                    await self._send(send, mail, letter)
                    left.remove(mail)
        except NotSent as error:
            await self._put_off(left, str(error))
        except TimeoutError:
            await self._put_off(left, "the mail server took too long")

    async def _written(self, mail: Mail) -> Letter | None:
        try:
            letter = await self.letter_of(mail)
        except DatabaseUnavailable:
            raise
        except Exception:
            log.exception("a mail cannot be written", mail=mail.id, kind=mail.kind)
            await self._put_off([mail], "it cannot be written; the server's log says why")
            return None
        if isinstance(letter, NotNeeded):
            await self._database.write(outbox.drop, mail, letter.reason)
            return None
        return letter

    async def _send(self, send: Send, mail: Mail, letter: Letter) -> None:
        try:
            await send(letters.message_of(mail, letter, self._mailer.sender))
        except NotSent as error:
            if error.for_good:
                log.warning("a mail was refused for good", mail=mail.id, kind=mail.kind)
                await self._database.write(outbox.fail, mail, str(error), None)
            else:
                await self._put_off([mail], str(error))
        else:
            done = outbox.sent if self._service.has_mail_server else outbox.printed
            await self._database.write(done, mail)

    async def _put_off(self, mails: Sequence[Mail], reason: str) -> None:
        for mail in mails:
            again_in = DELAYS[mail.attempts - 1] if mail.attempts <= len(DELAYS) else None
            log.warning("a mail could not be sent", mail=mail.id, kind=mail.kind, attempt=mail.attempts)
            await self._database.write(outbox.fail, mail, reason, again_in)
