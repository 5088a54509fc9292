"""Public access tokens: minted for one thing, forged in every way, never good for more."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import jwt
import pytest

from app.access.public_access import AUDIENCE, ISSUER, LIFETIME
from app.clock import to_milliseconds
from app.environments.signing_keys import CALLBACK, SESSION, ensure
from tests.makers import TOKENS, UNKNOWN_ID, House, Program, ben_with

UNAUTHORIZED = {"error": "Unauthorized", "code": "unauthorized", "param": "access_token", "type": "authorization"}


def test_a_new_token_comes_with_access_to_exactly_itself(house: House, ada: Program) -> None:
    """The claims are the contract's, signed with the environment's key, good for a day; body and header agree."""
    answer = ada.create()
    token_id, access = answer.json()["id"], answer.json()["publicAccessToken"]

    key = house.signing_key()
    header = jwt.get_unverified_header(access)
    claims = jwt.decode(access, key.secret, algorithms=["HS256"], audience=AUDIENCE, options={"verify_iat": False})

    assert {"alg": "HS256", "typ": "JWT", "kid": key.id} == header
    assert {
        "sub": house.dev.id,
        "pub": True,
        "scopes": [f"write:waitpoints:{token_id}"],
        "iss": "https://id.trigger.dev",
        "aud": "https://api.trigger.dev",
    } == {name: value for name, value in claims.items() if name not in {"iat", "exp", "jti"}}
    assert 86_400 == claims["exp"] - claims["iat"]
    assert abs(claims["iat"] - house.clock.now().timestamp()) < 30
    assert claims["jti"]
    assert access == answer.headers["x-trigger-jwt"]
    assert {"sub": house.dev.id, "pub": True} == json.loads(answer.headers["x-trigger-jwt-claims"])


def test_ben_completes_his_token_and_does_nothing_else(house: House, ada: Program) -> None:
    """The token of a form completes; create, list, cancel, retrieve and the rest are closed to it."""
    token = ada.make_token()
    ben = ben_with(house, token)

    refused = {
        "create": ben.create(),
        "list": ben.find(),
        "cancel": ben.cancel(token),
        "claims": ben.post("/api/v1/auth/jwt/claims"),
        "public tokens": ben.post("/api/v1/auth/public-tokens", json={"scopes": ["admin"]}),
        "engine": ben.post(f"/engine/v1/runs/run_1/waitpoints/tokens/{token.id}/wait"),
        "retrieve": ben.get(token.path),
        "wait": ben.get(f"{token.path}/wait?timeout=1s"),
    }

    assert {**dict.fromkeys(refused, 401), "retrieve": 403, "wait": 403} == {
        name: answer.status_code for name, answer in refused.items()
    }
    assert "Invalid API key" == refused["create"].json()["error"]
    assert "WAITING" == ada.show(token)["status"]
    assert {"success": True} == ben.complete(token, {"approved": True}).json()


def test_another_token_is_refused_before_anyone_learns_whether_it_exists(house: House, ada: Program) -> None:
    """403 in the contract's words: after the body is read, before the token is looked up."""
    mine, other = ada.make_token(), ada.make_token()
    ben = ben_with(house, mine)

    existing, unknown = ben.complete(other, 1), ben.complete(UNKNOWN_ID, 1)
    unreadable = ben.post(f"{other.path}/complete", content=b"{")

    assert (403, existing.content) == (unknown.status_code, unknown.content)
    assert UNAUTHORIZED == {name: existing.json()[name] for name in UNAUTHORIZED}
    assert 400 == unreadable.status_code
    assert "WAITING" == ada.show(other)["status"]


