"""What kinds of mails there are. Each has a folder of templates, `templates/emails/<kind>/`, and what fills them.

A mail is written when it is sent, not when it is queued: then it says how things stand, a secret in it is never
stored, and one that is not needed any more is not sent.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from ..service import Service
from .models import Mail

Context = Mapping[str, Any]


class NotNeeded(msgspec.Struct, frozen=True):
    """Things have moved on, and the mail would only disturb."""

    reason: str


Prepare = Callable[[Service, Mail], Awaitable[Context | NotNeeded]]


async def with_its_own_data(_: Service, mail: Mail) -> Context:
    """For a mail that says nothing but what it was queued with."""
    return mail.data


class Kind(msgspec.Struct, frozen=True):
    """One kind of mail: its name for people, and what its templates are filled with.

    A kind that `lets_in` carries a secret that signs somebody in: without a mail server it is shown on the
    console only, and on no page.
    """

    name: str
    prepare: Prepare = with_its_own_data
    lets_in: bool = False


Kinds = Mapping[str, Kind]
