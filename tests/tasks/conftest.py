"""Every claim about tasks holds for runs that are parked in memory, and for runs that are replayed.

It holds in a rehearsal, and for a real server with a real worker, on both databases.
"""

from collections.abc import Iterator

import pytest

from tests.databases import DatabaseMaker
from tests.tasks.stages import Houses, opened
from waitpoint.testing import Rehearsal

WHERE = ("memory", "sqlite", "postgresql")
HOW = ("parked", "replayed")


@pytest.fixture(scope="session")
def houses(make_database: DatabaseMaker) -> Iterator[Houses]:
    """The servers of the stages."""
    with Houses(make_database) as houses:
        yield houses


@pytest.fixture(params=[f"{where}-{how}" for where in WHERE for how in HOW])
def rehearsal(request: pytest.FixtureRequest, houses: Houses) -> Iterator[Rehearsal]:
    """A server and a worker, in memory or for real; `replayed` forgets a run whenever it waits."""
    where, how = request.param.split("-")
    if where == "memory":
        with Rehearsal(always_replay=how == "replayed") as rehearsal:
            yield rehearsal
    else:
        with opened(houses.of(where), always_replay=how == "replayed") as stage:
            yield stage


@pytest.fixture
def ledger() -> list[str]:
    """What was done in the world, each time that it was done."""
    return []
