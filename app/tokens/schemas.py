"""The shapes of tokens on the wire (CONTRACT.md section 1), and what may come in."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from .. import ids
from ..clock import iso
from ..durations import BadDuration, parse_deadline, parse_duration
from ..web import strict_json
from ..web.problems import Problem, invalid
from .lifecycle import Answer, NewToken
from .models import STATUSES, Token
from .questions import Questions

MOST_TAGS = 10
LONGEST_TAG = 128  # characters
LONGEST_KEY = 2048  # characters
LONGEST_REASON = 1000  # characters
LONGEST_COMMENT = 10_000  # characters
DEFAULT_TIMEOUT = timedelta(minutes=10)
TIMEOUT_WITH_REQUEST = timedelta(days=7)  # people need longer than programs
DEFAULT_KEY_LIFETIME = timedelta(hours=1)
JSON_WHITESPACE = b" \t\r\n"
_CREATE_FIELDS = {"idempotencyKey", "idempotencyKeyTTL", "timeout", "tags", "request"}


Duration = Annotated[
    str,
    Meta(
        pattern=r"^([0-9]{1,9}[wdhms])+$",
        description="A duration of 1 second to 5 years; units add up.",
        examples=["30s", "10m", "1d12h", "4w"],
    ),
]
Deadline = Annotated[
    str,
    Meta(
        description="A duration such as 10m, or an ISO 8601 instant with a time zone that lies ahead.",
        examples=["10m", "24h", "2030-01-31T09:00:00Z"],
        max_length=100,
    ),
]
Tag = Annotated[str, Meta(min_length=1, max_length=LONGEST_TAG, description="Any text without control characters.")]
Instant = Annotated[str, Meta(extra_json_schema={"format": "date-time", "examples": ["2026-11-22T10:15:00.000Z"]})]
Known = Annotated[str, Meta(extra_json_schema={"enum": list(STATUSES)})]
TokenId = Annotated[
    str,
    Meta(
        pattern=f"^{ids.TOKEN_ID_PATTERN}$",
        extra_json_schema={"examples": ["waitpoint_01a2014e461153f41ec8eb846ec7a447f1b2"]},
    ),
]


class CreateToken(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """What a token is made of; every field may be left out."""

    timeout: Annotated[
        Deadline | UnsetType | None,
        Meta(
            description="When the token times out: a duration or an instant. Left out: 10 minutes, with a request 7 days. null: never."
        ),
    ] = UNSET
    tags: Annotated[
        Tag | Annotated[list[Tag], Meta(max_length=MOST_TAGS)],
        Meta(description=f"Up to {MOST_TAGS} tags, to find the token by. One tag may stand alone."),
    ] = []
    idempotency_key: Annotated[
        str,
        Meta(
            max_length=LONGEST_KEY,
            description="The same key gives the same token, whatever became of it. Empty: none. No control characters.",
        ),
    ] = ""
    idempotency_key_ttl: Annotated[
        Duration | None, Meta(description="How long the key is kept; only beside an idempotencyKey.")
    ] = msgspec.field(default="1h", name="idempotencyKeyTTL")
    request: Annotated[dict[str, Any] | None, Meta(description="What people are asked; {} is: do you approve?")] = None


class CreatedToken(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """A token that was made, or the one that the same key made before."""

    id: TokenId
    is_cached: Annotated[bool, Meta(description="Whether the same idempotency key had made the token before.")]
    url: Annotated[str, Meta(description="The callback URL: whoever posts to it completes the token.")]
    public_access_token: Annotated[
        str, Meta(description="A JWT with which a browser may complete this token and nothing else, for a day.")
    ]
    approval_url: Annotated[
        str | None,
        Meta(
            description="Where a person answers. Only with a request; where everybody may answer who has it, a secret."
        ),
    ] = None
    journey_url: Annotated[
        str | None,
        Meta(description="Where a person follows all steps. Only with a journey; likewise a secret."),
    ] = None


class CompleteToken(msgspec.Struct, frozen=True):
    """The answer: any JSON value."""

    data: Annotated[Any, Meta(description="The output of the token. Left out: none.")] = msgspec.UNSET


class CompletedToken(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """The token has its answer. With `alreadyCompleted` it had one before, and this one was not recorded."""

    success: Literal[True]
    already_completed: bool = False
    status: Known | None = None
    completed_at: Instant | None = None


class CancelToken(msgspec.Struct, frozen=True):
    """Why the question is withdrawn."""

    reason: Annotated[str, Meta(max_length=LONGEST_REASON)] | None = None


class ShownToken(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """A token as programs see it. Absent values are left out, never null."""

    id: TokenId
    type: Annotated[
        str, Meta(extra_json_schema={"enum": ["MANUAL", "SLEEP", "RUN"]}, description="MANUAL; the others are of runs.")
    ]
    url: Annotated[str, Meta(description="The callback URL.")]
    status: Known
    tags: tuple[str, ...]
    created_at: Instant
    timeout_at: Annotated[Instant | None, Meta(description="Absent: the token waits for ever.")] = None
    completed_after: Annotated[Instant | None, Meta(description="The same instant as timeoutAt.")] = None
    completed_at: Instant | None = None
    idempotency_key: str | None = None
    idempotency_key_expires_at: Instant | None = None
    output: Annotated[
        str | None, Meta(description="The answer as JSON text, or as plain text where outputType says so.")
    ] = None
    output_type: str | None = None
    output_is_error: Annotated[bool | None, Meta(description="Whether the token timed out or was cancelled.")] = None
    cancelled_at: Instant | None = None
    cancel_reason: str | None = None
    answered_by: Annotated[
        str | None, Meta(description="default: nobody answered, and the default answer was taken.")
    ] = None
    request: Annotated[dict[str, Any] | None, Meta(description="What people are asked.")] = None
    request_version: Annotated[int | None, Meta(description="How often the request was amended, plus one.")] = None


class Pagination(msgspec.Struct, omit_defaults=True, frozen=True):
    """Cursors for `page[after]` and `page[before]`; absent when there is nothing there."""

    next: str | None = None
    previous: str | None = None


class TokenList(msgspec.Struct, frozen=True):
    """A page of tokens, newest first, without their outputs."""

    data: list[ShownToken]
    pagination: Pagination


def shown(token: Token, url: str, *, with_output: bool, **beside: Any) -> ShownToken:
    """The token for a program, with what neighbours know beside it; lists leave the output out."""
    return ShownToken(
        id=token.id,
        type=token.kind,
        url=url,
        status=token.status,
        tags=token.tags,
        created_at=iso(token.created_at),
        timeout_at=_moment(token.timeout_at),
        completed_after=_moment(token.timeout_at),
        completed_at=_moment(token.completed_at),
        idempotency_key=token.idempotency_key,
        idempotency_key_expires_at=_moment(token.idempotency_key_expires_at),
        output=token.output if with_output else None,
        output_type=token.output_type if with_output else None,
        output_is_error=token.output_is_error if with_output else None,
        cancelled_at=_moment(token.cancelled_at),
        cancel_reason=token.cancel_reason,
        answered_by=token.answered_by,
        **beside,
    )


def new_token(
    body: bytes, now: datetime, request_key: str | None, *, strict: bool, questions: Questions | None = None
) -> NewToken:
    """What the body of a create asks for. Raises a Problem that names the field, the rule and what came.

    Without `questions` nobody can be asked.
    """
    fields = object_in(body)
    if strict:
        refuse_unknown(fields, _CREATE_FIELDS)
    key = key_in(fields)
    asked = questions.read(fields["request"]) if questions and fields.get("request") is not None else None
    timeout = _timeout(fields, now, DEFAULT_TIMEOUT if asked is None else TIMEOUT_WITH_REQUEST)
    if asked is not None and asked.default_output is not None and timeout is None:
        sentence = "needs a deadline at which it is taken, and the timeout is null"
        raise invalid("/request/onTimeout", "missing-timeout", sentence)
    return NewToken(
        timeout=timeout,
        request=asked,
        default_output=None if asked is None else asked.default_output,
        tags=tags_in(fields.get("tags", [])),
        idempotency_key=key,
        idempotency_key_ttl=_key_lifetime(fields, key),
        request_key=request_key,
    )


def answer_in(body: bytes, request_key: str | None, seen_version: int | None = None, *, strict: bool) -> Answer:
    """The answer in the body of a complete, as the bytes that came. Raises a Problem."""
    fields = object_in(body)
    if fields and "data" not in fields:
        came = next(iter(fields))
        detail = f'The answer belongs in the field "data"; the body has {_shown(came)} instead. Did you mean data?'
        raise Problem(
            422, "unknown-field", detail, errors=[{"pointer": f"/{came}", "code": "unknown-field", "detail": detail}]
        )
    if strict:
        refuse_unknown(fields, {"data"})
    return Answer(output=_raw_data(body) if fields else None, request_key=request_key, seen_version=seen_version)


def cancel_reason_in(body: bytes, *, strict: bool) -> str | None:
    """The reason in the body of a cancel. Raises a Problem."""
    fields = object_in(body)
    if strict:
        refuse_unknown(fields, {"reason"})
    reason = fields.get("reason")
    if reason is not None and (not isinstance(reason, str) or len(reason) > LONGEST_REASON):
        raise invalid(
            "/reason", "invalid-reason", f"must be a text of at most {LONGEST_REASON} characters, not {_shown(reason)}"
        )
    return reason or None


def object_in(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; an empty body is `{}`. Raises a Problem."""
    if not body.strip(JSON_WHITESPACE):
        return {}
    value = strict_json.parse(body)
    if not isinstance(value, dict):
        raise invalid("", "not-an-object", f"must be a JSON object, not {_shown(value)}")
    return value


