"""Ids and secrets: all randomness of the server comes from here.

An id sorts by the time it was made, so that the newest rows of a list are one
contiguous range of the primary key, and cannot be guessed.
"""

import re
import secrets
from datetime import datetime

from .clock import to_milliseconds

_TIME_BYTES = 6  # of milliseconds: enough until the year 10,889
_RANDOM_BYTES = 12
_KEY_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY_LENGTH = 24  # characters behind `tr_dev_sk_`: 142 random bits

TOKEN_PREFIX = "waitpoint_"
RUN_PREFIX = "run_"
FILE_PREFIX = "file_"
SIGNING_KEY_PREFIX = "sk_"
TOKEN_ID_PATTERN = rf"{TOKEN_PREFIX}[0-9a-f]{{36}}"
_TOKEN_ID = re.compile(TOKEN_ID_PATTERN)
_RUN_ID = re.compile(rf"{RUN_PREFIX}[0-9a-f]{{36}}")
_KEY_ID = re.compile(rf"{SIGNING_KEY_PREFIX}[0-9a-f]{{36}}")


def new_id(prefix: str, now: datetime) -> str:
    """A time-ordered, unguessable id such as `waitpoint_01a2…`."""
    return prefix + _text(now, secrets.token_bytes(_RANDOM_BYTES))


def first_id_at(prefix: str, moment: datetime) -> str:
    """The smallest id that can be made at `moment`: the border for a search by time."""
    return prefix + _text(moment, bytes(_RANDOM_BYTES))


def is_token_id(text: str) -> bool:
    """Whether the text has the shape of a token's id."""
    return _TOKEN_ID.fullmatch(text) is not None


def is_run_id(text: str) -> bool:
    """Whether the text has the shape of a run's id."""
    return _RUN_ID.fullmatch(text) is not None


def is_key_id(text: str) -> bool:
    """Whether the text has the shape of a signing key's id."""
    return _KEY_ID.fullmatch(text) is not None


def new_api_key(environment_slug: str) -> str:
    """An API key of the form that the official SDK recognises as a server's: `tr_dev_sk_…`."""
    return f"tr_{environment_slug}_sk_" + "".join(secrets.choice(_KEY_ALPHABET) for _ in range(_KEY_LENGTH))


def new_secret() -> str:
    """A secret of 256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def _text(moment: datetime, body: bytes) -> str:
    # Hexadecimal digits sort as the bytes do, under every collation.
    return (to_milliseconds(moment).to_bytes(_TIME_BYTES) + body).hex()
