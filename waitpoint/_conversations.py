"""How a call is carried through: tries, pauses, refusals, waits. Nothing here touches a network or sleeps.

A conversation is a generator. It yields what to send and is sent what came of it, until it returns its
result or raises a `WaitpointError`. The two transports carry conversations out, one by blocking and one by
awaiting, so both clients behave alike because they are the same code.
"""

from __future__ import annotations

import email.utils
import itertools
import logging
import random
import time
import uuid
from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeAlias, TypeVar

import msgspec
from msgspec import Struct

from waitpoint import _calls as calls
from waitpoint._arguments import TokenOrId
from waitpoint._calls import Call
from waitpoint._errors import (
    AlreadySettled,
    Forbidden,
    InvalidInput,
    InvalidKey,
    RateLimited,
    RunHasEnded,
    RunNotFound,
    ServerUnavailable,
    StillWaiting,
    TokenNotFound,
    TryAgainLater,
    WaitpointError,
)
from waitpoint._values import Token

T = TypeVar("T")

log = logging.getLogger("waitpoint")

FIRST_PAUSE = 0.25  # seconds; doubled after each try
LONGEST_PAUSE = 5.0
LONGEST_OBEDIENCE = 60.0  # a server that asks for a longer pause gets an exception instead


class Request(Struct, frozen=True, kw_only=True):
    """What a transport is to send, after a pause."""

    call: Call[Any]
    headers: Mapping[str, str]
    after: float = 0.0


class Reply(Struct, frozen=True, kw_only=True):
    """What came back. The names of headers are in lower case."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class Silence(Struct, frozen=True, kw_only=True):
    """Nothing came back."""

    url: str
    reason: str


Outcome: TypeAlias = Reply | Silence
Conversation: TypeAlias = Generator[Request, Outcome, T]


class Patience(Struct, frozen=True):
    """How often to try, and until when by the monotonic clock."""

    tries: float = 5
    until: float = float("inf")

    def pause(self, tries: int, trouble: TryAgainLater) -> float | None:
        """Seconds until the next try, or None when there should be none."""
        left = self.until - time.monotonic()
        pause = _pause(tries, trouble)
        is_too_long = pause > LONGEST_OBEDIENCE and self.tries != float("inf")
        if tries >= self.tries or left <= 0 or is_too_long:
            return None
        return min(pause, left)


USUAL_PATIENCE = Patience()
ENDLESS_PATIENCE = Patience(tries=float("inf"))


def ask(call: Call[T], patience: Patience = USUAL_PATIENCE, after: float = 0.0) -> Conversation[T]:
    """Carry one call through. Its tries share one idempotency key, so the server acts on it once."""
    headers = {
        "x-waitpoint-strict": "true",
        "x-trigger-request-idempotency-key": str(uuid.uuid4()),
        **call.headers,
    }
    for tries in itertools.count(1):
        outcome = yield Request(call=call, headers=headers, after=after)
        try:
            return understand(call, outcome)
        except TryAgainLater as trouble:
            pause = patience.pause(tries, trouble)
            if pause is None:
                raise
            if tries == USUAL_PATIENCE.tries:
                log.warning("%s Trying on.", trouble)
            after = pause
    raise AssertionError  # itertools.count never ends


def wait_until_settled(token: TokenOrId, within: float | None) -> Conversation[Token]:
    """Ask until the token is settled. Once the server has answered, its outages are waited out."""
    until = float("inf") if within is None else time.monotonic() + within
    found = yield from ask(calls.retrieve_token(token))
    pause = 0.0
    while found.is_waiting:
        if time.monotonic() >= until:
            raise still_waiting(found.id)
        try:
            found, pause = yield from poll(polling(found.id), Patience(tries=float("inf"), until=until), pause)
        except TryAgainLater as trouble:
            raise still_waiting(found.id) from trouble
    return found


def poll(held: Callable[[float], Call[T]], patience: Patience, after: float) -> Conversation[tuple[T, float]]:
    """Have the server hold the line. Returns its answer, and how long to wait before the next poll.

    A server that is going down answers at once; asking it in a tight loop would help nobody.
    """
    began = time.monotonic()
    left = patience.until - began
    answer = yield from ask(held(left), patience, min(after, left))
    came_early = time.monotonic() - began < after + 1.0
    return answer, _jittered(1.0) if came_early else 0.0


def polling(token_id: str) -> Callable[[float], Call[Token]]:
    """The call that holds the line for a token, for as long as it is given."""
    return lambda left: calls.poll_token(token_id, left)


def still_waiting(token_id: str) -> StillWaiting:
    return StillWaiting(f"{token_id} is not settled yet, and the time for this wait is up. The token goes on waiting.")


def understand(call: Call[T], outcome: Outcome) -> T:
    """The result of a call, or the exception that says what is wrong."""
    if isinstance(outcome, Silence):
        raise ServerUnavailable(f"{outcome.url} cannot be reached: {outcome.reason}.")
    if _is_html(outcome):
        raise ServerUnavailable(f"{outcome.url} answered HTML, is the URL right? (WAITPOINT_URL)")
    if outcome.status == 200:
        return call.read(outcome.body)
    raise _refusal(outcome)


_REFUSALS: Mapping[int, type[WaitpointError]] = {
    400: InvalidInput,
    401: InvalidKey,
    403: Forbidden,
    404: TokenNotFound,
    409: AlreadySettled,
    413: InvalidInput,
    415: InvalidInput,
    422: InvalidInput,
    429: RateLimited,
}


_REFUSALS_OF_RUNS: Mapping[type[WaitpointError], type[WaitpointError]] = {
    TokenNotFound: RunNotFound,
    AlreadySettled: RunHasEnded,
}
_MISSING: Mapping[type[WaitpointError], str] = {TokenNotFound: "/tokens/", RunNotFound: "/runs/"}


def _refusal(reply: Reply) -> WaitpointError:
    answer = _answer_of(reply)
    kind = _REFUSALS.get(reply.status, ServerUnavailable)
    if "/runs/" in reply.url:
        kind = _REFUSALS_OF_RUNS.get(kind, kind)
    if kind in _MISSING and not ("error" in answer and _MISSING[kind] in reply.url):
        kind = ServerUnavailable  # not the token is missing, but the whole API
    error = kind(_sentence(kind, reply, _words_of(answer)), answer=answer)
    if isinstance(error, TryAgainLater):
        error.retry_after = _retry_after(reply)
    return error


def _sentence(kind: type[WaitpointError], reply: Reply, said: str) -> str:
    """What happened, in the server's words where it has some, and what to look at."""
    said = f"{said.rstrip('.')}." if said else ""
    if kind is InvalidKey:
        return f"{said or 'The key is not valid.'} Is WAITPOINT_SECRET_KEY the key of this server?"
    if kind in _MISSING:
        what = "token" if kind is TokenNotFound else "run"
        return f"{said} Is it a {what} of this server and environment? ({reply.url})"
    if kind is not ServerUnavailable:
        return said or f"{reply.url} refused the call with status {reply.status}."
    if reply.status >= 500:
        return f"{reply.url} failed with status {reply.status}. {said}".rstrip()
    if 300 <= reply.status < 400:
        return f"{reply.url} redirects to {reply.headers.get('location')}, is the URL right? (WAITPOINT_URL)"
    return f"{reply.url} answered status {reply.status}, is the URL right? (WAITPOINT_URL)"


