"""What callers may pass, checked here so that a mistake is named before anything is sent."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from types import NoneType
from typing import Any, Protocol, TypeAlias
from uuid import UUID

import msgspec

from waitpoint._errors import InvalidInput


class HasId(Protocol):
    """Anything with the id of a token: what `create` and `retrieve` answer, or a class of your own."""

    @property
    def id(self) -> str: ...


TokenOrId: TypeAlias = str | HasId
Duration: TypeAlias = str | timedelta
Timeout: TypeAlias = str | timedelta | datetime
Moment: TypeAlias = datetime | str | int

MAX_CREATE_BYTES = 524_288
MAX_OUTPUT_BYTES = 3_145_728
MAX_DEPTH = 64

_TOKEN_ID = re.compile(r"waitpoint_[0-9A-Za-z_-]{1,200}")
_SPAN = re.compile(r"(?=.)(?:(\d{1,9})w)?(?:(\d{1,9})d)?(?:(\d{1,9})(?:h|hr))?(?:(\d{1,9})m)?(?:(\d{1,9})s)?")
_UNITS = (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1))


def token_id(token: object) -> str:
    """The id of a token given as itself or by its id."""
    if token is None:
        raise InvalidInput("token is None. Pass a token, or its id (`waitpoint_…`).")
    found = token if isinstance(token, str) else getattr(token, "id", None)
    if not isinstance(found, str):
        raise InvalidInput(f"token is a {type(token).__name__}. Pass a token, or its id (`waitpoint_…`).")
    if not _TOKEN_ID.fullmatch(found):
        raise InvalidInput(f"token: {_clamped(found)} is not the id of a token. Ids look like `waitpoint_…`.")
    return found


def duration(name: str, value: object) -> str:
    """A span of time as the server reads it: `1d12h`. Texts are the server's to judge."""
    if isinstance(value, str):
        return value
    if not isinstance(value, timedelta):
        raise InvalidInput(f"{name} is {_clamped(value)}. Pass a text such as '30s', '10m', '1d12h', or a timedelta.")
    seconds = math.ceil(value.total_seconds())
    if seconds < 1:
        raise InvalidInput(f"{name} is {value}. It must be a second or more.")
    return "".join(f"{count}{unit}" for count, unit in _split(seconds) if count)


def lasting(name: str, value: object) -> float:
    """A span of time in seconds, given as a text such as `1d12h`, a timedelta, or a number of seconds."""
    if isinstance(value, str):
        return _seconds_of(name, value)
    found = seconds(name, value)
    if found is None or not math.isfinite(found):
        raise InvalidInput(f"{name} is {value}. Pass a text such as '30s', '10m', '1d12h', a timedelta, or seconds.")
    return found


def timeout(value: object) -> str | None:
    """How long, or until when, a token waits. None waits for ever."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return moment("timeout", value)
    return duration("timeout", value)


def moment(name: str, value: object) -> str:
    """An instant as the server reads it. A moment without a time zone is nobody's moment."""
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise InvalidInput(
                f"{name}: {value!r} has no time zone. Pass an aware datetime, such as datetime.now(UTC) + timedelta(…)."
            )
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    if isinstance(value, str | int) and not isinstance(value, bool):
        return str(value)
    raise InvalidInput(f"{name} is {_clamped(value)}. Pass an aware datetime or an ISO 8601 text.")


def texts(name: str, value: object) -> list[str]:
    """One text or several, always as a list. Order and duplicates are kept."""
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Iterable) or isinstance(value, Mapping | bytes):
        raise InvalidInput(f"{name} is {_clamped(value)}. Pass a text or a list of texts.")
    found = list(value)
    for item in found:
        if not isinstance(item, str):
            raise InvalidInput(f"{name} holds {_clamped(item)}. Each of them must be a text.")
    return found


def text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidInput(f"{name} is {_clamped(value)}. Pass a text.")
    return value


def seconds(name: str, value: object) -> float | None:
    """How long a caller is ready to wait, in seconds. None is for ever."""
    if value is None:
        return None
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise InvalidInput(f"{name} is {_clamped(value)}. Pass seconds or a timedelta, none below zero.")
    return float(value)


