"""What a running server is made of. `asgi.py` puts it together, handlers and guards reach it by `service_of`."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, cast

from litestar.connection import ASGIConnection

from .access.authentication import Authentication
from .access.callbacks import CallbackHash
from .clock import Clock
from .database import Database
from .events import Tail
from .events.watching import Watching
from .settings import Settings
from .tokens.lifecycle import Rules
from .web.rate_limits import RateLimits


@dataclass(frozen=True)
class Service:
    """One server process."""

    settings: Settings
    public_url: str
    clock: Clock
    database: Database
    tail: Tail
    watching: Watching
    authentication: Authentication
    callbacks: CallbackHash
    limits: RateLimits
    rules: Rules
    stopping: asyncio.Event = field(default_factory=asyncio.Event)


def service_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Service:
    """The server that answers this connection."""
    return cast("Service", connection.scope["litestar_app"].state["service"])
