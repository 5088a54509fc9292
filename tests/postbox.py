"""A mail server on this machine that keeps what it is given, and can be as unkind as real ones are."""

import asyncio
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

PATIENCE = 30.0  # seconds until a test that waits for a mail gives up
_LINK = re.compile(r"https?://\S+")


class Postbox:
    """Every message that was taken, oldest first. `refuse` maps addresses to what they are answered."""

    def __init__(self) -> None:
        self.refuse: dict[str, str] = {}
        self.envelopes: list[tuple[list[str], bytes]] = []
        self.is_cutting = False  # take a message, and break the line instead of saying so
        self.port = 0
        self._arrived = threading.Condition()
        self._may_answer = threading.Event()
        self._may_answer.set()

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def messages(self) -> list[EmailMessage]:
        return [read(content) for _, content in self.envelopes]

    def to(self, address: str) -> list[EmailMessage]:
        """What one reader got."""
        return [read(content) for recipients, content in self.envelopes if recipients == [address]]

    def wait_for(self, address: str, count: int = 1) -> EmailMessage:
        """The newest message to an address, as soon as there are so many."""
        with self._arrived:
            assert self._arrived.wait_for(lambda: len(self.to(address)) >= count, PATIENCE), f"no mail for {address}"
        return self.to(address)[-1]

    def hold(self) -> None:
        """Take messages, and say nothing until it is let go."""
        self._may_answer.clear()

    def let_go(self) -> None:
        self._may_answer.set()

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if address in self.refuse:
            return self.refuse[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        with self._arrived:
            self.envelopes.append(([*envelope.rcpt_tos], content))
            self._arrived.notify_all()
        await asyncio.to_thread(self._may_answer.wait, PATIENCE)
        if self.is_cutting:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        return "250 taken"


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    """What a message says, as text or as HTML."""
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def link_in(message: EmailMessage, holding: str = "") -> str:
    """The first address in a message's text that holds something."""
    links: list[str] = _LINK.findall(text_of(message))
    return next(link for link in links if holding in link)


@contextmanager
def open_postbox(**options: Any) -> Iterator[Postbox]:
    """A mail server on a free port, on a thread of its own."""
    postbox, loop = Postbox(), asyncio.new_event_loop()
    make: Callable[[], SMTP] = lambda: SMTP(postbox, loop=loop, hostname="postbox", **options)  # noqa: E731
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(loop.create_server(make, "127.0.0.1", 0), loop).result(PATIENCE)
    postbox.port = server.sockets[0].getsockname()[1]
    try:
        yield postbox
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(timeout=10)
        loop.close()
