"""The clients against the real server: what the stand-in only claims."""

import asyncio
import dataclasses
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cast import NOBODYS_KEY
from tests.sdk.sockets import until
from tests.servers import RunningServer
from waitpoint import (
    AlreadySettled,
    AsyncWaitpoint,
    Forbidden,
    InvalidInput,
    InvalidKey,
    ListFilters,
    StillWaiting,
    TokenNotFound,
    Waitpoint,
    WaitpointCancelledError,
    WaitpointTimeoutError,
    wait,
)


@dataclasses.dataclass
class Approval:
    approved: bool
    comment: str = ""


@pytest.fixture
def ada(shared_server: RunningServer) -> Iterator[Waitpoint]:
    with Waitpoint(url=shared_server.url, secret_key=shared_server.key) as client:
        yield client


@pytest.fixture
def cleo(shared_server: RunningServer) -> Iterator[Waitpoint]:
    with Waitpoint(url=shared_server.url, secret_key=shared_server.prod_key) as client:
        yield client


@pytest.fixture
def adas_shell(shared_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAITPOINT_URL", shared_server.url)
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", shared_server.key)


def test_a_token_from_first_to_last(ada: Waitpoint) -> None:
    """Create, list, complete, retrieve, come too late."""
    created = ada.tokens.create(timeout="1h", tags=["one", "two"], idempotency_key="first-to-last")
    again = ada.tokens.create(idempotency_key="first-to-last")
    assert (created.id, True) == (again.id, again.is_cached)
    assert created.id in [token.id for token in ada.tokens.list(tags="two", status="WAITING")]

    ada.tokens.complete(created, Approval(approved=True, comment="é"))

    token = ada.tokens.retrieve(created)
    assert {"approved": True, "comment": "é"} == token.output
    assert token.completed_at is not None
    assert token.completed_at.utcoffset() is not None
    late = ada.tokens.complete(created, "late")
    assert (True, "COMPLETED", token.completed_at) == (late.already_completed, late.status, late.completed_at)
    with pytest.raises(AlreadySettled) as settled:
        ada.tokens.complete(created, "late", if_waiting=True)
    assert ("COMPLETED", token.completed_at) == (settled.value.status, settled.value.completed_at)


def test_a_list_pages_both_ways(ada: Waitpoint) -> None:
    """Nothing twice, nothing missing."""
    made = [ada.tokens.create(tags="pages").id for _ in range(7)]

    forwards = ada.tokens.list(tags="pages", page_size=3)
    first = forwards.page()
    second = ada.tokens.list(tags="pages", page_size=3, after=first.next or "").page()
    back = ada.tokens.list(tags="pages", page_size=3, before=second.previous or "").page()

    assert made[::-1] == [token.id for token in forwards]
    assert [token.id for token in first] == [token.id for token in back]


def test_moments_and_spans_are_understood(ada: Waitpoint) -> None:
    """Whatever form they have on our side."""
    now = datetime.now(UTC)
    token = ada.tokens.create(
        timeout=now + timedelta(hours=2), idempotency_key="moments", idempotency_key_ttl=timedelta(days=2)
    )
    assert abs(ada.tokens.retrieve(token).timeout_at - now - timedelta(hours=2)) < timedelta(seconds=1)  # type: ignore[operator]

    filters: list[ListFilters] = [
        {"period": timedelta(days=1), "idempotency_key": "moments"},
        {"created_from": now - timedelta(minutes=1), "created_to": now + timedelta(minutes=1)},
        {"created_from": int(now.timestamp() * 1000) - 60_000},
    ]
    for each in filters:
        assert token.id in [found.id for found in ada.tokens.list(**each)]

    for expires_in in ("1h", timedelta(hours=1), now + timedelta(hours=1)):
        assert ada.auth.public_token([f"read:waitpoints:{token.id}"], expires_in).count(".") == 2


@pytest.mark.parametrize(
    "options",
    [{"timeout": "1.5h"}, {"timeout": "2001-01-01T00:00:00Z"}, {"tags": ["x"] * 11}, {"idempotency_key_ttl": "10y"}],
)
def test_what_the_server_refuses_is_invalid_input(ada: Waitpoint, options: dict[str, Any]) -> None:
    """With the server's sentence, which names the field."""
    with pytest.raises(InvalidInput) as refused:
        ada.tokens.create(**options)

    assert refused.value.code


def test_cleo_sees_nothing_of_adas(ada: Waitpoint, cleo: Waitpoint) -> None:
    """Not even that there is something."""
    token = ada.tokens.create()

    with pytest.raises(TokenNotFound):
        cleo.tokens.retrieve(token)
    with pytest.raises(TokenNotFound):
        cleo.tokens.complete(token)
    with pytest.raises(TokenNotFound):
        cleo.tokens.wait(token)


def test_a_key_that_nobody_has_is_refused(shared_server: RunningServer) -> None:
    """At the first call."""
    with Waitpoint(url=shared_server.url, secret_key=NOBODYS_KEY) as nobody, pytest.raises(InvalidKey):
        nobody.tokens.create()


def test_ben_completes_with_a_public_access_token_and_no_more(ada: Waitpoint, shared_server: RunningServer) -> None:
    """The token of a form writes; to read takes one that was asked for."""
    token = ada.tokens.create()
    read = ada.auth.public_token(f"read:waitpoints:{token.id}", "1h")

    with Waitpoint(url=shared_server.url, public_access_token=token.public_access_token) as ben:
        with pytest.raises((Forbidden, InvalidKey)):
            ben.tokens.retrieve(token)
        with pytest.raises(InvalidKey):
            ben.tokens.create()
        ben.tokens.complete(token, {"approved": True})

    with Waitpoint(url=shared_server.url, public_access_token=read) as reader:
        assert reader.tokens.wait(token, Approval).unwrap() == Approval(approved=True)


def test_a_blocking_wait_ends_with_the_answer(ada: Waitpoint) -> None:
    """Soon after it, not after the poll."""
    token = ada.tokens.create()
    threading.Timer(0.3, ada.tokens.complete, (token, {"approved": False})).start()
    began = time.monotonic()

    assert not ada.wait_for_token(token, Approval).unwrap().approved
    assert time.monotonic() - began < 5


def test_a_blocking_wait_gives_up_in_time(ada: Waitpoint) -> None:
    """The token goes on waiting."""
    token = ada.tokens.create()
    began = time.monotonic()

    with pytest.raises(StillWaiting):
        ada.tokens.wait(token, timeout=1.2)

    assert 1.2 <= time.monotonic() - began < 2.5
    assert ada.tokens.retrieve(token).is_waiting


@pytest.mark.usefixtures("adas_shell")
def test_the_story_of_the_front_page() -> None:
    """Create, let somebody answer, and go on: over a websocket, with settings from the environment."""

    async def program() -> Approval:
        token = await wait.create_token(timeout="24h", tags=["moderation"])
        waiting = asyncio.create_task(wait.for_token(token, Approval).unwrap())
        await asyncio.sleep(0.3)
        await wait.complete_token(token, {"approved": True})
        return await waiting

    assert asyncio.run(program()) == Approval(approved=True)


@pytest.mark.usefixtures("adas_shell")
def test_a_timeout_and_a_cancellation_end_a_wait() -> None:
    """Each with its own error."""

    async def program() -> None:
        short = await wait.create_token(timeout="1s")
        cancelled = await wait.create_token()
        async with AsyncWaitpoint() as client:
            waiting = asyncio.create_task(client.tokens.wait(cancelled).unwrap())
            await asyncio.sleep(0.2)
            await client.tokens.cancel(cancelled, "not needed")
            with pytest.raises(WaitpointCancelledError, match="not needed"):
                await waiting
        result = await wait.for_token(short)
        assert not result.ok
        assert type(result.error) is WaitpointTimeoutError

    asyncio.run(program())


@pytest.mark.usefixtures("adas_shell")
def test_many_waits_end_by_ringing_and_not_by_asking() -> None:
    """A hundred waits, one websocket: each answer arrives well before any poll would ask."""

    async def program() -> float:
        async with AsyncWaitpoint() as client:
            tokens = [await client.tokens.create() for _ in range(100)]
            doorbell = client._channel._doorbell
            waiting = [asyncio.create_task(client.tokens.wait(token).unwrap()) for token in tokens]
            await until(lambda: doorbell.line == "live" and not doorbell._unanswered and len(doorbell._bells) == 100)
            await asyncio.sleep(0.3)
            began = time.monotonic()
            await asyncio.gather(*(client.tokens.complete(token, token.id) for token in tokens))
            assert [token.id for token in tokens] == await asyncio.gather(*waiting)
            return time.monotonic() - began

    assert asyncio.run(program()) < 5


@pytest.mark.usefixtures("adas_shell")
def test_an_unknown_token_ends_a_wait_at_once() -> None:
    """Nobody will ever answer it."""

    async def program() -> None:
        await wait.for_token("waitpoint_0000000000000000000000000000")

    with pytest.raises(TokenNotFound):
        asyncio.run(program())


def test_waits_outlive_a_restart(server: RunningServer) -> None:
    """Blocking and awaiting alike: one token is answered after it, one was answered by nobody until then."""

    async def program() -> list[Any]:
        async with AsyncWaitpoint(url=server.url, secret_key=server.key) as client:
            tokens = [await client.tokens.create() for _ in range(2)]
            with Waitpoint(url=server.url, secret_key=server.key) as blocking:
                waiting = [
                    asyncio.create_task(client.tokens.wait(tokens[0]).unwrap()),
                    asyncio.create_task(asyncio.to_thread(lambda: blocking.tokens.wait(tokens[1]).unwrap())),
                ]
                await asyncio.sleep(0.5)
                await asyncio.to_thread(server.restart)
                for token in tokens:
                    await client.tokens.complete(token, token.id)
                return [await waiting[0] == tokens[0].id, await waiting[1] == tokens[1].id]

    assert [True, True] == asyncio.run(program())
