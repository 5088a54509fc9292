"""The secret of a link: a JWT of its own kind, that opens nothing but the door of one token or one journey.

It cannot be taken for a public access token: it is signed with keys of another purpose, and says so in its header.
That it is signed only means that we made it. What it is good for says its row, by its `jti`.
"""

from typing import Any

import jwt

from ..environments.signing_keys import LINK, SigningKey
from .public_access import ALGORITHM, BadToken, key_id_in, prepared

TYPE = "link+jwt"
_AUDIENCE = "waitpoint:link"
_REQUIRED = ["jti", "sub", "aud", "kind"]


def mint_link(key: SigningKey, link_id: str, environment_id: str) -> str:
    """The secret of a link. The same link has the same secret, as long as its key signs."""
    claims = {"kind": "link", "jti": link_id, "sub": environment_id, "aud": _AUDIENCE}
    return jwt.encode(claims, prepared(key.secret), algorithm=ALGORITHM, headers={"kid": key.id, "typ": TYPE})


def is_link(secret: str) -> bool:
    """Whether a text says that it is the secret of a link; nothing is verified yet."""
    try:
        key_id_in(secret, TYPE)
    except BadToken:
        return False
    return True


def link_id_in(secret: str, key: SigningKey) -> str:
    """Which link a secret is of. Raises BadToken."""
    if key.purpose != LINK:
        raise BadToken("not valid")
    try:
        claims: dict[str, Any] = jwt.decode(
            secret, prepared(key.secret), algorithms=[ALGORITHM], audience=_AUDIENCE, options={"require": _REQUIRED}
        )
    except (jwt.PyJWTError, ValueError, OverflowError, RecursionError) as error:
        raise BadToken("not valid") from error
    if claims["kind"] != "link" or claims["sub"] != key.environment_id or not isinstance(claims["jti"], str):
        raise BadToken("not valid")
    return claims["jti"]