@pytest.mark.parametrize(
    "change",
    [str.upper, lambda given: given + ".", lambda given: given + "%00", lambda given: given + "%20", lambda given: "%77" + given[1:],
     lambda given: given[:-1], lambda given: given.replace("waitpoint_", "waitpoint%5f"), lambda given: "./" + given, lambda given: given + "/"],
)  # fmt: skip
def test_another_way_to_write_an_id_opens_nothing_more(house: House, ada: Program, change: Any) -> None:
    """Ids are decoded once and then compared; whatever still names Ben's own token is his, the rest is not."""
    mine, other = ada.make_token(), ada.make_token()
    ben = ben_with(house, mine)

    ben.post(f"{TOKENS}/{change(other.id)}/complete", json={"data": 1})

    assert "WAITING" == ada.show(other)["status"]


@pytest.mark.parametrize(
    ("scope", "completes", "reads"),
    [
        ("write:waitpoints:{id}", True, False),
        ("write:waitpoints", True, False),
        ("write:all", True, False),
        ("write:all:{id}", True, False),
        ("*:waitpoints", True, True),
        ("*:waitpoints:{id}", True, True),
        ("*:all", True, True),
        ("admin", True, True),
        ("read:waitpoints:{id}", False, True),
        ("read:waitpoints", False, True),
        ("read:all", False, True),
        ("write:waitpoints:{other}", False, False),
        ("read:waitpoints:{other}", False, False),
        ("write:waitpoints:{id}:more", False, False),
        ("write:runs:{id}", False, False),
        ("write:tags:{id}", False, False),
        ("trigger:waitpoints:{id}", False, False),
        ("write", False, False),
        ("*", False, False),
        ("WRITE:waitpoints", False, False),
        ("write:waitpoints:", False, False),
        ("waitpoints:write", False, False),
        ("", False, False),
    ],
)
def test_a_scope_opens_what_it_says(house: House, ada: Program, scope: str, completes: bool, reads: bool) -> None:
    """`action:type[:id]`; only the first two colons separate, and reading is not completing."""
    token, other = ada.make_token(), ada.make_token()
    program = house.program(house.mint(scope.format(id=token.id, other=other.id)))

    assert (200 if reads else 403) == program.get(token.path).status_code
    assert (200 if completes else 403) == program.complete(token, 1).status_code
    assert ("COMPLETED" if completes else "WAITING") == ada.show(token)["status"]


def test_the_token_of_another_environment_finds_nothing(house: House, ada: Program) -> None:
    """The right scope, signed by Cleo's environment, is about a token that is not there."""
    token = ada.make_token()
    program = house.program(house.mint(f"write:waitpoints:{token.id}", "read:waitpoints", environment=house.prod))

    assert [404, 404] == [program.complete(token, 1).status_code, program.get(token.path).status_code]
    assert "WAITING" == ada.show(token)["status"]


def test_a_public_access_token_ends(house: House, ada: Program) -> None:
    """To the second, by the server's clock; the answer says that it has expired and what time it is (B-60)."""
    token = ada.make_token(timeout="30d")
    program = ben_with(house, token)
    assert 403 == program.get(token.path).status_code

    house.clock.move(seconds=LIFETIME.total_seconds() + 1)
    answer = program.complete(token, 1)

    assert (401, "Public Access Token is invalid") == (answer.status_code, answer.json()["error"])
    assert "expired" in answer.json()["detail"]
    assert "date" in answer.headers
    assert "WAITING" == ada.show(token)["status"]


