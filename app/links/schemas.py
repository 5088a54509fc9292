"""The shapes of links on the wire, and what may come in."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ..clock import iso
from ..notifications.addresses import LONGEST_ADDRESS, BadAddress, address_of
from ..tokens.schemas import Instant, object_in, refuse_unknown
from ..web.problems import invalid
from .models import Link


class MakeLink(msgspec.Struct, frozen=True):
    """For whom."""

    recipient: Annotated[
        str,
        Meta(
            max_length=LONGEST_ADDRESS,
            description="The mail address of whoever is given the link.",
            examples=["ben@example.com"],
        ),
    ]


class ShownLink(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """A link, and what became of it. Absent values are left out."""

    id: str
    recipient: str
    created_at: Instant
    expires_at: Instant
    opened_at: Annotated[Instant | None, Meta(description="When somebody first had the page before them.")] = None
    used_at: Annotated[Instant | None, Meta(description="When an answer was given with it.")] = None
    revoked_at: Instant | None = None


class MadeLink(ShownLink, frozen=True, kw_only=True):
    """A link with its address, which is for its recipient alone."""

    url: Annotated[str, Meta(description="What the recipient opens. Whoever has it can answer in their name.")]


class LinkList(msgspec.Struct, frozen=True):
    """The links to one token, the first first."""

    data: list[ShownLink]


def recipient_in(body: bytes, *, strict: bool) -> str:
    """Whom a link is asked for. Raises a Problem."""
    fields = object_in(body)
    if strict:
        refuse_unknown(fields, {"recipient"})
    return address_at(fields.get("recipient"), "/recipient")


def address_at(value: Any, pointer: str) -> str:
    """A mail address as it is kept. Raises a Problem."""
    if not isinstance(value, str):
        raise invalid(pointer, "invalid-email", "must be a mail address")
    try:
        return address_of(value)
    except BadAddress as error:
        raise invalid(pointer, "invalid-email", f"must be a mail address: {error}") from error


def shown(link: Link) -> ShownLink:
    """A link for programs that see its token."""
    return ShownLink(**_values(link))


def made(link: Link, url: str) -> MadeLink:
    """A link for the program that hands it to its recipient."""
    return MadeLink(**_values(link), url=url)


def _values(link: Link) -> dict[str, Any]:
    moments = {name: getattr(link, name) for name in ("created_at", "expires_at", "opened_at", "used_at", "revoked_at")}
    told = {name: None if moment is None else iso(moment) for name, moment in moments.items()}
    return {"id": link.id, "recipient": link.recipient, **told}
