"""A mistake in an argument is named before anything is sent."""

import dataclasses
import enum
import math
import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import msgspec
import pydantic
import pytest

from tests.sdk.conftest import Ada
from tests.sdk.stand_in import StandIn
from waitpoint import InvalidInput
from waitpoint import _arguments as arguments

NAIVE = datetime(2026, 11, 22, 9, 0)  # noqa: DTZ001 (the mistake itself)


def circle() -> list[Any]:
    """A list that contains itself."""
    around: list[Any] = []
    around.append(around)
    return around


def nested(depth: int) -> Any:
    """Lists in lists."""
    return [nested(depth - 1)] if depth else 1


class Opaque: ...


class Verdict(enum.Enum):
    YES = "yes"


@dataclasses.dataclass
class Point:
    x: int
    y: float


class Model(pydantic.BaseModel):
    at: datetime
    note: str = pydantic.Field(alias="remark")


class Tagged(msgspec.Struct, tag="tagged", rename="camel"):
    is_good: bool


@pytest.mark.parametrize(
    ("token", "said"),
    [
        (None, "token is None"),
        (7, "token is a int"),
        ("", "not the id of a token"),
        ("run_123", "`waitpoint_…`"),
        ("waitpoint_../x", "not the id of a token"),
        ("waitpoint_" + "x" * 5000, "not the id of a token"),
    ],
)
def test_a_token_must_be_one(token: Any, said: str) -> None:
    """None, a run and a stray path are refused with the word `token`."""
    with pytest.raises(InvalidInput, match=said) as refused:
        arguments.token_id(token)

    assert "token" in str(refused.value)
    assert len(str(refused.value)) < 200


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ({1, 2}, "data is a set"),
        ({"a": [1.5, math.nan]}, r"data\.a\[1\] is nan"),
        (math.inf, "data is inf"),
        (b"bytes", "data is bytes"),
        ({1: "one"}, "data has the key 1"),
        (circle(), r"data\[0\] contains itself"),
        ({"when": NAIVE}, r"data\.when: .* has no time zone"),
        ({"odd": "\ud800"}, r"data\.odd holds half a character"),
        (Opaque(), "data is a Opaque"),
        ([Opaque()], r"data\[0\] is a Opaque"),
        (nested(65), "nested deeper than 64"),
    ],
    ids=["set", "nan", "infinity", "bytes", "key", "circle", "naive", "surrogate", "object", "in a list", "deep"],
)
def test_an_output_that_json_cannot_hold_is_refused_and_nothing_is_stored(
    ada: Ada, stand_in: StandIn, output: Any, said: str
) -> None:
    """The sentence names the part and the way out."""
    with pytest.raises(InvalidInput, match=said):
        ada.does(ada.tokens.complete("waitpoint_000", output))

    assert [] == stand_in.seen


def test_ten_megabytes_of_output_are_refused_before_they_travel(ada: Ada, stand_in: StandIn) -> None:
    """The limit is the server's, and known."""
    with pytest.raises(InvalidInput, match="the limit is 3,145,728"):
        ada.does(ada.tokens.complete("waitpoint_000", "x" * 10_000_000))

    assert [] == stand_in.seen


def test_a_list_may_hold_the_same_thing_twice() -> None:
    """Twice is not a circle."""
    same = {"a": 1}

    assert [{"a": 1}, {"a": 1}] == arguments.plain("data", [same, same])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, "two"), [1, "two"]),
        (Verdict.YES, "yes"),
        (Point(1, 2.5), {"x": 1, "y": 2.5}),
        (Tagged(is_good=True), {"type": "tagged", "isGood": True}),
        (Model(at=datetime(2026, 1, 1, tzinfo=UTC), remark="hi"), {"at": "2026-01-01T00:00:00.000Z", "remark": "hi"}),
        (date(2026, 1, 1), "2026-01-01"),
        (uuid.UUID(int=0), "00000000-0000-0000-0000-000000000000"),
        (Decimal("1.10"), "1.10"),
        (2**70, 2**70),
        (None, None),
    ],
)
def test_models_and_dates_become_plain_json(value: Any, expected: Any) -> None:
    """What a program has at hand may be sent as it is."""
    assert expected == arguments.plain("data", value)


@pytest.mark.parametrize(
    ("timeout", "on_the_wire"),
    [
        ("1d12h", "1d12h"),
        (timedelta(minutes=90), "1h30m"),
        (timedelta(days=40, seconds=1), "40d1s"),
        (timedelta(seconds=1.2), "2s"),
        (datetime(2026, 11, 22, 9, 0, tzinfo=UTC), "2026-11-22T09:00:00.000Z"),
        (datetime(2026, 11, 22, 9, 0, tzinfo=timezone(timedelta(hours=2))), "2026-11-22T07:00:00.000Z"),
        (None, None),
    ],
)
def test_a_timeout_is_a_text_a_timedelta_or_a_moment(
    ada: Ada, stand_in: StandIn, timeout: Any, on_the_wire: str | None
) -> None:
    """Never rounded down: a token waits at least as long as it was told to."""
    ada.does(ada.tokens.create(timeout=timeout))

    assert {"timeout": on_the_wire} == stand_in.last_body


@pytest.mark.parametrize("timeout", [NAIVE, 600, timedelta(0), timedelta(seconds=-5), True, [1]])
def test_a_timeout_that_says_nothing_clear_is_refused(ada: Ada, stand_in: StandIn, timeout: Any) -> None:
    """A number has no unit, a naive datetime no zone."""
    with pytest.raises(InvalidInput, match="timeout"):
        ada.does(ada.tokens.create(timeout=timeout))

    assert [] == stand_in.seen


@pytest.mark.parametrize(
    "options",
    [{"tags": 5}, {"tags": ["a", 5]}, {"tags": {"a": 1}}, {"idempotency_key": 5}, {"idempotency_key_ttl": 60}],
)
def test_other_options_are_checked_by_name(ada: Ada, options: dict[str, Any]) -> None:
    """The message names the option."""
    name = next(iter(options))

    with pytest.raises(InvalidInput, match=name):
        ada.does(ada.tokens.create(**options))


def test_a_mistyped_option_is_a_type_error(ada: Ada) -> None:
    """As for every Python function."""
    with pytest.raises(TypeError, match="timout"):
        ada.does(ada.tokens.create(timout="5m"))


@pytest.mark.parametrize("timeout", [-1, math.nan, "5m", True])
def test_the_patience_of_a_wait_is_in_seconds(ada: Ada, timeout: Any) -> None:
    """Not to be mistaken for the timeout of the token."""
    with pytest.raises(InvalidInput, match="timeout"):
        ada.client.wait_for_token("waitpoint_000", timeout=timeout)