def forgeries(house: House, token: SimpleNamespace) -> dict[str, str]:
    """Everything that looks like a public access token of this token and is none."""
    key, foreign = house.signing_key(), house.signing_key(house.prod)
    session, callback = house.write(ensure, SESSION), house.write(ensure, CALLBACK)
    now = to_milliseconds(house.clock.now()) // 1000
    good = {
        "sub": house.dev.id,
        "pub": True,
        "scopes": [f"write:waitpoints:{token.id}", "read:waitpoints"],
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": now,
        "exp": now + 3600,
        "jti": "pat_1",
    }

    def signed(
        claims: dict[str, Any] | None = None,
        header: dict[str, Any] | None = None,
        *,
        secret: str = key.secret,
        **changed: Any,
    ) -> str:
        return jws({"alg": "HS256", "typ": "JWT", "kid": key.id} | (header or {}), (claims or good) | changed, secret)

    def without(name: str) -> str:
        return signed({claim: value for claim, value in good.items() if claim != name})

    head, body, signature = signed().split(".")
    nested = b'{"a":'
    return {
        "none": jws({"alg": "none", "typ": "JWT", "kid": key.id}, good, None),
        "None": jws({"alg": "None", "typ": "JWT", "kid": key.id}, good, None),
        "nOnE signed": signed(header={"alg": "nOnE"}),
        "no algorithm": jws({"typ": "JWT", "kid": key.id}, good, key.secret),
        "HS384": jws({"alg": "HS384", "typ": "JWT", "kid": key.id}, good, key.secret, hashlib.sha384),
        "HS512": jws({"alg": "HS512", "typ": "JWT", "kid": key.id}, good, key.secret, hashlib.sha512),
        "RS256": signed(header={"alg": "RS256"}),
        "ES256": signed(header={"alg": "ES256"}),
        "PS256": signed(header={"alg": "PS256"}),
        "EdDSA": signed(header={"alg": "EdDSA"}),
        "wrong secret": signed(secret="x" * 43),
        "empty secret": signed(secret=""),
        "the key's name as secret": signed(secret=key.id),
        "the secret in other letters": signed(secret=key.secret.swapcase()),
        "an API key as secret": signed(secret="tr_dev_sk_AdaAdaAdaAdaAdaAdaAda123"),
        "another environment's key": signed(header={"kid": foreign.id}, secret=foreign.secret),
        "another environment's secret": signed(secret=foreign.secret),
        "another environment's name": signed(header={"kid": foreign.id}),
        "another environment's claims": signed(sub=house.prod.id),
        "the session's key": signed(header={"kid": session.id}, secret=session.secret),
        "the callbacks' key": signed(header={"kid": callback.id}, secret=callback.secret),
        "no key named": jws({"alg": "HS256", "typ": "JWT"}, good, key.secret),
        "unknown key": signed(header={"kid": "sk_" + "0" * 32}),
        "key as a path": signed(header={"kid": "../../../../dev/null"}, secret=""),
        "key as SQL": signed(header={"kid": "' OR 1=1 --"}, secret=""),
        "key with NUL": signed(header={"kid": key.id + "\x00"}),
        "key with half a letter": signed(header={"kid": "\ud800"}),
        "key as a number": signed(header={"kid": 1}),
        "key as a list": signed(header={"kid": [key.id]}),
        "key as null": signed(header={"kid": None}),
        "key of 3,000 letters": signed(header={"kid": "k" * 3000}),
        "own key inside": signed(header={"jwk": {"kty": "oct", "k": "eHh4"}}, secret="xxx"),
        "own key elsewhere": signed(header={"jku": "http://127.0.0.1:1/jwks"}, secret="xxx"),
        "own certificate": signed(header={"x5u": "http://127.0.0.1:1/", "x5c": ["MIIB"]}, secret="xxx"),
        "critical": signed(header={"crit": ["exp"], "exp": 1}),
        "critical unknown": signed(header={"crit": ["waitpoint"], "waitpoint": 1}),
        "payload not encoded": signed(header={"b64": False, "crit": ["b64"]}),
        "another type": signed(header={"typ": "at+jwt"}),
        "type as a number": signed(header={"typ": 1}),
        "encrypted type": signed(header={"typ": "JWE", "enc": "A256GCM"}),
        "expired a second ago": signed(iat=now - 3600, exp=now - 1),
        "expires now": signed(iat=now - 3600, exp=now),
        "expires before it begins": signed(iat=now + 100, exp=now - 100),
        "no expiry": without("exp"),
        "expiry null": signed(exp=None),
        "expiry as text": signed(exp=str(now + 3600)),
        "expiry a list": signed(exp=[now + 3600]),
        "expiry true": signed(exp=True),
        "expiry 10^400": jws_raw(
            {"alg": "HS256", "typ": "JWT", "kid": key.id}, good, "exp", "1" + "0" * 400, key.secret
        ),
        "expiry 1e400": jws_raw({"alg": "HS256", "typ": "JWT", "kid": key.id}, good, "exp", "1e400", key.secret),
        "expiry NaN": jws_raw({"alg": "HS256", "typ": "JWT", "kid": key.id}, good, "exp", "NaN", key.secret),
        "expiry negative": signed(exp=-1),
        "lives 31 days": signed(exp=now + 31 * 86_400),
        "lives 100 years": signed(exp=now + 100 * 366 * 86_400),
        "not yet valid": signed(nbf=now + 3600),
        "not-before as text": signed(nbf="now"),
        "issued as text": signed(iat="now"),
        "no issue instant": without("iat"),
        "no audience": without("aud"),
        "another audience": signed(aud="https://api.example.com"),
        "a list of audiences": signed(aud=[AUDIENCE]),
        "audience with a slash": signed(aud=AUDIENCE + "/"),
        "no issuer": without("iss"),
        "another issuer": signed(iss="https://id.example.com"),
        "part of the issuer": signed(iss="https://id.trigger"),
        "issuer as a list": signed(iss=[ISSUER]),
        "no subject": without("sub"),
        "subject as a number": signed(sub=1),
        "subject empty": signed(sub=""),
        "not public": signed(pub=False),
        "public as a text": signed(pub="true"),
        "public left out": without("pub"),
        "no scopes": without("scopes"),
        "scopes as a text": signed(scopes=f"write:waitpoints:{token.id}"),
        "scopes of numbers": signed(scopes=[1]),
        "scopes null": signed(scopes=None),
        "claims changed": f"{head}.{b64(json.dumps(good | {'exp': now + 7200}).encode())}.{signature}",
        "signature cut": f"{head}.{body}.{signature[:-2]}",
        "signature empty": f"{head}.{body}.",
        "signature of something else": f"{head}.{body}.{b64(b'x' * 32)}",
        "no claims": f"{head}..{signature}",
        "no header": f".{body}.{signature}",
        "dots": "..",
        "no JSON": f"{b64(b'x')}.{body}.{signature}",
        "header a list": f"{b64(b'[]')}.{body}.{signature}",
        "claims a list": sign(f"{head}.{b64(b'[]')}", key.secret),
        "claims no JSON": sign(f"{head}.{b64(b'x')}", key.secret),
        "header nested 2,000 deep": f"{b64(b'[' * 2000)}.{body}.{signature}",
        "header of an object nested 400 deep": f"{b64(nested * 400)}.{body}.{signature}",
        "claims nested 1,200 deep": sign(f"{head}.{b64(b'[' * 1200)}", key.secret),
        "no base64": f"{head}.%%%.{signature}",
        "64 kB": signed(padding="x" * 65_536),
        "5 kB": signed(padding="x" * 5_000),
    }


