"""Which routes a form on any page may use from a browser (CORS), on errors too, and what every answer carries."""

from types import SimpleNamespace

import pytest

from tests.makers import TOKENS, UNKNOWN_ID, House, Program, ben_with

ORIGIN = "https://shop.example"
SHARED = ["", "/complete", "/form", "/wait"]


def asked(house: House, path: str, **headers: str) -> dict[str, str]:
    answer = house.client.options(
        path, headers={"origin": ORIGIN, **{n.replace("_", "-"): v for n, v in headers.items()}}
    )
    assert 200 == answer.status_code, answer.text
    return dict(answer.headers)


@pytest.mark.parametrize("tail", SHARED)
def test_a_browser_may_ask_beforehand(house: House, tail: str) -> None:
    """The preflight echoes the origin and the headers that were asked for, without credentials."""
    headers = asked(
        house,
        f"{TOKENS}/{UNKNOWN_ID}{tail}",
        access_control_request_method="POST",
        access_control_request_headers="authorization, content-type, x-trigger-request-idempotency-key",
    )

    assert ORIGIN == headers["access-control-allow-origin"]
    assert "GET,HEAD,PUT,PATCH,POST,DELETE" == headers["access-control-allow-methods"]
    assert "authorization, content-type, x-trigger-request-idempotency-key" == headers["access-control-allow-headers"]
    assert "300" == headers["access-control-max-age"]
    assert "Origin" in headers["vary"]
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("origin", [ORIGIN, "null", "http://localhost:3000", "chrome-extension://abc"])
def test_every_answer_to_a_form_may_be_read_by_its_page(house: House, ada: Program, origin: str) -> None:
    """Success, refusal, mistake: a page that cannot read the error cannot explain it."""
    token = ada.make_token()
    ben, elsewhere = ben_with(house, token), {"origin": origin}

    answers = {
        400: ben.post(f"{token.path}/complete", content=b"{", headers=elsewhere),
        401: house.client.post(f"{token.path}/complete", json={}, headers=elsewhere),
        403: ben.post(f"{TOKENS}/{UNKNOWN_ID}/complete", json={}, headers=elsewhere),
        404: ada.get(f"{TOKENS}/{UNKNOWN_ID}", headers=elsewhere),
        405: house.client.delete(f"{token.path}/complete", headers=elsewhere),
        413: ben.post(f"{token.path}/complete", content=b" " * 3_145_729, headers=elsewhere),
        422: ben.post(f"{token.path}/complete", json={"x": 1}, headers=elsewhere),
        200: ben.post(f"{token.path}/complete", json={"data": 1}, headers=elsewhere),
    }

    for status, answer in answers.items():
        assert status == answer.status_code
        assert origin == answer.headers["access-control-allow-origin"]
        assert "Origin" in answer.headers["vary"]
        assert "access-control-allow-credentials" not in answer.headers
        exposed = set(answer.headers["access-control-expose-headers"].split(","))
        assert {"x-trigger-jwt", "x-trigger-jwt-claims"} <= exposed


def test_other_routes_are_not_for_other_pages(house: House, ada: Program) -> None:
    """Create, list, cancel and callback are for servers; what an API key may do has no place in a page."""
    token = ada.make_token()
    elsewhere = {"origin": ORIGIN}

    answers = [
        ada.create(headers=elsewhere),
        ada.get(TOKENS, headers=elsewhere),
        ada.get(TOKENS + "/", headers=elsewhere),
        ada.cancel(token, headers=elsewhere),
        ada.post(token.callback, content=b"1", headers=elsewhere),
        ada.post("/api/v1/auth/jwt/claims", headers=elsewhere),
        ada.post("/api/v1/auth/public-tokens", json={"scopes": ["read:waitpoints"]}, headers=elsewhere),
        house.client.get("/tokens", headers=elsewhere),
        house.client.get("/healthz", headers=elsewhere),
        *(house.client.options(path, headers=elsewhere) for path in (TOKENS, f"{token.path}/cancel", token.callback)),
    ]

    assert [] == [answer.url for answer in answers if "access-control-allow-origin" in answer.headers]


def test_without_an_origin_there_is_nothing_to_share(ada: Program) -> None:
    """But a cache is told that the answer depends on it."""
    answer = ada.get(ada.make_token().path)

    assert "access-control-allow-origin" not in answer.headers
    assert "Origin" in answer.headers["vary"]


def test_answers_for_programs_are_neither_kept_nor_guessed_at(ada: Program) -> None:
    """No cache keeps a token, no browser takes JSON for a page."""
    token = ada.make_token()
    for answer in (ada.get(token.path), ada.get(TOKENS), ada.create(), ada.get(f"{TOKENS}/x"), ada.complete(token)):
        assert "no-store" == answer.headers["cache-control"]
        assert "nosniff" == answer.headers["x-content-type-options"]
        assert "server" not in answer.headers
        assert "set-cookie" not in answer.headers


PAGES = [
    "/sign-in",
    "/tokens",
    "/approve/{id}",
    "/nothing/here",
    "/sign-in/unknown",
    "/settings/environments",
    "/docs/api",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_is_framed_by_nobody_and_runs_only_our_scripts(house: House, ada: Program, path: str) -> None:
    """The policy that makes an injected script do nothing, on error pages too."""
    token: SimpleNamespace = ada.make_token()
    answer = house.client.get(path.format(id=token.id), headers={"cookie": f"waitpoint={house.sign_in()}"})

    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert "'none'" == policy["default-src"]
    assert "'self'" == policy["script-src"] == policy["style-src"]
    assert "'none'" == policy["frame-ancestors"] == policy["base-uri"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert "nosniff" == answer.headers["x-content-type-options"]
    assert "same-origin" == answer.headers["referrer-policy"]
