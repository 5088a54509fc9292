"""What the server answers, as frozen values. Every moment carries its time zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Generic, Literal, NoReturn, TypeAlias, TypeVar

from msgspec import Struct, field

from waitpoint import _outputs
from waitpoint._errors import WaitpointCancelledError, WaitpointTimeoutError

T = TypeVar("T")

Status: TypeAlias = Literal["WAITING", "COMPLETED", "TIMED_OUT"]


class Value(Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """The common manners of everything that comes over the wire."""


class CreatedToken(Value, frozen=True, kw_only=True):
    """A token that exists now, or existed before (`is_cached`) under the same idempotency key.

    Whoever has `url` or `public_access_token` can complete the token, so neither is part of its repr. A token with a
    request has an `approval_url`, where people answer; whoever has it may, where the request names nobody. As a step of
    a journey it has a `journey_url`, the one page for all steps, on the same terms.
    """

    id: str
    is_cached: bool
    url: str
    public_access_token: str
    approval_url: str | None = None
    journey_url: str | None = None

    def __repr__(self) -> str:
        return f"CreatedToken(id={self.id!r}, is_cached={self.is_cached!r})"


class Token(Value, frozen=True, kw_only=True):
    """A token as it stands: what was asked for, and what became of it."""

    id: str
    status: Status
    created_at: datetime
    url: str = ""
    tags: list[str]
    timeout_at: datetime | None = None
    completed_at: datetime | None = None
    idempotency_key: str | None = None
    idempotency_key_expires_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    answered_by: str | None = None
    raw_output: str | None = field(default=None, name="output")
    output_type: str | None = None
    output_is_error: bool = False
    #: What people are asked, with the names of the REST API; lists leave it out.
    request: dict[str, Any] | None = None
    #: How often the request was amended, plus one.
    request_version: int | None = None

    @property
    def is_default(self) -> bool:
        """Whether nobody answered in time, and the default answer was taken."""
        return self.answered_by == "default"

    @property
    def is_waiting(self) -> bool:
        return self.status == "WAITING"

    @property
    def is_completed(self) -> bool:
        return self.status == "COMPLETED"

    @property
    def is_cancelled(self) -> bool:
        return self.cancelled_at is not None

    @property
    def has_timed_out(self) -> bool:
        return self.status == "TIMED_OUT" and not self.is_cancelled

    @property
    def is_settled(self) -> bool:
        return not self.is_waiting

    @property
    def output(self) -> Any:
        """What the token was completed with; None while it waits and when nobody answered.

        Lists leave outputs out: retrieve the token to see it.
        """
        return _outputs.read(self.raw_output, self.output_type) if self.is_completed else None

    @property
    def error(self) -> WaitpointTimeoutError | None:
        """Why there is no output: the token timed out or was cancelled. None otherwise."""
        if self.status != "TIMED_OUT":
            return None
        if self.is_cancelled:
            return _cancelled(self)
        return _timed_out(self)

    def __repr__(self) -> str:
        return f"Token(id={self.id!r}, status={self.status!r}, tags={self.tags!r})"


class Settlement(Value, frozen=True, kw_only=True):
    """What became of an attempt to settle a token. The first answer stands, whoever comes later."""

    success: Literal[True]
    already_completed: bool = False
    status: Status | None = None
    completed_at: datetime | None = None


class TokenPage(Struct, frozen=True):
    """One page of a list, newest first, and the cursors of its neighbours."""

    tokens: list[Token]
    next: str | None = None
    previous: str | None = None

    def __iter__(self) -> Iterator[Token]:
        return iter(self.tokens)

    def __len__(self) -> int:
        return len(self.tokens)


class Answered(Struct, Generic[T], frozen=True):
    """The token was completed, and this is what with."""

    output: T
    token: Token
    ok: Literal[True] = True
    error: None = None

    def unwrap(self) -> T:
        """The output."""
        return self.output


class Unanswered(Struct, frozen=True):
    """The token timed out or was cancelled; `error` says which."""

    error: WaitpointTimeoutError
    token: Token
    ok: Literal[False] = False
    output: None = None

    def unwrap(self) -> NoReturn:
        """Raise the error."""
        raise self.error


#: What waiting for a token comes to. `result.ok` tells the two apart, for people and for type checkers.
WaitResult: TypeAlias = Answered[T] | Unanswered


def result_of(token: Token, expected: _outputs.Expected) -> WaitResult[Any]:
    """What waiting for this settled token comes to."""
    error = token.error
    if error is not None:
        return Unanswered(error=error, token=token)
    return Answered(output=expected.read(token.id, token.output), token=token)


def _timed_out(token: Token) -> WaitpointTimeoutError:
    error = WaitpointTimeoutError(f"{token.id} timed out{_at(token.completed_at)} before anybody answered.")
    error.token_id, error.at = token.id, token.completed_at
    return error


def _cancelled(token: Token) -> WaitpointCancelledError:
    because = f": {token.cancel_reason}" if token.cancel_reason else "."
    error = WaitpointCancelledError(f"{token.id} was cancelled{_at(token.cancelled_at)}{because}")
    error.token_id, error.at, error.reason = token.id, token.cancelled_at, token.cancel_reason
    return error


def _at(moment: datetime | None) -> str:
    return f" at {moment:%Y-%m-%d %H:%M:%S %Z}" if moment else ""
