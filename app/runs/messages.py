"""What workers and the server say to each other on `/api/v1/workers` (docs/reference/worker-protocol.md)."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw

LARGEST_FRAME = 262_144  # bytes; a single message may be larger, and is then alone in its frame
LARGEST_MESSAGE = 1_048_576  # bytes; what is larger comes by HTTP
LARGEST_VALUE = 3_145_728  # bytes of a result, an output, an error or a payload
LARGEST_CALL = LARGEST_VALUE + 65_536  # bytes of a call by HTTP
MOST_SLOTS = 10_000
MOST_TASKS = 1000
MOST_PARKED = 200_000
LONGEST_NAME = 128  # characters of the name of an input

_Text = Annotated[str, Meta(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
_RunId = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")]
_TokenId = Annotated[str, Meta(max_length=64, pattern=r"^[^\x00]*$")]
_Generation = Annotated[int, Meta(ge=0, lt=2**31)]
_Id = Annotated[int, Meta(ge=0, lt=2**53)]


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    id: _Id


class _OfARun(_Asked, frozen=True, kw_only=True):
    run: _RunId
    generation: _Generation


class Hello(_Asked, frozen=True, kw_only=True, tag="hello"):
    """Who the worker is, what it can do, and which runs it has: parked in memory, and executing if it says so."""

    worker: _Text
    tasks: Annotated[list[_Text], Meta(max_length=MOST_TASKS)]
    slots: Annotated[int, Meta(ge=0, le=MOST_SLOTS)]
    parked: Annotated[list[tuple[_RunId, _Generation]], Meta(max_length=MOST_PARKED)] = []
    executing: Annotated[list[tuple[_RunId, _Generation]], Meta(max_length=MOST_PARKED)] | None = None
    task_slots: Annotated[dict[str, Annotated[int, Meta(ge=1)]], Meta(max_length=MOST_TASKS)] = msgspec.field(
        default_factory=dict, name="taskSlots"
    )


class Step(_OfARun, frozen=True, kw_only=True, tag="step"):
    """A call of the run gave this."""

    position: _Text
    name: _Text
    result: Raw = Raw()
    error: Raw = Raw()


class CreateToken(_OfARun, frozen=True, kw_only=True, tag="create_token"):
    """Make a token, once."""

    position: _Text
    options: Raw = Raw(b"{}")


class Trigger(_OfARun, frozen=True, kw_only=True, tag="trigger"):
    """Queue a child run, once."""

    position: _Text
    task: _Text
    payload: Raw = Raw(b"null")
    options: dict[str, Any] | None = None


class Wait(_OfARun, frozen=True, kw_only=True, tag="wait"):
    """Wait for tokens at one position."""

    position: _Text
    tokens: Annotated[list[_TokenId], Meta(min_length=1, max_length=1000)]
    mode: Annotated[str, Meta(pattern="^(all|any)$")] = "all"


class Sleep(_OfARun, frozen=True, kw_only=True, tag="sleep"):
    """Wait for an instant at one position. The same idempotency key waits for the same instant."""

    position: _Text
    until: Annotated[str, Meta(max_length=100)]
    idempotency_key: Annotated[str, Meta(max_length=2048, pattern=r"^[^\x00]*$")] = msgspec.field(
        default="", name="idempotencyKey"
    )
    idempotency_key_ttl: Annotated[str, Meta(max_length=100)] | None = msgspec.field(
        default=None, name="idempotencyKeyTTL"
    )


class Input(_OfARun, frozen=True, kw_only=True, tag="input"):
    """Take the next value that was sent under a name, or wait for one."""

    position: _Text
    name: Annotated[str, Meta(min_length=1, max_length=LONGEST_NAME, pattern=r"^[^\x00]*$")]
    timeout: Annotated[str, Meta(max_length=100)] | None = None


class Park(_OfARun, frozen=True, kw_only=True, tag="park"):
    """Nothing of the run goes on before one of these waits has ended."""

    positions: Annotated[list[_Text], Meta(min_length=1, max_length=10_000)]


class Finish(_OfARun, frozen=True, kw_only=True, tag="finish"):
    """The task returned."""

    output: Raw = Raw(b"null")


class Fail(_OfARun, frozen=True, kw_only=True, tag="fail"):
    """The task raised; it is tried again in so many seconds, or never."""

    error: Raw
    retry_in: Annotated[float, Meta(ge=0, le=400 * 86_400)] | None = msgspec.field(default=None, name="retryIn")


class GiveUp(_OfARun, frozen=True, kw_only=True, tag="give_up"):
    """The worker stops: others may have the run at once."""


class ReportProblem(_OfARun, frozen=True, kw_only=True, tag="problem"):
    """The code does not fit the journal."""

    text: Annotated[str, Meta(max_length=10_000)]


class ReadJournal(_OfARun, frozen=True, kw_only=True, tag="journal"):
    """Everything that is recorded of the run."""


class Drain(msgspec.Struct, frozen=True, kw_only=True, tag="drain"):
    """The worker stops: it wants no more runs, and ends what it has."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True, tag="heartbeat"):
    """These runs are still being executed."""

    runs: Annotated[list[tuple[_RunId, _Generation]], Meta(max_length=MOST_SLOTS)]


Call = Step | CreateToken | Trigger | Wait | Sleep | Input | Park | Finish | Fail | GiveUp | ReportProblem | ReadJournal
Message = Hello | Heartbeat | Drain | Call


class NotUnderstood(Exception):
    """A frame that means nothing here. The message of the exception says why."""


def read(frame: str) -> list[Raw]:
    """The messages in a frame, each still to be understood. Raises NotUnderstood."""
    try:
        return _frames.decode(frame)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise NotUnderstood(str(error)) from error


def understand(raw: Raw) -> Message:
    """One message. Raises NotUnderstood."""
    try:
        return _messages.decode(raw)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise NotUnderstood(str(error)) from error


def id_of(raw: Raw) -> int | None:
    """The id of a message that was not understood, so that its sender can be told which."""
    try:
        return _ids.decode(raw).id
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return None


def write(message: dict[str, Any]) -> bytes:
    return _encoder.encode(message)


def frame_of(messages: list[bytes]) -> tuple[str, int]:
    """As many of these messages as belong into one frame, and how many they are."""
    size = count = 0
    for message in messages:
        if count and size + len(message) > LARGEST_FRAME:
            break
        size += len(message) + 1
        count += 1
    return f"[{b','.join(messages[:count]).decode()}]", count


def text_of(raw: Raw) -> str | None:
    """A JSON value as it came; None when there was none."""
    return bytes(raw).decode() or None


class _OnlyId(msgspec.Struct):
    id: int | None = None


_frames = msgspec.json.Decoder(list[Raw])
_messages: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)
_ids = msgspec.json.Decoder(_OnlyId)
_encoder = msgspec.json.Encoder()
