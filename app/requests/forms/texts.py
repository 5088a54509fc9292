"""A value and the texts that stand for it in the controls of one field, both ways.

What no rule can make a value of stays the text that it is: the validator then says what is wrong with it.
"""

import json
import math
import re
from datetime import datetime, timedelta, timezone, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from ...web import strict_json
from ...web.problems import Problem
from .fields import MISSING, Field, Missing, Typed

ZONE = ":zone"
REMOVE, PROBLEM = ":remove", ":problem"  # of a file: it is not to be sent; why it was not taken
_WHOLE = re.compile(r"[+-]?[0-9]{1,300}")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_OFFSET = re.compile(r"([+-])([0-9]{2}):?([0-9]{2})")
_STOPPED = re.compile(r"at character ([0-9]+)\.\Z")
_LONGEST_ZONE = 64  # characters
_WRITTEN = {"text", "area", "password"}  # kept as typed, blanks at its ends included


class Unreadable(Exception):
    """What was typed, or sent, is none. The message says why."""


def texts_of(field: Field, value: Any) -> Typed:
    """What the controls of a field hold for a value, by what stands behind the field's own name."""
    if isinstance(value, Missing) or (value is None and field.kind != "json"):
        return {}
    match field.kind:
        case "choice" | "rating":
            return {"": next((option.text for option in field.options if _is_same(option.value, value)), "")}
        case "choices":
            chosen = value if isinstance(value, list) else []
            numbers = [
                n for n, option in enumerate(field.options) if any(_is_same(option.value, one) for one in chosen)
            ]
            return {f":{number}": "yes" for number in numbers}
        case "yes-no":
            return {"": {True: "yes", False: "no"}.get(value, "") if isinstance(value, bool) else ""}
        case "check":
            return {"": "yes"} if value is True else {}
        case "date-time":
            return _local_and_zone(value)
        case "json":
            return {"": "" if value is None and not field.is_required else _json(value, indent=2)}
        case _:
            return {"": value if isinstance(value, str) else _json(value)}


def value_of(field: Field, texts: Typed) -> Any:
    """The value that the controls of a field stand for, MISSING when they are empty. Raises Unreadable."""
    if field.kind == "choices":
        return [option.value for number, option in enumerate(field.options) if texts.get(f":{number}")] or MISSING
    text = texts.get("", "")
    if field.kind == "file":
        return _file_in(texts)
    if field.kind not in _WRITTEN:
        text = text.strip()
    return _value(field, text, texts) if text else MISSING


def _value(field: Field, text: str, texts: Typed) -> Any:
    match field.kind:
        case "choice" | "rating":
            return next((option.value for option in field.options if option.text == text), text)
        case "yes-no" | "check":
            return {"yes": True, "no": False}.get(text, text)
        case "date-time":
            return _instant(text, texts.get(ZONE, "").strip() or "UTC")
        case "json":
            return _parsed(text)
        case "number" | "integer" | "text" | "area":
            return _typed_value(field, text)
        case _:
            return text


def _file_in(texts: Typed) -> Any:
    """What an answer names a file by, unless it was refused or is not wanted any more."""
    if texts.get(PROBLEM):
        raise Unreadable(f"was not taken: {texts[PROBLEM]}")
    text = texts.get("", "")
    return _parsed(text) if text and not texts.get(REMOVE) else MISSING


def _typed_value(field: Field, text: str) -> Any:
    """A number or a yes where the field may be one and the text looks like it; else the text."""
    types = field.types
    if "number" in types or "integer" in types:
        number = _number(text.strip().replace("\N{MINUS SIGN}", "-"))
        if number is not None and not ("string" in types and _loses(number, text.strip())):
            return number
    if "boolean" in types and text.strip() in {"true", "false"}:
        return text.strip() == "true"
    return text


def _number(text: str) -> int | float | None:
    if _WHOLE.fullmatch(text):
        return int(text)
    if len(text) > 300 or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if math.isfinite(number) else None


def _loses(number: float, text: str) -> bool:
    """Whether a number is not written as it was typed (`007`, `1.50`): then the text says more."""
    return json.dumps(number) != text


def _parsed(text: str) -> Any:
    try:
        return strict_json.parse(text.encode())
    except Problem as problem:
        raise Unreadable(
            f'must be JSON, such as {{"name": ["text", 1, true]}}: {_why_no_json(problem.detail)}'
        ) from problem


def _why_no_json(detail: str) -> str:
    """What a parser says, in words for somebody who types."""
    stopped = _STOPPED.search(detail)
    if stopped:
        return f"it cannot be read from character {int(stopped[1]) + 1} on."
    return detail.removeprefix("The body is not valid JSON: ").replace("The body", "It")


def _local_and_zone(value: Any) -> Typed:
    if not isinstance(value, str):
        return {"": _json(value)}
    try:
        moment = datetime.fromisoformat(value.upper())
    except ValueError:
        return {"": value}
    offset = moment.strftime("%z")
    local = moment.replace(tzinfo=None)
    precise = "seconds" if local.second and not local.microsecond else "auto" if local.microsecond else "minutes"
    zone = "" if not offset else "UTC" if moment.utcoffset() == timedelta(0) else f"{offset[:3]}:{offset[3:5]}"
    return {"": local.isoformat(timespec=precise), ZONE: zone}


def _instant(text: str, zone: str) -> str:
    """A local time in a zone, as RFC 3339 has it. Raises Unreadable, which says of which half."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable("must be a date and time, such as 2026-11-25 14:30.") from error
    try:
        moment = moment if moment.tzinfo else moment.replace(tzinfo=_zone(zone))
    except (ValueError, OSError, LookupError, OverflowError) as error:
        sentence = "has a time zone that is not known: it is a name, such as Europe/Berlin, or a distance from UTC, such as +01:00."
        raise Unreadable(sentence) from error
    if _is_skipped(moment):
        raise Unreadable(
            "is a time that the clocks there skip, because they go forward: choose an earlier or a later one."
        )
    text_with_zone = moment.isoformat()
    return f"{text_with_zone.removesuffix('+00:00')}Z" if zone == "UTC" else text_with_zone


def _is_skipped(moment: datetime) -> bool:
    """Whether no clock shows it: the distance from UTC before the gap is less than the one after it (PEP 495)."""
    before, after = moment.utcoffset(), moment.replace(fold=1).utcoffset()
    return before is not None and after is not None and before < after


def _zone(text: str) -> tzinfo:
    offset = _OFFSET.fullmatch(text)
    if offset is not None:
        sign = -1 if offset[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(offset[2]), minutes=int(offset[3])))
    if len(text) > _LONGEST_ZONE:
        raise ValueError(text)
    return ZoneInfo(text)


def _is_same(one: Any, other: Any) -> bool:
    """Whether two values are the same in JSON, where true is not 1."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _json(value: Any, *, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
