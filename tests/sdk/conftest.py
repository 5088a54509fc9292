"""Both clients, held to the same claims."""

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.cast import ADAS_KEY
from tests.sdk.stand_in import StandIn
from waitpoint import AsyncWaitpoint, Waitpoint


class Ada:
    """Ada with one of the two clients. `does` finishes what the client begins, whichever it is."""

    def __init__(self, client: Any, runner: asyncio.Runner) -> None:
        self.client = client
        self._runner = runner

    @property
    def tokens(self) -> Any:
        return self.client.tokens

    def does(self, what: Any) -> Any:
        """The result of a call, waited for if that is needed."""
        return self._runner.run(_awaited(what)) if inspect.isawaitable(what) else what

    def collects(self, what: Any) -> list[Any]:
        """Everything that an iterator, blocking or not, gives."""
        return self._runner.run(_collected(what)) if hasattr(what, "__aiter__") else list(what)


async def _awaited(what: Any) -> Any:
    return await what


async def _collected(what: Any) -> list[Any]:
    return [item async for item in what]


@pytest.fixture
def stand_in() -> StandIn:
    """A server in memory."""
    return StandIn()


@pytest.fixture(params=["blocking", "awaiting"])
def ada(request: pytest.FixtureRequest, stand_in: StandIn) -> Iterator[Ada]:
    """Ada, once with the client that blocks and once with the one that awaits."""
    transport: Any = httpx.MockTransport(stand_in)
    with asyncio.Runner() as runner:
        client: Waitpoint | AsyncWaitpoint
        if request.param == "blocking":
            client = Waitpoint(secret_key=ADAS_KEY, transport=transport)
        else:
            client = AsyncWaitpoint(secret_key=ADAS_KEY, transport=transport)
        ada = Ada(client, runner)
        yield ada
        ada.does(client.close())
