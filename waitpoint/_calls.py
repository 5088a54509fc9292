"""The calls of the API, one function each: what to send, and how to read the answer. Nothing here touches a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Generic, Literal, TypedDict, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType, field
from msgspec.structs import replace

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration, Moment, Timeout, TokenOrId
from waitpoint._errors import ServerUnavailable
from waitpoint._requests import RequestLike, on_the_wire
from waitpoint._values import CreatedToken, Settlement, Status, Token, TokenPage, Value

T = TypeVar("T")

LONGEST_POLL = 30.0  # seconds
CREATE_PATH = "/api/v1/waitpoints/tokens"


class Call(Struct, Generic[T], frozen=True, kw_only=True):
    """One call: what to send, and how to read what comes back."""

    method: Literal["GET", "POST", "PATCH"]
    path: str
    read: Callable[[bytes], T]
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes | None = None
    #: The longest silence of the server, in seconds, that is not a failure.
    silence: float = 30.0


class CreateOptions(TypedDict, total=False):
    """How a token is created. Everything may be left out."""

    #: How long the token waits: a text (`30s`, `10m`, `1d12h`), a timedelta, or the moment it ends, as an
    #: aware datetime or ISO 8601. None waits for ever. Left out, the server decides: 10 minutes, with a request 7 days.
    timeout: Timeout | None
    #: The same key gives the same token, as long as the key lives.
    idempotency_key: str
    #: How long the key lives: 1 hour, unless said otherwise.
    idempotency_key_ttl: Duration
    #: Up to ten words to find the token by.
    tags: str | Sequence[str]
    #: What people are asked: a `Request`, or a mapping with the names of the REST API.
    request: RequestLike


class ListFilters(TypedDict, total=False):
    """Which tokens to list. Filters combine with *and*; several statuses or tags mean *any of*."""

    status: Status | Sequence[Status]
    tags: str | Sequence[str]
    idempotency_key: str
    #: Created within this span of time: `1h`, `7d`, or a timedelta.
    period: Duration
    created_from: Moment
    created_to: Moment
    #: Tokens in one page: 25 unless said otherwise, 100 at most.
    page_size: int
    #: The cursor of a page (`page.next`, `page.previous`) to begin at.
    after: str
    before: str


class _CreateBody(Struct, rename="camel", kw_only=True):
    timeout: str | UnsetType | None = UNSET
    idempotency_key: str | UnsetType = UNSET
    idempotency_key_ttl: str | UnsetType = field(default=UNSET, name="idempotencyKeyTTL")
    tags: list[str] | UnsetType = UNSET
    request: dict[str, Any] | UnsetType = UNSET


def create_token(
    *,
    timeout: Timeout | UnsetType | None = UNSET,
    idempotency_key: str | UnsetType = UNSET,
    idempotency_key_ttl: Duration | UnsetType = UNSET,
    tags: str | Sequence[str] | UnsetType = UNSET,
    request: RequestLike | UnsetType = UNSET,
) -> Call[CreatedToken]:
    body = _CreateBody(
        timeout=_given(timeout, arguments.timeout),
        idempotency_key=_given(idempotency_key, lambda key: arguments.text("idempotency_key", key)),
        idempotency_key_ttl=_given(idempotency_key_ttl, lambda ttl: arguments.duration("idempotency_key_ttl", ttl)),
        tags=_given(tags, lambda tags: arguments.texts("tags", tags)),
        request=_given(request, on_the_wire),
    )
    return Call(
        method="POST",
        path=CREATE_PATH,
        body=arguments.body("The token", body, arguments.MAX_CREATE_BYTES),
        read=_reads(CreatedToken),
    )


def complete_token(token: TokenOrId, data: Any = None, *, if_waiting: bool = False) -> Call[Settlement]:
    body = {"data": arguments.plain("data", data)}
    return Call(
        method="POST",
        path=_path(token, "/complete"),
        body=arguments.body("data", body, arguments.MAX_OUTPUT_BYTES),
        headers={"x-waitpoint-if-waiting": "true"} if if_waiting else {},
        read=_reads(Settlement),
    )


def cancel_token(token: TokenOrId, reason: str | None = None) -> Call[Settlement]:
    body = {} if reason is None else {"reason": arguments.text("reason", reason)}
    return Call(
        method="POST",
        path=_path(token, "/cancel"),
        body=arguments.body("reason", body, arguments.MAX_CREATE_BYTES),
        read=_reads(Settlement),
    )


def amend_token(token: TokenOrId, request: RequestLike) -> Call[Token]:
    return Call(
        method="PATCH",
        path=_path(token, "/request"),
        body=arguments.body("The request", on_the_wire(request), arguments.MAX_CREATE_BYTES),
        read=_reads(Token),
    )


def retrieve_token(token: TokenOrId) -> Call[Token]:
    return Call(method="GET", path=_path(token), read=_reads(Token))


def poll_token(token: TokenOrId, within: float = LONGEST_POLL) -> Call[Token]:
    """Answered as soon as the token is settled, or with the waiting token when the time is up.

    A server waits a second at least; who has less time than that hangs up.
    """
    seconds = max(1, int(min(within, LONGEST_POLL)))
    return Call(
        method="GET",
        path=_path(token, "/wait"),
        query={"timeout": f"{seconds}s"},
        read=_reads(Token),
        silence=seconds + 10.0 if within >= 1 else within,
    )


def list_tokens(
    *,
    status: Status | Sequence[Status] | None = None,
    tags: str | Sequence[str] | None = None,
    idempotency_key: str | None = None,
    period: Duration | None = None,
    created_from: Moment | None = None,
    created_to: Moment | None = None,
    page_size: int | None = None,
    after: str | None = None,
    before: str | None = None,
) -> Call[TokenPage]:
    query = {
        "filter[status]": _one_of_several("status", status),
        "filter[tags]": _one_of_several("tags", tags),
        "filter[idempotencyKey]": idempotency_key,
        "filter[createdAt][period]": None if period is None else arguments.duration("period", period),
        "filter[createdAt][from]": None if created_from is None else arguments.moment("created_from", created_from),
        "filter[createdAt][to]": None if created_to is None else arguments.moment("created_to", created_to),
        "page[size]": None if page_size is None else str(page_size),
        "page[after]": after,
        "page[before]": before,
    }
    return Call(
        method="GET",
        path="/api/v1/waitpoints/tokens",
        query={name: value for name, value in query.items() if value is not None},
        read=_read_page,
    )


def next_page(call: Call[TokenPage], page: TokenPage) -> Call[TokenPage] | None:
    """The call for the page that follows, in the direction that the first one took."""
    direction, cursor = ("page[before]", page.previous) if "page[before]" in call.query else ("page[after]", page.next)
    return replace(call, query={**call.query, direction: cursor}) if cursor else None


def public_token(scopes: str | Sequence[str], expires_in: Timeout | None = None) -> Call[str]:
    body: dict[str, Any] = {"scopes": arguments.texts("scopes", scopes)}
    if isinstance(expires_in, datetime):
        arguments.moment("expires_in", expires_in)
        body["expirationTime"] = int(expires_in.timestamp())
    elif expires_in is not None:
        body["expirationTime"] = arguments.duration("expires_in", expires_in)
    return Call(
        method="POST",
        path="/api/v1/auth/public-tokens",
        body=arguments.body("scopes", body, arguments.MAX_CREATE_BYTES),
        read=lambda answer: _reads(_PublicToken)(answer).token,
    )


class _PublicToken(Struct):
    token: str


class _Pagination(Struct):
    next: str | None = None
    previous: str | None = None


class _ListAnswer(Value, frozen=True, kw_only=True):
    data: list[Token]
    pagination: _Pagination


def _read_page(answer: bytes) -> TokenPage:
    page = _reads(_ListAnswer)(answer)
    return TokenPage(tokens=page.data, next=page.pagination.next, previous=page.pagination.previous)


def _reads(kind: type[T]) -> Callable[[bytes], T]:
    decoder = msgspec.json.Decoder(kind)

    def read(answer: bytes) -> T:
        try:
            return decoder.decode(answer)
        except msgspec.DecodeError as problem:
            raise ServerUnavailable(
                f"The server answered something else than Waitpoint does ({problem}). Is the URL right?"
            ) from problem

    return read


def _path(token: TokenOrId, action: str = "") -> str:
    return f"/api/v1/waitpoints/tokens/{arguments.token_id(token)}{action}"


def _given(value: Any, check: Callable[[Any], Any]) -> Any:
    return UNSET if value is UNSET else check(value)


def _one_of_several(name: str, value: str | Iterable[str] | None) -> str | None:
    """Several values travel in one parameter, joined by commas."""
    return None if value is None else ",".join(arguments.texts(name, value))
