"""The same key gives the same token, for as long as it lives (CONTRACT.md section 4)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from tests.makers import House, Program, ben_with, unique

REQUEST = "x-trigger-request-idempotency-key"


def test_the_same_key_gives_the_same_token(house: House, ada: Program) -> None:
    """`isCached` tells; the access that comes with it is good for the same token."""
    key = unique("key-")

    first, second = ada.create(idempotencyKey=key).json(), ada.create(idempotencyKey=key).json()

    assert (False, True) == (first["isCached"], second["isCached"])
    assert (first["id"], first["url"]) == (second["id"], second["url"])
    token = ada.make_token(idempotencyKey=key)
    assert 200 == ben_with(house, token).complete(token, 1).status_code


def test_whatever_became_of_the_token(house: House, ada: Program) -> None:
    """Completed, cancelled or timed out, swept or not: a cached token is a cached token."""
    ends: list[Callable[[Any], Any]] = [
        lambda token: ada.complete(token, 1),
        ada.cancel,
        lambda _: house.clock.move(seconds=61),
        lambda _: house.time_passes(seconds=61),
    ]
    for end in ends:
        key = unique("key-")
        token = ada.make_token(idempotencyKey=key, idempotencyKeyTTL="1d", timeout="1m")
        end(token)

        again = ada.create(idempotencyKey=key).json()

        assert (token.id, True) == (again["id"], again["isCached"])
        assert "WAITING" != ada.show(token)["status"]


def test_new_options_are_ignored(ada: Program) -> None:
    """The first call counts, its TTL as well."""
    key = unique("key-")
    first = ada.show(ada.make_token(idempotencyKey=key, idempotencyKeyTTL="2h", timeout="1h", tags=["a"]))

    again = ada.show(ada.make_token(idempotencyKey=key, idempotencyKeyTTL="9d", timeout="9h", tags=["b"]))

    assert first == again


def test_an_absent_ttl_is_an_hour(ada: Program) -> None:
    """As documented; `w` and combinations are taken, too."""
    for given, meant in (
        (None, timedelta(hours=1)),
        ("30s", timedelta(seconds=30)),
        ("1w1h", timedelta(days=7, hours=1)),
    ):
        options = {"idempotencyKeyTTL": given} if given else {}
        shown = ada.show(ada.make_token(idempotencyKey=unique(), **options))

        assert meant == moment(shown["idempotencyKeyExpiresAt"]) - moment(shown["createdAt"])


def test_an_expired_key_moves_to_a_new_token(house: House, ada: Program) -> None:
    """Judged when it is used again, to the millisecond; listing by key finds both tokens, newest first."""
    key = unique("key-")
    with house.clock.standing():
        first = ada.create(idempotencyKey=key, idempotencyKeyTTL="10s").json()
        house.clock.move(milliseconds=9_999)
        assert ada.create(idempotencyKey=key).json()["isCached"] is True
        house.clock.move(milliseconds=1)
        second = ada.create(idempotencyKey=key, idempotencyKeyTTL="20s").json()
        house.clock.move(milliseconds=19_999)
        third = ada.create(idempotencyKey=key).json()

    assert (False, True) == (second["isCached"], third["isCached"])
    assert first["id"] != second["id"] == third["id"]
    assert [second["id"], first["id"]] == ada.find_ids(key=key)
    assert key == ada.show(first["id"])["idempotencyKey"]


def test_no_key_and_an_empty_one_make_a_token_each(ada: Program) -> None:
    """`""` is absent."""
    bodies = [
        ada.create().json(),
        ada.create().json(),
        ada.create(idempotencyKey="").json(),
        ada.create(idempotencyKey="").json(),
    ]

    assert 4 == len({body["id"] for body in bodies})
    assert "idempotencyKey" not in ada.show(bodies[-1]["id"])


def test_keys_are_exact(ada: Program) -> None:
    """Case, spaces and accents tell keys apart; up to 2,048 characters count."""
    base = unique("key-")
    keys = [base, base.upper(), f" {base}", f"{base} ", base + "é", base + "e\u0301", (base + "x" * 2048)[:2048],
            (base + "x" * 2048)[:2047] + "y", "😀" * 1000 + base]  # fmt: skip

    ids = [ada.create(idempotencyKey=key).json()["id"] for key in keys]

    assert len(keys) == len(set(ids))
    assert ids == [ada.create(idempotencyKey=key).json()["id"] for key in keys]
    assert [[token_id] for token_id in ids] == [ada.find_ids(key=key) for key in keys]


def test_environments_do_not_share_keys(ada: Program, cleo: Program) -> None:
    """Cleo's key of the same name is hers."""
    key = unique("key-")
    mine, hers = ada.create(idempotencyKey=key).json(), cleo.create(idempotencyKey=key).json()

    assert (False, False) == (mine["isCached"], hers["isCached"])
    assert mine["id"] != hers["id"]
    assert [hers["id"]] == cleo.find_ids(key=key)


def test_a_repeated_request_makes_no_second_token(house: House, ada: Program) -> None:
    """One UUID per call, the same across its retries: a retry after a lost answer gets the first answer again."""
    headers = {REQUEST: unique("request-")}

    first, retry = ada.create(headers=headers).json(), ada.create(headers=headers).json()

    assert (first["id"], False) == (retry["id"], retry["isCached"])
    house.clock.move(hours=23, minutes=59)
    assert first["id"] == ada.create(headers=headers).json()["id"]
    house.clock.move(minutes=2)
    assert first["id"] != ada.create(headers=headers).json()["id"]


def test_a_repeated_request_with_a_key_is_answered_as_the_first_time(ada: Program) -> None:
    """Whether the first was new or cached, its retry says the same; another request hears of the cached one."""
    key, mine, other = unique("key-"), {REQUEST: unique("request-")}, {REQUEST: unique("request-")}

    new, new_again = (ada.create(headers=mine, idempotencyKey=key).json() for _ in range(2))
    cached, cached_again = (ada.create(headers=other, idempotencyKey=key).json() for _ in range(2))

    assert 1 == len({body["id"] for body in (new, new_again, cached, cached_again)})
    assert [False, False, True, True] == [body["isCached"] for body in (new, new_again, cached, cached_again)]


def test_request_keys_belong_to_an_environment(ada: Program, cleo: Program) -> None:
    """Nobody gets somebody else's token by guessing a UUID; and a request's key is no idempotency key."""
    headers = {REQUEST: unique("request-")}

    mine, hers = ada.create(headers=headers).json(), cleo.create(headers=headers).json()

    assert mine["id"] != hers["id"]
    assert [] == ada.find_ids(key=headers[REQUEST])
    assert ada.create(idempotencyKey=headers[REQUEST]).json()["isCached"] is False


def test_a_refused_create_keeps_no_key(ada: Program) -> None:
    """What was not made is not remembered: after the mistake is mended, the same key makes a token."""
    key, headers = unique("key-"), {REQUEST: unique("request-")}

    assert 400 == ada.create(headers=headers, idempotencyKey=key, timeout="soon").status_code
    assert ada.create(headers=headers, idempotencyKey=key, timeout="1h").json()["isCached"] is False


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