FORGERIES = 84  # a smaller corpus would prove less


def test_b40_no_forgery_opens_anything(house: House, ada: Program) -> None:
    """Every one is 401 with the same short words; the one that is not forged shows that the rest was tried rightly."""
    token = ada.make_token()
    corpus = forgeries(house, token)
    assert len(corpus) >= FORGERIES

    wrong = {}
    for name, forged in corpus.items():
        for answer in (
            house.program(forged).complete(token, 1),
            house.program(forged).get(token.path),
        ):
            body = answer.json()
            if answer.status_code != 401 or body["error"] not in {
                "Public Access Token is invalid",
                "Invalid or Missing API key",  # too long to be looked at
                "Invalid API key",  # not of the shape
            }:
                wrong[name] = answer.text
            elif body["error"] == "Public Access Token is invalid":
                assert "invalid_token" == body["code"]
                assert body["detail"].split(" is ")[-1] in {"expired.", "not valid."}

    assert {} == wrong
    assert "WAITING" == ada.show(token)["status"]


def test_b40_no_forgery_opens_the_approval_page(house: House, ada: Program) -> None:
    """The page for people verifies by the same rules, in the link and in the cookie."""
    token = ada.make_token()

    wrong = {}
    for name, forged in forgeries(house, token).items():
        if len(forged) > 6_000 or name == "dots":
            continue
        link = house.client.get(f"/approve/{token.id}", params={"token": forged})
        posted = house.client.post(
            f"/approve/{token.id}",
            data={"decision": "approve"},
            headers={"cookie": f"approval={forged}", "origin": house.url},
        )
        if not {link.status_code, posted.status_code} <= {400, 401, 403, 410}:
            wrong[name] = (link.status_code, posted.status_code)

    assert {} == wrong
    assert "WAITING" == ada.show(token)["status"]


