"""Creating a token (CONTRACT.md section 1, "Create"), line by line."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.makers import TOKENS, House, Program, unique


def test_the_answer_is_the_contracts(house: House, ada: Program) -> None:
    """200, never 201; four fields, and the public access token in a header, from which the official SDK takes it."""
    answer = ada.create()

    body = answer.json()
    assert 200 == answer.status_code
    assert ["id", "isCached", "url", "publicAccessToken"] == list(body)
    assert body["id"].startswith("waitpoint_")
    assert body["isCached"] is False
    assert body["url"].startswith(f"{house.url}{TOKENS}/{body['id']}/callback/")
    assert body["publicAccessToken"] == answer.headers["x-trigger-jwt"]
    assert {"sub": house.dev.id, "pub": True} == json.loads(answer.headers["x-trigger-jwt-claims"])
    assert "application/json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize(
    ("timeout", "length"),
    [
        ("1s", timedelta(seconds=1)),
        ("30s", timedelta(seconds=30)),
        ("1m", timedelta(minutes=1)),
        ("2h", timedelta(hours=2)),
        ("3d", timedelta(days=3)),
        ("4w", timedelta(weeks=4)),
        ("1d12h", timedelta(hours=36)),
        ("1w2d3h4m5s", timedelta(weeks=1, days=2, hours=3, minutes=4, seconds=5)),
        ("400d", timedelta(days=400)),
        ("1830d", timedelta(days=1830)),
    ],
)
def test_a_duration_is_counted_from_now(house: House, ada: Program, timeout: str, length: timedelta) -> None:
    """Units add up; the deadline lies exactly so far ahead of the creation."""
    shown = ada.show(ada.make_token(timeout=timeout))

    assert length == instant(shown["timeoutAt"]) - instant(shown["createdAt"])
    assert shown["completedAfter"] == shown["timeoutAt"]


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2038-01-19T03:14:08Z", datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC)),
        ("2040-02-29T12:00:00+02:00", datetime(2040, 2, 29, 10, tzinfo=UTC)),
        ("2040-01-01T00:00:00.123456Z", datetime(2040, 1, 1, microsecond=123_000, tzinfo=UTC)),
        ("2100-02-28T23:59:59-11:30", datetime(2100, 3, 1, 11, 29, 59, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_an_instant_is_taken_as_it_is(ada: Program, text: str, meant: datetime) -> None:
    """In any zone, cut to milliseconds."""
    assert meant == instant(ada.show(ada.make_token(timeout=text))["timeoutAt"])


def test_without_a_timeout_a_token_waits_ten_minutes(ada: Program) -> None:
    """As documented; null waits for ever."""
    absent, never = ada.show(ada.make_token()), ada.show(ada.make_token(timeout=None))

    assert timedelta(minutes=10) == instant(absent["timeoutAt"]) - instant(absent["createdAt"])
    assert not {"timeoutAt", "completedAfter"} & set(never)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("one", ["one"]),
        (["one"], ["one"]),
        ([], []),
        (["b", "a", "b"], ["b", "a", "b"]),
        (["user:1", "Straße 😀", "a,b", " spaced "], ["user:1", "Straße 😀", "a,b", " spaced "]),
        (["x" * 128] * 10, ["x" * 128] * 10),
    ],
)
def test_tags_keep_their_order(ada: Program, given: Any, kept: list[str]) -> None:
    """A text or a list of texts, at most ten of at most 128 characters."""
    assert kept == ada.show(ada.make_token(tags=given))["tags"]


def test_eleven_tags_are_refused_in_the_contracts_words(ada: Program) -> None:
    """The official SDK shows them to its users."""
    answer = ada.create(tags=["t"] * 11)

    assert 422 == answer.status_code
    assert "Waitpoints can only have 10 tags, you're trying to set 11." == answer.json()["error"]


def test_unknown_fields_are_ignored_unless_strictness_is_asked_for(ada: Program) -> None:
    """Our own SDK asks for it, and hears of its misspelling; nothing else changes."""
    strict = {"x-waitpoint-strict": "true"}

    assert 200 == ada.create(timeuot="1h", run="x").status_code
    refused = ada.create(headers=strict, timeuot="1h")
    assert (400, "unknown-field", "/timeuot") == (
        refused.status_code,
        refused.json()["code"],
        refused.json()["errors"][0]["pointer"],
    )
    assert (
        200
        == ada.create(
            headers=strict, timeout="1h", tags="a", idempotencyKey=unique(), idempotencyKeyTTL="1h"
        ).status_code
    )
    assert 200 == ada.create(headers={"x-waitpoint-strict": "false"}, timeuot="1h").status_code


def test_an_empty_body_asks_for_the_defaults(ada: Program) -> None:
    """All fields are optional."""
    for content in (b"", b"{}", b" \n"):
        assert 200 == ada.post(TOKENS, content=content).status_code


def test_headers_of_the_official_sdk_are_tolerated(ada: Program) -> None:
    """They mean nothing here."""
    headers = {
        "trigger-version": "20240101.1",
        "x-trigger-branch": "main",
        "x-trigger-source": "sdk",
        "traceparent": "00-1",
    }

    assert 200 == ada.create(headers=headers).status_code


def test_ids_sort_by_the_time_they_were_made(house: House, ada: Program) -> None:
    """So that the newest tokens are one range of an index."""
    ids = []
    for _ in range(5):
        ids.append(ada.make_token().id)
        house.clock.move(milliseconds=2)

    assert sorted(ids) == ids


def test_every_error_has_a_string_error(ada: Program, nobody: Program, stranger: Program) -> None:
    """The contract's own words, with the members of RFC 9457 beside them."""
    answers: dict[str, httpx.Response] = {
        "Invalid or Missing API key": nobody.create(),
        "Invalid API key": stranger.create(),
        "Waitpoint not found": ada.get(f"{TOKENS}/waitpoint_x"),
        "Query Error": ada.find(status="x"),
    }

    for error, answer in answers.items():
        body = answer.json()
        assert error == body["error"]
        assert {"type", "title", "status", "detail", "code"} <= set(body)
        assert "application/problem+json" == answer.headers["content-type"]
    assert [{"parameter": "filter[status]", "message": "knows WAITING, COMPLETED, TIMED_OUT, not 'x'"}] == answers[
        "Query Error"
    ].json()["details"]


def instant(text: str) -> datetime:
    assert text.endswith("Z")
    assert len(text) == len("2026-11-22T10:15:00.000Z")
    return datetime.fromisoformat(text)
