"""Waitpoint: a program asks, somebody answers, the program goes on.

::

    from waitpoint import wait

    token = await wait.create_token(timeout="24h")
    approval = await wait.for_token(token, Approval).unwrap()

`wait` is for asyncio and finds the server in `WAITPOINT_URL` and `WAITPOINT_SECRET_KEY`. `Waitpoint` and
`AsyncWaitpoint` are clients with settings of their own. All exceptions are `WaitpointError`s.
"""

from waitpoint import wait
from waitpoint._calls import CreateOptions, ListFilters
from waitpoint._clients import AsyncTokenList, AsyncWaitpoint, TokenList, TokenWait, Waitpoint
from waitpoint._errors import (
    AlreadySettled,
    Forbidden,
    InvalidInput,
    InvalidKey,
    RateLimited,
    ServerUnavailable,
    StillWaiting,
    TokenNotFound,
    TryAgainLater,
    UnexpectedOutput,
    WaitpointCancelledError,
    WaitpointError,
    WaitpointTimeoutError,
)
from waitpoint._values import Answered, CreatedToken, Settlement, Token, TokenPage, Unanswered, WaitResult

__all__ = [
    "AlreadySettled",
    "Answered",
    "AsyncTokenList",
    "AsyncWaitpoint",
    "CreateOptions",
    "CreatedToken",
    "Forbidden",
    "InvalidInput",
    "InvalidKey",
    "ListFilters",
    "RateLimited",
    "ServerUnavailable",
    "Settlement",
    "StillWaiting",
    "Token",
    "TokenList",
    "TokenNotFound",
    "TokenPage",
    "TokenWait",
    "TryAgainLater",
    "Unanswered",
    "UnexpectedOutput",
    "WaitResult",
    "Waitpoint",
    "WaitpointCancelledError",
    "WaitpointError",
    "WaitpointTimeoutError",
    "wait",
]
