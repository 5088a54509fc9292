"""Where mails go: to a mail server, or without one to the console."""

import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Protocol
from urllib.parse import unquote, urlsplit

import aiosmtplib
import msgspec
import structlog

from ..settings import Settings, is_private
from .addresses import BadAddress, address_of
from .letters import Sender

PATIENCE = 15.0  # seconds for one step of a conversation with a mail server
NOBODY = Sender("Waitpoint", "waitpoint@localhost")
log = structlog.get_logger(__name__)


class NotSent(Exception):
    """The mail server did not take a mail. The message says why; `for_good` when trying again is of no use."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.for_good = for_good


Send = Callable[[EmailMessage], Awaitable[None]]


class Mailer(Protocol):
    """Takes messages."""

    sender: Sender

    def open(self) -> AbstractAsyncContextManager[Send]:
        """One conversation, in which any number of messages is sent. Opening and sending raise NotSent."""


class MailServer(msgspec.Struct, frozen=True):
    """What WAITPOINT_SMTP_URL says."""

    host: str
    port: int
    username: str | None
    password: str | None
    is_encrypted: bool  # from the first byte; else as soon as the server offers STARTTLS

    @property
    def must_offer_encryption(self) -> bool:
        """A password does not travel in the clear beyond our own network."""
        return not self.is_encrypted and self.password is not None and not is_private(f"smtp://{self.host}")


def mail_server_in(url: str) -> MailServer:
    """The mail server that a URL names: smtp://user:password@host:587 or smtps://…:465."""
    parts = urlsplit(url)
    is_encrypted = parts.scheme == "smtps"
    return MailServer(
        parts.hostname or "localhost",
        parts.port or (465 if is_encrypted else 587),
        None if parts.username is None else unquote(parts.username),
        None if parts.password is None else unquote(parts.password),
        is_encrypted,
    )


def sender_in(text: str) -> Sender:
    """Whom a text such as `Waitpoint <ask@example.com>` names. Raises BadAddress."""
    if not text.isprintable():
        raise BadAddress("it has characters that cannot be printed")
    name, address = parseaddr(text)
    return Sender(name or NOBODY.name, address_of(address))


def mailer_for(settings: Settings) -> "Smtp | Console":
    """The mailer that the settings ask for."""
    if settings.smtp_url is None:
        return Console(is_shown=settings.log_format != "json" or sys.stdout.isatty())
    assert settings.mail_from is not None  # noqa: S101 - the settings see to it
    return Smtp(mail_server_in(settings.smtp_url), sender_in(settings.mail_from))


class Smtp:
    """Hands messages to a mail server."""

    def __init__(self, server: MailServer, sender: Sender) -> None:
        self.sender = sender
        self._server = server

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Send]:
        server = self._server
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.is_encrypted,
            start_tls=True if server.must_offer_encryption else None,
            local_hostname=self.sender.domain,
            timeout=PATIENCE,
        )
        try:
            await client.connect()
        except (aiosmtplib.SMTPException, OSError) as error:
            raise NotSent(f"the mail server {server.host}:{server.port} cannot be used: {_words(error)}") from error

        async def send(message: EmailMessage) -> None:
            try:
                await client.send_message(message)
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                raise NotSent(_words(error), for_good=_is_for_good(error)) from error

        try:
            yield send
        finally:
            await _leave(client)


class Console:
    """Prints messages where somebody may read along. Where the console is a log for machines, only that there was one."""

    sender = NOBODY

    def __init__(self, *, is_shown: bool) -> None:
        self._is_shown = is_shown

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Send]:
        async def send(message: EmailMessage) -> None:
            if self._is_shown:
                print(f"\n{_as_text(message)}\n", flush=True)  # noqa: T201 - this is what a console is for
            else:
                log.warning("no mail server is set: a mail is shown on the outbox page only")

        yield send


def _as_text(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    text = "" if body is None else body.get_content()
    lines = [f"To: {message['To']}", f"Subject: {message['Subject']}", "", *text.rstrip().splitlines()]
    return "\n".join(f"  | {line}".rstrip() for line in ["Mail (no mail server is set)", *lines])


def _is_for_good(error: Exception) -> bool:
    """Whether the server refused this very mail, and would again."""
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return all(500 <= each.code < 600 for each in error.recipients)
        case aiosmtplib.SMTPRecipientRefused() | aiosmtplib.SMTPDataError():
            return 500 <= error.code < 600
        case aiosmtplib.SMTPNotSupported() | ValueError():
            return True
        case _:
            return False


def _words(error: Exception) -> str:
    match error:
        case aiosmtplib.SMTPRecipientsRefused():
            return "; ".join(f"{each.code} {each.message}" for each in error.recipients)
        case aiosmtplib.SMTPResponseException():
            return f"{error.code} {error.message}"
        case _:
            return str(error) or type(error).__name__


async def _leave(client: aiosmtplib.SMTP) -> None:
    """Say goodbye; that the mails were taken is certain before."""
    try:
        await client.quit(timeout=2)
    except (aiosmtplib.SMTPException, OSError):
        client.close()
