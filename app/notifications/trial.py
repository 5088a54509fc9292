"""A mail that is sent to see whether mails are sent."""

import asyncio

import msgspec

from .. import ids
from ..admin.site import Refusal, Site
from . import letters
from .addresses import BadAddress, address_of
from .mailers import NotSent, mailer_for
from .models import WAITING, Mail
from .outbox import MAIL_PREFIX


class Tried(msgspec.Struct, frozen=True):
    """The mail server took a mail; whether it arrived, its reader knows."""

    to: str
    message_id: str


def try_out(site: Site, *, address: str) -> Tried | Refusal:
    """Send a mail now, past the outbox, and say what the mail server said."""
    if site.settings.smtp_url is None:
        return Refusal(
            "no mail server is set: mails show on the server's console and at /settings/outbox;"
            " set WAITPOINT_SMTP_URL and WAITPOINT_MAIL_FROM, and start the server again"
        )
    try:
        to = address_of(address)
    except BadAddress as error:
        return Refusal(f"that is no mail address: {error}")
    now = site.database.clock.now()
    mail = Mail(
        id=ids.new_id(MAIL_PREFIX, now),
        kind="test",
        recipient=to,
        environment_id=None,
        subject_id=None,
        data={},
        status=WAITING,
        created_at=now,
        due_at=now,
        attempts=1,
    )
    try:
        return asyncio.run(_send(site, mail))
    except NotSent as error:
        return Refusal(f"the mail was not sent: {error}")


async def _send(site: Site, mail: Mail) -> Tried:
    mailer = mailer_for(site.settings)
    letter = letters.write(mail.kind, {"mail": mail, "public_url": site.public_url})
    message = letters.message_of(mail, letter, mailer.sender)
    async with mailer.open() as send:
        await send(message)
    return Tried(mail.recipient, str(message["Message-ID"]))
