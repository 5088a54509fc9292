"""Public access tokens: JWTs that let a browser complete or read one token (CONTRACT.md section 3).

Verified strictly (RFC 8725): one algorithm, a key by its `kid`, issuer, audience, expiry and the
longest lifetime. Whatever is wrong, the answer is the same 401.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

import jwt
import msgspec
from jwt.utils import base64url_decode, base64url_encode

from .. import ids
from ..clock import from_milliseconds, to_milliseconds
from ..environments.signing_keys import PUBLIC_ACCESS, SigningKey
from .principals import PublicAccess

ISSUER = "https://id.trigger.dev"
AUDIENCE = "https://api.trigger.dev"
ALGORITHM = "HS256"
LIFETIME = timedelta(hours=24)
LONGEST_LIFETIME = timedelta(days=30)
_LONGEST_TOKEN = 4096  # characters
_REQUIRED = ["exp", "iat", "sub", "iss", "aud"]


class BadToken(Exception):
    """The text is no public access token that is valid now. The message is "expired" or "not valid"."""


def write_scope(token_id: str) -> str:
    """The scope that completes one token and nothing else."""
    return f"write:waitpoints:{token_id}"


def mint(
    key: SigningKey, environment_id: str, scopes: Sequence[str], now: datetime, lifetime: timedelta = LIFETIME
) -> str:
    """A public access token of an environment, signed with its current key."""
    issued = to_milliseconds(now) // 1000
    claims = claims_of(environment_id) | {
        "scopes": list(scopes),
        "iss": ISSUER,
        "aud": AUDIENCE,
        "iat": issued,
        "exp": issued + int(lifetime.total_seconds()),
        "jti": ids.new_id("pat_", now),
    }
    return jwt.encode(claims, prepared(key.secret), algorithm=ALGORITHM, headers={"kid": key.id})


def claims_of(environment_id: str) -> dict[str, Any]:
    """What the official SDK puts beside its own scopes."""
    return {"sub": environment_id, "pub": True}


def key_id_of(token: str) -> str:
    """Which key a token says it was signed with; nothing is verified yet. Raises BadToken."""
    return key_id_in(token, "JWT")


def key_id_in(token: str, kind: str) -> str:
    """The same for a token that says it is of this kind. Raises BadToken."""
    if len(token) > _LONGEST_TOKEN:
        raise BadToken("not valid")
    try:
        # Read here and not by `jwt.get_unverified_header`, which decodes the whole token for it.
        header = msgspec.json.decode(base64url_decode(token.partition(".")[0]), type=_Header)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadToken("not valid") from error
    if not ids.is_key_id(header.kid) or header.typ != kind:
        raise BadToken("not valid")
    return header.kid


class _Header(msgspec.Struct):
    kid: str
    typ: str = "JWT"


def verify(token: str, key: SigningKey, now: datetime, late: timedelta = timedelta(0)) -> PublicAccess:
    """What a token allows. `now` is the server's instant; `late` is for how long after its end it is still read.

    Raises BadToken.
    """
    if key.purpose != PUBLIC_ACCESS:
        raise BadToken("not valid")
    try:
        claims = jwt.decode(
            token,
            prepared(key.secret),
            algorithms=[ALGORITHM],
            issuer=ISSUER,
            audience=AUDIENCE,
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
        raise BadToken("not valid") from error
    expires_at = _expiry(claims, now, late)
    if claims["sub"] != key.environment_id or claims.get("pub") is not True or claims["aud"] != AUDIENCE:
        raise BadToken("not valid")
    scopes = claims.get("scopes")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise BadToken("not valid")
    return PublicAccess(claims["sub"], tuple(scopes), str(claims.get("jti", "")), expires_at)


@lru_cache(maxsize=1024)
def prepared(secret: str) -> jwt.PyJWK:
    """The key as PyJWT wants it, made once: from a text it is made anew for every token."""
    encoded = base64url_encode(secret.encode()).decode()
    return jwt.PyJWK({"kty": "oct", "k": encoded, "alg": ALGORITHM})


def _expiry(claims: dict[str, Any], now: datetime, late: timedelta) -> datetime:
    """Judged with the server's own clock, like every deadline."""
    moments = [claims["iat"], claims["exp"], claims.get("nbf", claims["iat"])]
    if not all(isinstance(moment, int | float) and 0 <= moment < 253402300800 for moment in moments):
        raise BadToken("not valid")
    issued, expires, valid_from = (from_milliseconds(int(moment * 1000)) for moment in moments)
    if expires + late <= now:
        raise BadToken("expired")
    if expires - issued > LONGEST_LIFETIME or valid_from > now + timedelta(seconds=60):
        raise BadToken("not valid")
    return expires