def _is_html(reply: Reply) -> bool:
    return "html" in reply.headers.get("content-type", "") or reply.body[:15].lower().startswith(
        (b"<!doctype", b"<html")
    )


def _answer_of(reply: Reply) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(reply.body)
    except msgspec.DecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _words_of(answer: Mapping[str, Any]) -> str:
    """The longest explanation the server gives: `detail`, else `error`."""
    for member in ("detail", "error"):
        if isinstance(said := answer.get(member), str) and said:
            return said
    return ""


def _pause(tries: int, trouble: TryAgainLater) -> float:
    """What the server asks for, else longer from try to try. The jitter keeps many clients from coming back at once."""
    if trouble.retry_after is not None:
        return trouble.retry_after + _jittered(FIRST_PAUSE)
    return _jittered(min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 10)))


def _jittered(pause: float) -> float:
    return random.uniform(pause / 2, pause)  # noqa: S311 (nobody gains by guessing it)


def _retry_after(reply: Reply) -> float | None:
    """Seconds to stay away: `Retry-After` in both its forms, else the moment in `x-ratelimit-reset`."""
    asked = reply.headers.get("retry-after", "").strip()
    if asked.isdecimal():
        return float(asked)
    if asked:
        return _until(_epoch(asked), reply)
    reset = reply.headers.get("x-ratelimit-reset", "").strip()
    if reply.status == 429 and reset.isdecimal():
        return _until(float(reset) / 1000, reply)
    return None


def _until(moment: float | None, reply: Reply) -> float | None:
    """Counted by the server's clock, which need not agree with ours."""
    if moment is None:
        return None
    now = _epoch(reply.headers.get("date", "")) or time.time()
    return max(0.0, moment - now)


def _epoch(date: str) -> float | None:
    try:
        return email.utils.parsedate_to_datetime(date).timestamp()
    except (TypeError, ValueError):
        return None
