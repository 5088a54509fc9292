"""What programs and the server say to each other on `/api/v1/realtime`."""

from typing import Any

import msgspec

from ..clock import iso
from ..events import Event
from ..tokens.models import COMPLETED, TIMED_OUT, WAITING

TOKEN_STATUS = {
    "token.created": WAITING,
    "token.completed": COMPLETED,
    "token.timed_out": TIMED_OUT,
    "token.cancelled": TIMED_OUT,
}
"""The events that concern tokens, and the status in which each leaves its token."""

_RUN = "run."  # how the kinds of events of runs begin


class Auth(msgspec.Struct, tag="auth", frozen=True):
    """Who is asking, for those who cannot set a header."""

    token: str


class Subscribe(msgspec.Struct, tag="subscribe", frozen=True):
    """What to hear of: these tokens, those with any of these tags, and these runs. None: all tokens."""

    tokens: list[str] = []
    tags: list[str] = []
    runs: list[str] = []


class Ready(msgspec.Struct, tag="ready", frozen=True):
    """From here on: every event behind `seq` that the subscription covers."""

    seq: int


class Happened(msgspec.Struct, tag="event", frozen=True):
    """One event."""

    seq: int
    kind: str
    token: str
    at: str
    status: str
    tags: tuple[str, ...]


class RunHappened(msgspec.Struct, tag="event", frozen=True):
    """One event of a run."""

    seq: int
    kind: str
    run: str
    at: str
    status: str


class Reload(msgspec.Struct, tag="reload", frozen=True):
    """What the client knows is not of this log: read everything anew."""


class Error(msgspec.Struct, tag="error", frozen=True, omit_defaults=True):
    """Something was not done. `code` names the rule, `detail` is a sentence."""

    code: str
    detail: str
    token: str | None = None
    run: str | None = None


class NotUnderstood(Exception):
    """A message that means nothing here. The message of the exception says why."""


def read(text: str) -> Auth | Subscribe:
    """The message in a text. Raises NotUnderstood."""
    try:
        return _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise NotUnderstood(str(error)) from error


def write(message: Ready | Happened | RunHappened | Reload | Error) -> str:
    return _encoder.encode(message).decode()


def is_told(event: Event) -> bool:
    """Whether programs may hear of it."""
    return event.kind in TOKEN_STATUS or is_of_a_run(event)


def is_of_a_run(event: Event) -> bool:
    return event.kind.startswith(_RUN)


def happened(event: Event) -> str:
    """An event of a token or a run, as it is sent."""
    if is_of_a_run(event):
        status = str(event.data.get("status", ""))
        return write(RunHappened(event.seq, event.kind, event.subject, iso(event.at), status))
    return write(
        Happened(
            seq=event.seq,
            kind=event.kind,
            token=event.subject,
            at=iso(event.at),
            status=TOKEN_STATUS[event.kind],
            tags=tags_of(event),
        )
    )


def tags_of(event: Event) -> tuple[str, ...]:
    """The tags of the token that an event is about."""
    tags: Any = event.data.get("tags", ())
    return tuple(tags)


_decoder: msgspec.json.Decoder[Auth | Subscribe] = msgspec.json.Decoder(Auth | Subscribe)
_encoder = msgspec.json.Encoder()
