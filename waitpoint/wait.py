"""Create, complete and wait for tokens from anywhere: scripts, web handlers, jobs, durable tasks.

::

    from waitpoint import wait

    token = await wait.create_token(timeout="24h", tags=["moderation"])
    approval = await wait.for_token(token, Approval).unwrap()

Inside a task everything here is recorded, so that a replay gets what came the first time, and waiting holds nothing.

The server and the key come from `WAITPOINT_URL` and `WAITPOINT_SECRET_KEY`. For another server, for a public
access token, and for code without asyncio there are `AsyncWaitpoint` and `Waitpoint`.
"""

from __future__ import annotations

from waitpoint._clients import AsyncTokens as _AsyncTokens
from waitpoint._surroundings import Surroundings as _Surroundings
from waitpoint._tasks.inputs import Input
from waitpoint._tasks.waits import for_all, for_any, now, random, sleep, until, uuid

__all__ = [
    "Input",
    "complete_token",
    "create_token",
    "for_all",
    "for_any",
    "for_token",
    "list_tokens",
    "now",
    "random",
    "retrieve_token",
    "sleep",
    "until",
    "uuid",
]

_tokens = _AsyncTokens(_Surroundings())

create_token = _tokens.create
complete_token = _tokens.complete
retrieve_token = _tokens.retrieve
list_tokens = _tokens.list
for_token = _tokens.wait
