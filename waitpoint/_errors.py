"""Everything that can go wrong, in one family.

::

    WaitpointError
    ├── InvalidInput              an argument cannot be sent, or the server refused it (400, 413, 415, 422)
    ├── InvalidKey                no key, or one that the server does not know (401)
    ├── Forbidden                 the key is known and may not do this (403)
    ├── TokenNotFound             no such token in this environment (404)
    ├── RunNotFound               no such run in this environment (404)
    ├── AlreadySettled            somebody was first, and `if_waiting=True` asked to be told (409)
    ├── TryAgainLater             the same call may succeed later; it was tried several times already
    │   ├── RateLimited           too many calls at once (429)
    │   └── ServerUnavailable     nobody answered, or not Waitpoint
    ├── StillWaiting              the token was not settled within the `timeout` of this wait
    ├── UnexpectedOutput          the output does not fit the type that was asked for
    ├── StepFailed                a step raised, on its last attempt; the record says what
    ├── RunFailed                 the run that was waited for failed
    ├── RunCancelled              the run that was waited for was cancelled
    ├── RunHasEnded               the run takes no more input, or cannot be tried again (409)
    ├── NotDurable                a task asks for something that a replay cannot repeat
    ├── TimeLimitExceeded         a task or a step was at work for too long
    └── WaitpointTimeoutError     the token timed out
        └── WaitpointCancelledError   the token was cancelled

`RunEvicted` is none of them, and no `Exception`: it closes the code of a run that goes on elsewhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


class WaitpointError(Exception):
    """Anything that Waitpoint refuses or cannot do. The message says what to do next.

    `answer` is the body that the server sent along, when there was one.
    """

    def __init__(self, message: str, *, answer: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.answer: Mapping[str, Any] = answer or {}

    @property
    def code(self) -> str | None:
        """The server's short name for what is wrong, such as `invalid-duration`."""
        code = self.answer.get("code")
        return code if isinstance(code, str) else None


class InvalidInput(WaitpointError, ValueError):
    """An argument cannot be sent, or the server refused it. Nothing was stored."""

    @property
    def errors(self) -> Sequence[Mapping[str, Any]]:
        """What is wrong, member by member, as the server listed it."""
        errors = self.answer.get("errors")
        return errors if isinstance(errors, list) else []


class InvalidKey(WaitpointError):
    """There is no key, or the server does not know it."""


class Forbidden(WaitpointError):
    """The key or public access token is known and may not do this."""


class TokenNotFound(WaitpointError):
    """There is no such token in the environment of this key."""


class RunNotFound(WaitpointError):
    """There is no such run in the environment of this key."""


class RunHasEnded(WaitpointError):
    """The run is over: it takes no more input, and one that is completed is not tried again."""


class AlreadySettled(WaitpointError):
    """The token was settled before, and its first answer stands. `answer` says what it is."""

    @property
    def status(self) -> str | None:
        """COMPLETED or TIMED_OUT."""
        return self.answer.get("tokenStatus")

    @property
    def completed_at(self) -> datetime | None:
        """When the token was settled."""
        moment = self.answer.get("completedAt")
        return datetime.fromisoformat(moment) if isinstance(moment, str) else None


class TryAgainLater(WaitpointError):
    """The same call may succeed later. It was tried several times already.

    `retry_after` is the number of seconds to stay away, when the server named one.
    """

    retry_after: float | None = None


class RateLimited(TryAgainLater):
    """Too many calls at once."""


class ServerUnavailable(TryAgainLater):
    """The server cannot be reached, failed, or is not a Waitpoint server.

    The call may have been carried out all the same: its answer is what was lost.
    """


class StillWaiting(WaitpointError, TimeoutError):
    """Nobody settled the token while this program waited. The token goes on waiting."""


class UnexpectedOutput(WaitpointError):
    """The token was completed with an output that does not fit the expected type.

    `output` is what came.
    """

    output: Any = None


class StepFailed(WaitpointError):
    """A step raised on its last attempt. This is read from the record, so a replay raises the very same.

    `type` and `error_message` are what it raised, `traceback` is where, `step` is the name of the step.
    """

    step: str = ""
    type: str = ""
    error_message: str = ""
    traceback: str = ""
    run: str = ""
    position: str = ""


class RunFailed(WaitpointError):
    """The run that was waited for failed. `type` and `error_message` are what its task raised."""

    run: str = ""
    type: str = ""
    error_message: str = ""


class RunCancelled(WaitpointError):
    """The run that was waited for was cancelled."""

    run: str = ""


class NotDurable(WaitpointError):
    """The task asks for something that a replay could not repeat. The message names what to write instead."""


class TimeLimitExceeded(WaitpointError, TimeoutError):
    """A task or a step was at work for longer than its `time_limit`. Waiting does not count."""


class RunEvicted(BaseException):
    """The code of this run is being closed, since the run goes on elsewhere or has ended.

    Every durable call raises it from then on and has no effect. Never catch it; a `finally` block may release what
    belongs to this process, and nothing else.
    """


class WaitpointTimeoutError(WaitpointError):
    """The token timed out before anybody answered. `at` is when."""

    token_id: str = ""
    at: datetime | None = None


class WaitpointCancelledError(WaitpointTimeoutError):
    """The token was cancelled before anybody answered. `reason` is what they gave for it."""

    reason: str | None = None
