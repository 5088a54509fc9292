"""Tasks triggered, watched and cancelled from a program that has an API key and nothing else, and the server killed."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import RunningServer
from tests.tasks import orders
from tests.tasks.workers import RunningWorker, eventually
from waitpoint import RunCancelled, RunHandle, Waitpoint


@pytest.fixture
def ada(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Waitpoint]:
    """Ada's program: this test itself."""
    monkeypatch.setenv("WAITPOINT_URL", server.url)
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", server.key)
    with Waitpoint() as client:
        yield client


@pytest.fixture
def worker(server: RunningServer, tmp_path: Path) -> Iterator[RunningWorker]:
    """A worker of the same server."""
    worker = RunningWorker(server.url, server.key, tmp_path)
    yield worker
    worker.kill9()


def waiting(ada: Waitpoint) -> str:
    """The id of the one token that waits."""
    return eventually(lambda: [token.id for token in ada.tokens.list(status="WAITING")], "a waiting token")[0]


def test_a_run_is_held_from_outside(ada: Waitpoint, worker: RunningWorker) -> None:
    """Triggered with its arguments as they are called, its output typed, another one cancelled."""

    async def program() -> str:
        handle = await orders.moderate.options(tags="test", idempotency_key="once").trigger("Hello")
        again = await orders.moderate.options(idempotency_key="once").trigger("Hello")
        assert handle.id == again.id
        token = await asyncio.to_thread(waiting, ada)
        assert "moderation" == (await handle.retrieve()).task
        ada.tokens.complete(token, {"approved": True})
        output = await handle.result()
        assert "COMPLETED" == (await handle.retrieve()).status

        other = await orders.moderate.trigger("Bye")
        await asyncio.to_thread(waiting, ada)
        await other.cancel()
        with pytest.raises(RunCancelled):
            await other.result()
        return output

    assert "published" == asyncio.run(program())


@pytest.mark.slow
def test_a_server_that_is_killed_again_and_again(ada: Waitpoint, server: RunningServer, worker: RunningWorker) -> None:
    """The worker dials until it is back. What was recorded stays so, and what waits goes on."""

    async def trigger() -> tuple[str, str]:
        return (await orders.moderate.trigger("Hello")).id, (await orders.add_up.trigger(80)).id

    async def result(run: str) -> object:
        return await RunHandle[object](run).result()

    waits, counts = asyncio.run(trigger())
    token = waiting(ada)
    for lines in (5, 20, 40):
        eventually(lambda least=lines: len(worker.ledger) > least, "counting")  # type: ignore[misc]
        server.kill9()
        server.start()
    ada.tokens.complete(token, {"approved": True})

    assert "published" == asyncio.run(result(waits))
    assert sum(range(80)) == asyncio.run(result(counts))
    done = Counter(line for line in worker.ledger if line.startswith("counted"))
    assert 80 == len(done)
    assert 1 == sum(line.startswith("sent") for line in worker.ledger)
