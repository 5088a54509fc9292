"""What tokens ask of whoever knows how people are asked (`app/requests`); `asgi.py` hands it in."""

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from .lifecycle import Answer, NewToken
from .models import Token


class Asked(Protocol):
    """A request that was read and found good. It comes back with `Rules.on_created`."""

    @property
    def default_output(self) -> str | None:
        """What the token is completed with when nobody answers, as JSON; None when it then times out."""


class Ways(msgspec.Struct, frozen=True):
    """Where a person answers a question, and where they follow the journey that it is a step of, if it is of one."""

    approval_url: str
    journey_url: str | None = None


class Questions(Protocol):
    """Requests, as far as tokens need them. What costs time happens here, outside the writer."""

    def read(self, value: object) -> Asked:
        """The `request` of a create. Raises a 400 Problem that names the field, the rule and what came."""

    async def admit(self, new: NewToken) -> None:
        """Whether what was read can be asked now. Raises a Problem."""

    async def check(self, token_id: str, answer: Answer, within: str) -> Answer:
        """The answer, checked against the request as it stands. Raises a 422 Problem with a pointer to each field.

        `within` is where the output stands in the body that was sent.
        """

    async def differs(self, token: Token, new: NewToken) -> bool:
        """Whether a repeated create asks something else than the token does."""

    async def titles(self, token_ids: Sequence[str]) -> dict[str, str]:
        """What tokens ask, by their ids; without those that ask nobody anything."""

    async def is_open(self, token: Token) -> bool:
        """Whether whoever has the public access token may answer."""

    async def ways(self, service: Any, token: Token) -> Ways | None:
        """Where people come to a token, on this server; None where nothing is asked on it."""

    async def shown(self, token: Token) -> dict[str, Any]:
        """What a program reads about the request, beside the token."""
