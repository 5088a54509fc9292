"""What a running server is made of. `asgi.py` puts it together, handlers and guards reach it by `service_of`."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

from litestar.connection import ASGIConnection

from .access.authentication import Authentication
from .access.callbacks import CallbackHash
from .clock import Clock
from .database import Database, Unit
from .events import Tail
from .events.watching import Watching
from .ops.metrics import Metrics
from .settings import Settings
from .tokens.lifecycle import Rules
from .tokens.models import Token
from .tokens.questions import Questions
from .web.rate_limits import RateLimits

Beside = Callable[[Unit, Token], dict[str, Any]]
"""What a neighbour has to say about a token on its page."""

LOCAL_HOSTS = ("127.0.0.1", "localhost", "[::1]")


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
    questions: Questions
    metrics: Metrics
    besides: tuple[Beside, ...] = ()
    stopping: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_secure(self) -> bool:
        """Whether people reach this server by https."""
        return self.public_url.startswith("https:")

    @property
    def has_mail_server(self) -> bool:
        """Whether mails leave this server; else they are printed and shown."""
        return self.settings.smtp_url is not None

    @property
    def origins(self) -> frozenset[str]:
        """The origins of this server's own pages: the public one and, for people on this machine, the local ones."""
        public = urlsplit(self.public_url)
        port = f":{public.port}" if public.port else ""
        local = {f"{public.scheme}://{host}{port}" for host in LOCAL_HOSTS}
        return frozenset({f"{public.scheme}://{public.netloc}", *local})


def service_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Service:
    """The server that answers this connection."""
    return cast("Service", connection.scope["litestar_app"].state["service"])