def refuse_unknown(fields: Mapping[str, Any], known: set[str], within: str = "") -> None:
    """Strict mode: a key that means nothing here is a mistake. Raises a 400 Problem."""
    for name in fields:
        if name not in known:
            raise invalid(
                f"{within}/{name}", "unknown-field", f"is not a field here; known are {', '.join(sorted(known))}"
            )


def _raw_data(body: bytes) -> str:
    raw = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"), type=_RawAnswer).data
    return bytes(raw).decode().strip()


class _RawAnswer(msgspec.Struct):
    data: msgspec.Raw


def _timeout(fields: Mapping[str, Any], now: datetime, default: timedelta) -> timedelta | datetime | None:
    timeout = fields.get("timeout", default)
    if timeout is None or timeout is default:
        return timeout  # null waits for ever
    if not isinstance(timeout, str):
        sentence = f'must be a duration such as "10m" or an ISO 8601 instant, as text, not {_shown(timeout)}'
        raise invalid("/timeout", "invalid-duration", sentence)
    try:
        return parse_deadline(timeout, now)
    except BadDuration as error:
        raise invalid("/timeout", error.code, str(error)) from error


def key_in(fields: Mapping[str, Any], pointer: str = "/idempotencyKey") -> str | None:
    """The idempotency key among some fields; None when there is none. Raises a Problem."""
    key = fields.get("idempotencyKey", "")
    if not isinstance(key, str):
        raise invalid(pointer, "invalid-key", f"must be a text, not {_shown(key)}")
    if len(key) > LONGEST_KEY:
        raise invalid(pointer, "invalid-key", f"must have at most {LONGEST_KEY} characters, not {len(key)}")
    if _has_controls(key):
        raise invalid(pointer, "invalid-key", "must not contain control characters")
    return key or None