def test_the_forger_can_also_sign_rightly(house: House, ada: Program) -> None:
    """The control: the same signing, with nothing changed, is let in."""
    token, key, now = ada.make_token(), house.signing_key(), to_milliseconds(house.clock.now()) // 1000
    claims = {
        "sub": house.dev.id, "pub": True, "scopes": [f"write:waitpoints:{token.id}"], "iss": ISSUER, "aud": AUDIENCE,
        "iat": now, "exp": now + 30 * 86_400,
    }  # fmt: skip

    answer = house.program(jws({"alg": "HS256", "typ": "JWT", "kid": key.id}, claims, key.secret)).complete(token, 1)

    assert 200 == answer.status_code, answer.text


def test_a_rotated_key_verifies_for_its_grace_and_not_longer(house: House) -> None:
    """What was handed out before stays good for a while; new tokens are signed with the new key."""
    from app.environments.signing_keys import PUBLIC_ACCESS, rotate  # noqa: PLC0415

    program = house.newcomer()
    before = program.make_token(timeout="30d")
    old = house.program(before.public_access_token)

    house.write(rotate, PUBLIC_ACCESS, program.environment_id, timedelta(hours=2))
    house.forget()
    after = program.make_token(timeout="30d")

    assert key_of(before) != key_of(after)
    assert 403 == old.get(before.path).status_code  # recognised: it may only write
    assert 200 == house.program(after.public_access_token).complete(after, 1).status_code

    house.clock.move(hours=2, seconds=1)
    house.forget()
    assert 401 == old.complete(before, 1).status_code
    assert "WAITING" == program.show(before)["status"]


def test_rotating_nothing_else_ends_callback_urls_or_links(house: House) -> None:
    """A callback URL outlives every key of its environment."""
    from app.environments import api_keys  # noqa: PLC0415
    from app.environments.signing_keys import PUBLIC_ACCESS, rotate  # noqa: PLC0415

    environment = house.make_environment()
    key = house.make_key("full", environment)
    token = house.program(key.secret).make_token()

    house.write(api_keys.revoke, key.id)
    house.write(rotate, PUBLIC_ACCESS, environment.id, timedelta(0))
    house.forget()

    assert {"success": True} == house.client.post(token.callback, json={"done": True}).json()


def key_of(token: SimpleNamespace) -> str:
    return str(jwt.get_unverified_header(token.public_access_token)["kid"])


def jws(header: dict[str, Any], claims: dict[str, Any], secret: str | None, digest: Any = hashlib.sha256) -> str:
    """A JWS by hand: PyJWT would refuse to make most of these."""
    return sign(f"{b64(json.dumps(header).encode())}.{b64(json.dumps(claims).encode())}", secret, digest)


def jws_raw(header: dict[str, Any], claims: dict[str, Any], name: str, raw: str, secret: str) -> str:
    """With one claim written as it stands."""
    text = json.dumps({claim: value for claim, value in claims.items() if claim != name})[:-1] + f', "{name}": {raw}}}'
    return sign(f"{b64(json.dumps(header).encode())}.{b64(text.encode())}", secret)


def sign(signed: str, secret: str | None, digest: Any = hashlib.sha256) -> str:
    signature = b"" if secret is None else hmac.new(secret.encode(), signed.encode(), digest).digest()
    return f"{signed}.{b64(signature)}"


def b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
