"""What the server says may be heard late, and several things at once: a busy task does not let anybody listen."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from tests.database.worlds import until
from tests.tasks.stages import Houses, Stage, StagedRun, StagedWorker, opened
from waitpoint import task, wait
from waitpoint._tasks.connection import Message


@pytest.fixture(params=[False, True], ids=["parked", "replayed"])
def stage(request: pytest.FixtureRequest, houses: Houses) -> Iterator[Stage]:
    """A server and a worker."""
    with opened(houses.of("sqlite"), always_replay=request.param) as stage:
        yield stage


class LateEars:
    """Hears nothing more from the first message that `begins`, and then everything at once, with the one that `ends`."""

    def __init__(
        self, worker: StagedWorker, begins: Callable[[Message], bool], ends: Callable[[Message], bool]
    ) -> None:
        self._begins, self._ends = begins, ends
        connection = cast("Any", worker._connection)
        self._take = connection._take
        connection._take = self._held
        self.unheard: list[list[Message]] = []
        self.has_heard = False

    def _held(self, messages: list[Message]) -> None:
        if self.has_heard or not (self.unheard or any(map(self._begins, messages))):
            self._take(messages)
            return
        self.unheard.append(messages)
        if any(map(self._ends, messages)):
            self.has_heard = True
            for each in self.unheard:
                self._take(each)


def worker_of(stage: Stage) -> StagedWorker:
    assert isinstance(stage._worker, StagedWorker)
    return stage._worker


def test_to_go_on_may_be_heard_together_with_being_parked(stage: Stage) -> None:
    """The run goes on where it is: it never left the memory of its worker."""
    tops: list[str] = []

    @task(id="ask")
    async def ask() -> str:
        tops.append("top")
        token = await wait.create_token(tags=["one"], timeout=None)
        first = await wait.for_token(token, str).unwrap()
        return first + await wait.for_token(await wait.create_token(tags=["two"], timeout=None), str).unwrap()

    async def answered_while_nobody_listens() -> None:
        ears = LateEars(worker_of(stage), lambda said: "parked" in said, lambda said: said.get("type") == "resume")
        run = await stage._client.runs.trigger("ask")
        await until(lambda: ears.unheard)
        await stage._client.tokens.complete(StagedRun(stage, run).waits_for[0], "a")
        await until(lambda: ears.has_heard)

    stage.deploy(ask)
    stage._do_now(answered_while_nobody_listens)
    stage._go_on()
    (run,) = stage.runs
    stage.complete(run.waits_for[0], "b")

    assert "ab" == run.output
    always_replay = stage._max_parked == 0
    assert (3 if always_replay else 1) == len(tops)
