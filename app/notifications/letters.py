"""A mail as it is written and as it is sent: text first, HTML beside it, and headers that nothing can break out of."""

import re
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from functools import cache
from typing import Any

import msgspec
from jinja2 import Environment

from ..pages.templates import templates
from .models import Mail

LONGEST_SUBJECT = 180  # characters
_SPACE = re.compile(r"\s+")
_EMPTY_LINES = re.compile(r"\n{3,}")


class Letter(msgspec.Struct, frozen=True):
    """What a mail says."""

    subject: str
    text: str
    html: str


class Sender(msgspec.Struct, frozen=True):
    """Whom mails are from."""

    name: str
    address: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def write(kind: str, context: dict[str, Any]) -> Letter:
    """Fill in the templates of a kind of mail."""
    folder = f"emails/{kind}"
    subject = _texts().get_template(f"{folder}/subject.txt").render(context)
    text = _texts().get_template(f"{folder}/body.txt").render(context)
    html = templates().get_template(f"{folder}/body.html").render(context)
    return Letter(_one_line(subject), _EMPTY_LINES.sub("\n\n", text).strip() + "\n", html)


def message_of(mail: Mail, letter: Letter, sender: Sender) -> EmailMessage:
    """The message for the mail server; the same mail has the same Message-ID and date in every attempt."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(sender.name, addr_spec=sender.address)
    message["To"] = Address(addr_spec=mail.recipient)
    message["Subject"] = letter.subject
    message["Message-ID"] = f"<{mail.id}@{sender.domain}>"
    message["Date"] = mail.created_at
    message["Auto-Submitted"] = "auto-generated"  # nobody's holiday answers to it
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    return message


def _one_line(text: str) -> str:
    """A subject: without line breaks, and without what a mail program would decode into some (CPython #121650)."""
    line = _SPACE.sub(" ", text).strip().replace("=?", "= ?").replace("?=", "? =")
    return line if len(line) <= LONGEST_SUBJECT else line[: LONGEST_SUBJECT - 1] + "…"


@cache
def _texts() -> Environment:
    """The same templates and words, for what is no HTML."""
    return templates().overlay(autoescape=False)
