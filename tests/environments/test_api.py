"""What a program asks about its own environment: claims, and public access tokens of its own making."""

from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from app.access.public_access import AUDIENCE
from tests.makers import House, Program

CLAIMS = "/api/v1/auth/jwt/claims"
PUBLIC_TOKENS = "/api/v1/auth/public-tokens"


def test_the_claims_are_those_of_the_environment(house: House, ada: Program, cleo: Program) -> None:
    """What the official SDK puts beside its own scopes."""
    for program, environment in ((ada, house.dev), (cleo, house.prod)):
        bodies: list[dict[str, Any]] = [{}, {"json": {}}, {"content": b""}]
        for body in bodies:
            answer = program.post(CLAIMS, **body)

            assert (200, {"sub": environment.id, "pub": True}) == (answer.status_code, answer.json())


def test_a_program_makes_a_public_access_token(house: House, ada: Program) -> None:
    """With the scopes it names, for the time it names."""
    token = ada.make_token()
    scopes = [f"read:waitpoints:{token.id}", f"write:waitpoints:{token.id}"]

    answer = ada.post(PUBLIC_TOKENS, json={"scopes": scopes, "expirationTime": "2h"})

    assert (200, ["token"]) == (answer.status_code, list(answer.json()))
    claims = _claims(house, answer.json()["token"])
    assert (scopes, 7200, house.dev.id) == (claims["scopes"], claims["exp"] - claims["iat"], claims["sub"])
    program = house.program(answer.json()["token"])
    assert [200, 200] == [program.get(token.path).status_code, program.complete(token, 1).status_code]


def test_a_life_is_a_duration_an_instant_or_seconds(house: House, ada: Program) -> None:
    """As the official SDK sends them; a quarter of an hour when nothing is said; thirty days at most."""
    now = house.clock.now()
    ends: list[tuple[Any, timedelta]] = [
        (None, timedelta(minutes=15)),
        ("30s", timedelta(seconds=30)),
        ("1w", timedelta(weeks=1)),
        ("30d", timedelta(days=30)),
        ((now + timedelta(hours=3)).isoformat(), timedelta(hours=3)),
        (int((now + timedelta(hours=4)).timestamp()), timedelta(hours=4)),
    ]
    for given, meant in ends:
        body = {"scopes": ["read:waitpoints"], "expirationTime": given}
        claims = _claims(house, ada.post(PUBLIC_TOKENS, json=body).json()["token"])

        assert abs(datetime.fromtimestamp(claims["exp"], UTC) - now - meant) < timedelta(seconds=30)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/scopes"),
        ({"scopes": []}, "/scopes"),
        ({"scopes": "admin"}, "/scopes"),
        ({"scopes": None}, "/scopes"),
        ({"scopes": ["read:waitpoints"] * 101}, "/scopes"),
        ({"scopes": ["read:waitpoints", 5]}, "/scopes/1"),
        ({"scopes": [""]}, "/scopes/0"),
        ({"scopes": ["x" * 257]}, "/scopes/0"),
        ({"scopes": ["a"], "expirationTime": "31d"}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": "0s"}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": "soon"}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": 1}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": -1}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": 10**200}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": 1.5}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": True}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": "2020-01-01T00:00:00Z"}, "/expirationTime"),
        ({"scopes": ["a"], "expirationTime": "9999-12-31T00:00:00Z"}, "/expirationTime"),
    ],
)
def test_what_cannot_be_made_is_named(ada: Program, body: dict[str, Any], pointer: str) -> None:
    """400 with a pointer to the field."""
    answer = ada.post(PUBLIC_TOKENS, json=body)

    assert (400, pointer) == (answer.status_code, answer.json()["errors"][0]["pointer"]), answer.text


@pytest.mark.parametrize(
    ("scope", "may", "may_not"),
    [
        ("full", ["admin", "*:waitpoints", "write:all", "read:all", "write:waitpoints:x"], []),
        (
            "read",
            ["read:waitpoints", "read:waitpoints:x", "read:all"],
            ["write:waitpoints:x", "admin", "*:waitpoints", "readx", "write"],
        ),
        ("complete", ["write:waitpoints:x", "write:waitpoints"], ["read:waitpoints", "admin", "*:all"]),
        ("create", [], ["write:waitpoints:x", "read:waitpoints:x", "admin", "*"]),
    ],
)
def test_nobody_hands_out_more_than_they_have(house: House, scope: str, may: list[str], may_not: list[str]) -> None:
    """403 beyond the key's own rights; one scope too many spoils the whole request."""
    program = house.program(house.make_key(scope).secret)

    assert {200} >= {program.post(PUBLIC_TOKENS, json={"scopes": [wanted]}).status_code for wanted in may}
    for wanted in may_not:
        answer = program.post(PUBLIC_TOKENS, json={"scopes": [*may, wanted]})

        assert (403, "insufficient_scope") == (answer.status_code, answer.json()["code"])


def test_a_public_access_token_makes_no_other(house: House) -> None:
    """Not even one with every scope: 401, as on create and list."""
    admin = house.program(house.mint("admin"))

    assert [401, 401] == [
        admin.post(PUBLIC_TOKENS, json={"scopes": ["admin"]}).status_code,
        admin.post(CLAIMS).status_code,
    ]


def _claims(house: House, token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(
        token, house.signing_key().secret, algorithms=["HS256"], audience=AUDIENCE, options={"verify_iat": False}
    )
    return claims