def body(name: str, value: Any, at_most: int) -> bytes:
    """The JSON of a request, small enough to be taken."""
    encoded = msgspec.json.encode(value)
    if len(encoded) > at_most:
        raise InvalidInput(
            f"{name} is {len(encoded):,} bytes of JSON; the limit is {at_most:,}. "
            "Keep large things elsewhere and send a reference to them."
        )
    return encoded


def plain(name: str, value: Any) -> Any:
    """The value as JSON knows it, or a sentence that says which part is not JSON and what to do.

    Dataclasses, Pydantic models and Structs become objects; dates, UUIDs and Decimals become texts.
    Nothing is bent silently: JSON has no NaN, and a set has no order that would survive.
    """
    return _plain(value, name, ())


def _plain(value: Any, path: str, inside: tuple[int, ...]) -> Any:
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return convert(path, value)
    if hasattr(value, "model_dump") and not isinstance(value, type):
        return _plain(value.model_dump(by_alias=True), path, inside)

    members = _members(value, path)
    if id(value) in inside:
        raise InvalidInput(f"{path} contains itself. JSON cannot say that: pass a copy without the circle.")
    if len(inside) >= MAX_DEPTH:
        raise InvalidInput(f"{path} is nested deeper than {MAX_DEPTH} levels.")
    inside = (*inside, id(value))

    if isinstance(members, list):
        return [_plain(item, f"{path}[{index}]", inside) for index, item in enumerate(members)]
    return {_key(key, path): _plain(item, f"{path}.{key}", inside) for key, item in members.items()}


def _members(value: Any, path: str) -> list[Any] | Mapping[Any, Any]:
    """The parts of a container. What is none, or one without order, is refused by name."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, Mapping):
        return value
    if isinstance(value, msgspec.Struct):
        return _struct_members(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {member.name: getattr(value, member.name) for member in fields(value)}
    if isinstance(value, set | frozenset):
        raise InvalidInput(f"{path} is a set. JSON has none: pass sorted(…) or list(…).")
    if isinstance(value, bytes | bytearray | memoryview):
        raise InvalidInput(f"{path} is bytes. JSON holds texts only: decode it, or encode it as base64.")
    raise InvalidInput(f"{path} is a {type(value).__name__}, which JSON cannot hold. Pass plain values or a model.")


def _struct_members(value: msgspec.Struct) -> dict[str, Any]:
    """By the names that the Struct has on the wire, its tag included, so that it reads back as itself."""
    config = value.__struct_config__
    members = {config.tag_field: config.tag} if config.tag_field is not None else {}
    for member in msgspec.structs.fields(value):
        content = getattr(value, member.name)
        if content is not msgspec.UNSET:
            members[member.encode_name] = content
    return members


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise InvalidInput(f"{path} has the key {_clamped(key)}. The keys of a JSON object are texts.")
    return _encodable(path, key)


def _encodable(path: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"{path} holds half a character (a lone surrogate), which no text may hold.") from None
    return value


def _finite(path: str, value: float) -> float:
    if not math.isfinite(value):
        raise InvalidInput(f"{path} is {value}. JSON has no such number: pass None or a text.")
    return value


# In this order: some enums are texts or numbers, and every datetime is a date.
_SCALARS: tuple[tuple[Any, Callable[[str, Any], Any]], ...] = (
    (Enum, lambda path, value: _plain(value.value, path, ())),
    ((NoneType, int), lambda _, value: value),
    (str, _encodable),
    (float, _finite),
    (datetime, moment),
    ((date, time, timedelta, UUID, Decimal), lambda _, value: msgspec.to_builtins(value)),
)


def _seconds_of(name: str, value: str) -> float:
    parts = _SPAN.fullmatch(value)
    if parts is None:
        raise InvalidInput(f"{name} is {_clamped(value)}. Texts look like '30s', '10m', '1d12h', '2w'.")
    sizes = (604_800, 86_400, 3_600, 60, 1)
    return float(sum(int(count) * size for count, size in zip(parts.groups(), sizes, strict=True) if count))


def _split(seconds: int) -> Iterable[tuple[int, str]]:
    for unit, size in _UNITS:
        yield seconds // size, unit
        seconds %= size


def _clamped(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 80 else f"{shown[:77]}…"
