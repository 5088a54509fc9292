"""Every claim about tasks holds twice: for runs that are parked in memory, and for runs that are replayed."""

from collections.abc import Iterator

import pytest

from waitpoint.testing import Rehearsal


@pytest.fixture(params=[False, True], ids=["parked", "replayed"])
def rehearsal(request: pytest.FixtureRequest) -> Iterator[Rehearsal]:
    """A server and a worker in memory; `replayed` forgets a run whenever it waits."""
    with Rehearsal(always_replay=request.param) as rehearsal:
        yield rehearsal


@pytest.fixture
def ledger() -> list[str]:
    """What was done in the world, each time that it was done."""
    return []