def _key_lifetime(fields: Mapping[str, Any], key: str | None) -> timedelta:
    lifetime = fields.get("idempotencyKeyTTL")
    if lifetime is None:
        return DEFAULT_KEY_LIFETIME
    if key is None:
        raise invalid("/idempotencyKeyTTL", "missing-key", "needs an idempotencyKey beside it")
    if not isinstance(lifetime, str):
        raise invalid(
            "/idempotencyKeyTTL", "invalid-duration", f'must be a duration such as "1h", not {_shown(lifetime)}'
        )
    try:
        return parse_duration(lifetime)
    except BadDuration as error:
        raise invalid("/idempotencyKeyTTL", error.code, str(error)) from error


def tags_in(value: Any, pointer: str = "/tags") -> tuple[str, ...]:
    """Tags, of which one may stand alone. Raises a Problem."""
    tags = [value] if isinstance(value, str) else value
    if not isinstance(tags, list):
        raise invalid(pointer, "invalid-tags", f"must be a text or a list of texts, not {_shown(value)}")
    if len(tags) > MOST_TAGS:
        # The words are the contract's, which the official SDK shows to its users.
        error = f"Waitpoints can only have {MOST_TAGS} tags, you're trying to set {len(tags)}."
        raise Problem(
            422,
            "too-many-tags",
            error,
            error=error,
            errors=[{"pointer": pointer, "code": "too-many-tags", "detail": error}],
        )
    for index, tag in enumerate(tags):
        _check_tag(tag, f"{pointer}/{index}")
    return tuple(tags)


def _check_tag(tag: Any, pointer: str) -> None:
    name = f"tags: {_shown(tag)}"
    problem = None
    if not isinstance(tag, str):
        problem = "is not a text"
    elif not tag.strip():
        problem = "is empty"
    elif len(tag) > LONGEST_TAG:
        problem = f"has {len(tag)} characters; a tag has at most {LONGEST_TAG}"
    elif _has_controls(tag):
        problem = "contains a control character"
    if problem:
        detail = f"{name} {problem}"
        raise Problem(
            400, "invalid-tag", detail, errors=[{"pointer": pointer, "code": "invalid-tag", "detail": detail}]
        )


def _has_controls(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=True)
    return text if len(text) <= 80 else text[:80] + "…"
