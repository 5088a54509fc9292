"""Thousands of tasks that nobody wrote, each crashed between any two of its calls, and each gives what it would have."""

import asyncio
import random
from collections import Counter
from typing import Any

import pytest

from waitpoint import StepFailed, current_run, current_step, step, task, wait
from waitpoint._tasks.engine import Fenced
from waitpoint.testing import Rehearsal

GRAPHS = 2_000
IN_ONE_TEST = 100

Node = tuple[Any, ...]


def a_graph(rng: random.Random, depth: int = 3) -> Node:
    """A node: one call, or several, one after another or side by side."""
    kinds = ["step", "plain", "flaky", "hard", "caught", "wait", "sleep", "any", "all", "now", "child"]
    if depth:
        kinds += ["sequence", "gather", "group", "loop"] * 2
    kind = rng.choice(kinds)
    name = f"{rng.randrange(1000)}"
    match kind:
        case "sequence" | "gather" | "group":
            return (kind, [a_graph(rng, depth - 1) for _ in range(rng.randint(1, 3))])
        case "loop":
            return (kind, rng.randint(1, 3), a_graph(rng, depth - 1))
    return (kind, name)


class World:
    """Where the steps have their effects, and what must not happen there."""

    def __init__(self, seed: int, *, crashes: int) -> None:
        self.rng = random.Random(seed)
        self.rehearsal = Rehearsal(always_replay=seed % 2 == 0)
        self.done: Counter[str] = Counter()
        self.crashes = 0
        self._crashes_left = crashes
        self._memory = self.rehearsal._memory
        self._memory.at_each_call = self._perhaps_crash
        self.rehearsal.deploy(child)

    def does(self) -> int:
        """A step is at work: how often it has been by now. What is recorded never is."""
        info = current_step()
        run_id, position = info.idempotency_key.split("/", 1)
        recorded = self._memory.runs[run_id].journal.get(position)
        assert recorded is None or recorded.error, f"{info} is recorded and runs again"
        self.done[info.idempotency_key] += 1
        return self.done[info.idempotency_key]

    def run_to_its_end(self, graph: Node) -> Any:
        with self.rehearsal as rehearsal:
            run = rehearsal.start(play, graph)
            while not run.is_finished:
                assert run.problem is None, run.problem
                self._something_happens()
            assert "COMPLETED" == run.status, run.error
            return run.output

    def _something_happens(self) -> None:
        waits = [w for run in self._memory.runs.values() for w in run.waits.values() if w.tokens]
        answerable = [token for w in waits for token in self._first_waiting(w.tokens)]
        if self._crashes_left and self.rng.random() < 0.1:
            self._crash_between()
        elif answerable:
            token = self.rng.choice(answerable)
            self.rehearsal.complete(token, f"answer {self.rehearsal.retrieve(token).tags[0]}")
        else:
            self.rehearsal.advance("1h")

    def _first_waiting(self, tokens: Any) -> list[str]:
        """One wait's tokens are answered in their order, so that who wins does not depend on the crashes."""
        found = [self.rehearsal.retrieve(token) for token in tokens]
        return [token.id for token in found if token.is_waiting and token.tags][:1]

    def _perhaps_crash(self, what: str) -> None:
        """Before a call the worker dies with its effect undone, after it with its answer unheard."""
        if self._crashes_left and self.rng.random() < 0.05:
            self._crashes_left -= 1
            self.crashes += 1
            self._memory.crash()
            raise Fenced

    def _crash_between(self) -> None:
        self._crashes_left -= 1
        self.crashes += 1
        self.rehearsal.crash()


world: World


@step
async def work(name: str) -> str:
    world.does()
    await asyncio.sleep(0)
    return name


@step
async def slow_work(name: str) -> dict[str, str]:
    world.does()
    for _ in range(3):
        await asyncio.sleep(0)
    return {"name": name}


@step(retries=2)
async def flaky(name: str) -> str:
    if world.does() % 3:
        raise ConnectionError(name)
    return name


@step
async def hard(name: str) -> str:
    if world.does() < 2:
        raise ConnectionError(name)
    return name


@step
async def hopeless(name: str) -> None:
    world.does()
    raise ValueError(name)


@task(id="child", retries=3)
async def child(name: str) -> str:
    answer = await wait.for_token(await wait.create_token(tags=[name], timeout=None)).unwrap()
    return await work(f"child {answer}")


@task(id="play", retries=1000)
async def play(graph: Any) -> Any:
    return [await node(graph), current_run().task]


async def node(graph: Any) -> Any:  # noqa: C901, PLR0911, PLR0912 (a language is a long list)
    """Play one node."""
    match graph:
        case ["step", name]:
            return await work(name)
        case ["plain", name]:
            return await slow_work(name)
        case ["flaky", name]:
            try:
                return await flaky(name)
            except StepFailed:
                return "unreachable: every third time it works"
        case ["hard", name]:
            return await hard(name)
        case ["caught", name]:
            try:
                return await hopeless(name)
            except StepFailed as failed:
                return f"{failed.type} {failed.error_message}"
        case ["wait", name]:
            return await wait.for_token(await wait.create_token(tags=[name], timeout=None)).unwrap()
        case ["any", name]:
            tokens = [await wait.create_token(tags=[f"{name}.{n}"], timeout=None) for n in range(2)]
            return await wait.for_any(tokens).unwrap()
        case ["all", name]:
            tokens = await asyncio.gather(*(wait.create_token(tags=[f"{name}.{n}"]) for n in range(3)))
            return [result.ok for result in await wait.for_all(tokens)]
        case ["sleep", name]:
            return await wait.sleep(f"{name}s")
        case ["now", _]:
            return (await wait.now()) <= (await wait.now())
        case ["child", name]:
            return await child.trigger_and_wait(name)
        case ["sequence", nodes]:
            return [await node(each) for each in nodes]
        case ["gather", nodes]:
            return await asyncio.gather(*map(node, nodes))
        case ["group", nodes]:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(node(each)) for each in nodes]
            return [task.result() for task in tasks]
        case ["loop", times, each]:
            return [await node(each) for _ in range(times)]
    raise AssertionError(graph)


@pytest.mark.parametrize("first", range(0, GRAPHS, IN_ONE_TEST))
def test_crashes_change_nothing(first: int) -> None:
    """The output is that of the run without crashes, and what is recorded has not run again."""
    global world  # noqa: PLW0603 (the tasks are modules' own, as everybody's are)
    crashes = 0
    for seed in range(first, first + IN_ONE_TEST):
        print(f"seed {seed}")
        graph = a_graph(random.Random(seed))

        world = World(seed, crashes=0)
        expected = world.run_to_its_end(graph)
        world = World(seed, crashes=4)
        output = world.run_to_its_end(graph)

        assert expected == output, graph
        crashes += world.crashes
    assert crashes > IN_ONE_TEST / 4
