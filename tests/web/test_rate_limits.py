"""How often somebody may knock: per environment, per public access token, per callback URL; told on every answer."""

from collections.abc import Iterator

import pytest

from app.clock import to_milliseconds
from tests.cast import ADAS_KEY, CLEOS_KEY
from tests.databases import DatabaseMaker
from tests.makers import TOKENS, UNKNOWN_ID, House, Program, ben_with, open_house

LIMIT, PUBLIC = 8, 3


@pytest.fixture(scope="module")
def small_house(make_database: DatabaseMaker) -> Iterator[House]:
    """A house that lets nobody knock often. Counting is done in memory, the same whatever the database."""
    with make_database("sqlite") as url, open_house(url, rate_limit=LIMIT, public_rate_limit=PUBLIC) as house:
        yield house


@pytest.fixture
def ada_there(small_house: House) -> Iterator[Program]:
    """Ada with a fresh window, in which time stands still."""
    with small_house.clock.standing():
        small_house.clock.move(minutes=2)
        yield small_house.program(ADAS_KEY, small_house.dev)


def test_every_answer_says_what_is_left(house: House, ada: Program, stranger: Program) -> None:
    """Limit, remaining, and when the window ends in Unix milliseconds; on refusals too."""
    token = ada.make_token()
    with house.clock.standing():
        answers = {
            200: ada.get(TOKENS),
            400: ada.find(size=0),
            401: stranger.get(TOKENS),
            403: ben_with(house, token).get(token.path),
            404: ada.get(f"{TOKENS}/{UNKNOWN_ID}"),
            413: ada.post(TOKENS, content=b" " * 524_289),
            422: ada.create(tags=["t"] * 11),
        }
        callback = house.client.post(token.callback, content=b"1")
        now = to_milliseconds(house.clock.now())

    for status, answer in [*answers.items(), (200, callback)]:
        assert status == answer.status_code
        limit, remaining, reset = (
            int(answer.headers[f"x-ratelimit-{name}"]) for name in ("limit", "remaining", "reset")
        )
        assert 0 <= remaining < limit
        assert now < reset <= now + 60_000
    assert "10000" == answers[200].headers["x-ratelimit-limit"]


def test_beyond_the_limit_the_answer_is_429(ada_there: Program, small_house: House) -> None:
    """With when to come back; nothing is done. The next window is a new one, and Cleo has her own."""
    allowed = [ada_there.create() for _ in range(LIMIT)]
    refused = [ada_there.create(), ada_there.find(), ada_there.get(f"{TOKENS}/{UNKNOWN_ID}")]
    cleo = small_house.program(CLEOS_KEY).create()

    assert [200] * LIMIT == [answer.status_code for answer in allowed]
    assert [*range(LIMIT)][::-1] == [int(answer.headers["x-ratelimit-remaining"]) for answer in allowed]
    for answer in refused:
        assert (429, "too-many-requests") == (answer.status_code, answer.json()["code"])
        assert answer.headers["content-type"] == "application/problem+json"
        assert isinstance(answer.json()["error"], str)
        assert "0" == answer.headers["x-ratelimit-remaining"]
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert 200 == cleo.status_code

    small_house.clock.move(seconds=1)
    assert 200 == ada_there.find().status_code


def test_each_public_access_token_has_a_limit_of_its_own(ada_there: Program, small_house: House) -> None:
    """A form that is sent again and again uses up its own knocks, not those of others."""
    mine, other = ada_there.make_token(), ada_there.make_token()

    statuses = [ben_with(small_house, mine).complete(mine, 1).status_code for _ in range(PUBLIC + 2)]

    assert [200] * PUBLIC + [429] * 2 == statuses
    assert 200 == ben_with(small_house, other).complete(other, 1).status_code
    small_house.clock.move(minutes=1)
    assert 200 == ben_with(small_house, mine).complete(mine, 1).status_code


def test_each_callback_url_has_a_limit_of_its_own(ada_there: Program, small_house: House) -> None:
    """Wrong guesses at its hash are limited, and do not keep the right one out."""
    token, other = ada_there.make_token(), ada_there.make_token()
    guess = f"{token.path}/callback/{'0' * 64}"

    guesses = [small_house.client.post(guess, content=b"1").status_code for _ in range(PUBLIC + 1)]

    assert [401] * PUBLIC + [429] == guesses
    right = [small_house.client.post(token.callback, content=b"1").status_code for _ in range(PUBLIC + 1)]
    assert [200] * PUBLIC + [429] == right
    assert 200 == small_house.client.post(other.callback, content=b"1").status_code


def test_nobody_gets_more_by_naming_another_address(ada_there: Program, small_house: House) -> None:
    """A header that anyone can write is not believed."""
    statuses = [
        small_house.client.get(
            TOKENS, headers={"x-forwarded-for": f"10.0.0.{number}", "forwarded": f"for=10.0.0.{number}"}
        ).status_code
        for number in range(LIMIT + 2)
    ]

    assert [401] * LIMIT + [429] * 2 == statuses
