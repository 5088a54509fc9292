"""From an Authorization header, or a cookie, to a principal.

Keys are looked up by their hash and remembered for a second, so a key that was revoked in another
process is refused at most a second later; in this process at once.
"""

import time
from collections import OrderedDict
from datetime import timedelta
from typing import Final, Generic, TypeVar

from ..clock import Clock
from ..database import Database
from ..environments import api_keys, signing_keys
from ..environments.signing_keys import LINK, PUBLIC_ACCESS, SigningKey
from ..links import links
from ..links.models import Link
from ..people.sign_in import person_of, session_in
from ..web.problems import Problem
from .links import TYPE as LINK_TYPE
from .links import link_id_in, mint_link
from .principals import ApiKey, Person, PublicAccess
from .public_access import LIFETIME, BadToken, key_id_in, key_id_of, verify
from .public_access import mint as mint_token

T = TypeVar("T")

_REMEMBERED: Final = 1.0  # seconds
_MOST_REMEMBERED: Final = 10_000
_LONGEST_HEADER: Final = 8192  # characters
_CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class Authentication:
    """Recognises API keys and public access tokens."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._api_keys = _Memory[ApiKey]()
        self._signing_keys = _Memory[SigningKey]()
        self._current = _Memory[SigningKey]()

    async def recognise(self, headers: list[str]) -> ApiKey | PublicAccess:
        """Who sent these `Authorization` headers. Raises a 401 Problem; two headers are a 400."""
        if len(headers) > 1:
            raise Problem(400, "duplicate-header", "There are two Authorization headers; send one.")
        kind, _, credential = (headers[0] if headers else "").partition(" ")
        credential = credential.strip()
        if kind.lower() != "bearer" or not credential or len(credential) > _LONGEST_HEADER:
            raise _unauthorized("Invalid or Missing API key", "Send the header Authorization: Bearer <API key>.")
        if credential.startswith("tr_"):
            return await self._api_key(credential)
        if credential.count(".") == 2:
            return await self.public_access(credential)
        raise _unauthorized("Invalid API key", "This is neither an API key nor a public access token of this server.")

    async def public_access(self, token: str, late: timedelta = timedelta(0)) -> PublicAccess:
        """What a public access token allows; also one that has ended, for as long as `late`. Raises a 401 Problem."""
        try:
            key = await self._verifying_key(key_id_of(token))
            return verify(token, key, self._clock.now(), late)
        except BadToken as error:
            raise _unauthorized(
                "Public Access Token is invalid", f"The public access token is {error}.", code="invalid_token"
            ) from error

    async def link(self, secret: str) -> Link:
        """The link that a secret is of, whatever became of it. Raises BadToken."""
        key = await self._verifying_key(key_id_in(secret, LINK_TYPE))
        found = await self._database.read(links.find, link_id_in(secret, key))
        if found is None:
            raise BadToken("not valid")
        return found

    async def mint_link(self, link: Link) -> str:
        """The secret of a link, to be handed to its recipient."""
        key = await self._current_key(LINK, link.environment_id)
        return mint_link(key, link.id, link.environment_id)

    async def person(self, cookie: str) -> Person | None:
        """Who is signed in with this cookie; None when nobody is, or no longer."""
        try:
            key = await self._verifying_key(key_id_of(cookie))
        except BadToken:
            return None
        session_id = session_in(cookie, key)
        return None if session_id is None else await self._database.read(person_of, session_id)

    async def mint(self, environment_id: str, scopes: list[str], lifetime: timedelta = LIFETIME) -> str:
        """A public access token of an environment."""
        key = await self.signing_key(environment_id)
        return mint_token(key, environment_id, scopes, self._clock.now(), lifetime)

    async def signing_key(self, environment_id: str) -> SigningKey:
        """The key with which an environment signs public access tokens now."""
        return await self._current_key(PUBLIC_ACCESS, environment_id)

    def forget(self) -> None:
        """Look everything up again: a key was made, revoked or rotated."""
        for memory in (self._api_keys, self._signing_keys, self._current):
            memory.clear()

    async def _api_key(self, secret: str) -> ApiKey:
        digest = api_keys.hash_of(secret)
        known = self._api_keys.get(digest)
        if known is None:
            known = await self._database.read(api_keys.recognise, digest)
            if known is None:
                raise _unauthorized("Invalid API key", "This API key is unknown or was revoked.")
            self._api_keys.put(digest, known)
        return known

    async def _current_key(self, purpose: str, environment_id: str) -> SigningKey:
        name = f"{purpose}:{environment_id}"
        remembered = self._current.get(name)
        if remembered is not None:
            return remembered
        key: SigningKey = await self._database.write(signing_keys.ensure, purpose, environment_id)
        return self._current.put(name, key)

    async def _verifying_key(self, key_id: str) -> SigningKey:
        known = self._signing_keys.get(key_id)
        if known is None:
            known = await self._database.read(signing_keys.verifying, key_id)
            if known is None:
                raise BadToken("not valid")
            self._signing_keys.put(key_id, known)
        return known


class _Memory(Generic[T]):
    """Values by name, for a second."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, tuple[float, T]] = OrderedDict()

    def get(self, name: str) -> T | None:
        since, value = self._values.get(name, (0.0, None))
        return value if time.monotonic() - since < _REMEMBERED else None

    def put(self, name: str, value: T) -> T:
        self._values[name] = (time.monotonic(), value)
        self._values.move_to_end(name)
        if len(self._values) > _MOST_REMEMBERED:
            self._values.popitem(last=False)
        return value

    def clear(self) -> None:
        self._values.clear()


def _unauthorized(error: str, detail: str, *, code: str = "unauthorized") -> Problem:
    return Problem(401, code, detail, error=error, headers=_CHALLENGE)
