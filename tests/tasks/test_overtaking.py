"""What the server says may be heard late, and several things at once: a busy task does not let anybody listen."""

import asyncio
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


class BrokenLine:
    """The line breaks when it is to bring the first message that is `lost`, which nobody ever hears."""

    def __init__(self, worker: StagedWorker, lost: Callable[[Message], bool]) -> None:
        self._lost = lost
        connection = cast("Any", worker._connection)
        self._pass_on = connection._pass_on
        connection._pass_on = self._broken
        self.has_broken = False

    def _broken(self, messages: list[Message]) -> None:
        if not self.has_broken and any(map(self._lost, messages)):
            self.has_broken = True
            raise ConnectionError("the line broke")
        self._pass_on(messages)


def is_parked(said: Message) -> bool:
    return "parked" in said


def goes_on(said: Message) -> bool:
    return said.get("type") == "resume"


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
        ears = LateEars(worker_of(stage), is_parked, goes_on)
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


@pytest.mark.parametrize("lost", [is_parked, goes_on])
def test_what_was_lost_on_the_way_is_said_again(stage: Stage, lost: Callable[[Message], bool]) -> None:
    """That the run is parked, or that it goes on: it goes on where it is, and before its lease is over."""
    tops: list[str] = []

    @task(id="ask")
    async def ask() -> str:
        tops.append("top")
        return await wait.for_token(await wait.create_token(timeout=None), str).unwrap()

    stage.deploy(ask)
    line = BrokenLine(worker_of(stage), lost)
    run = stage.start(ask)
    stage.complete(run.waits_for[0], "yes")

    assert ("yes", True) == (run.output, line.has_broken)
    always_replay = stage._max_parked == 0
    assert (2 if always_replay else 1) == len(tops)


def test_what_is_lost_is_lost_in_its_generation(stage: Stage) -> None:
    """A late word about an earlier one does not take away what goes on."""
    gate: list[asyncio.Event] = []

    @task(id="ask")
    async def ask() -> str:
        answer = await wait.for_token(await wait.create_token(timeout=None), str).unwrap()
        gate.append(asyncio.Event())
        await gate[0].wait()
        return answer

    async def late_word() -> None:
        await stage._client.tokens.complete(run.waits_for[0], "yes")
        await until(lambda: gate)
        worker_of(stage)._hear_all([{"type": "lost", "runs": [[run.id, 2]]}])
        gate[0].set()

    stage.deploy(ask)
    run = stage.start(ask)
    stage._do_now(late_word)
    stage._go_on()

    assert ("yes", 1) == (run.output, len(gate))
