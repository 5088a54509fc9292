"""The hash in a callback URL: whoever knows it may answer that one token.

It is keyed with a secret of its own, so rotating an API key leaves the URLs alive that were handed out.
"""

import hashlib
import hmac


class CallbackHash:
    """Makes and checks the hashes of callback URLs."""

    def __init__(self, secret: str) -> None:
        self._keyed = hmac.new(secret.encode(), digestmod=hashlib.sha256)

    def of(self, token_id: str) -> str:
        """64 hexadecimal digits."""
        keyed = self._keyed.copy()
        keyed.update(token_id.encode())
        return keyed.hexdigest()

    def is_right(self, token_id: str, given: str) -> bool:
        """Compared in constant time."""
        return hmac.compare_digest(self.of(token_id).encode(), given.encode())


def callback_url(public_url: str, token_id: str, digest: str) -> str:
    """Where anyone can POST the answer of a token."""
    return f"{public_url}/api/v1/waitpoints/tokens/{token_id}/callback/{digest}"
