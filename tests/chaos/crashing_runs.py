"""Runs under load, while their workers, their server, or all of them are killed, again and again."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tests.chaos.clients import TOKENS, ConnectionLost, RawClient
from tests.chaos.traces import Book, findings, repeated, traces_in
from tests.fixtures import running
from tests.servers import RunningServer
from tests.tasks.workers import RunningWorker

Victims = Literal["worker", "server", "both"]
VICTIMS: tuple[Victims, ...] = get_args(Victims)

ERRANDS = Path(__file__).parent / "errands.py"
WORKERS = 2
CLIENTS = 4
STEPS_BEFORE = 20  # steps that are begun before each crash: fewer, and it proves little
LIFETIMES = (0.0, 1.0)  # seconds from then until the crash
STUCK_AFTER = 10.0  # seconds from the restart until every run should have come to its end
_PATIENCE = 240.0  # seconds until a run is given up: a busy machine takes its time
_LONGEST_THOUGHT = 0.6  # seconds until somebody answers


@dataclass
class RunsReport:
    """What came of it."""

    victims: Victims
    crashes: int = 0
    triggered: int = 0
    answered: int = 0
    steps: int = 0
    repeated: int = 0
    seconds_to_the_end: list[float] = field(default_factory=list)
    findings: list[str] = field(default_factory=list)

    @property
    def slowest(self) -> float:
        """Seconds after a restart until the last run had come to its end."""
        return max(self.seconds_to_the_end)

    def __str__(self) -> str:
        usual = sorted(self.seconds_to_the_end)[len(self.seconds_to_the_end) // 2]
        return (
            f"{self.victims}: {self.crashes} crashes, {self.triggered} triggers and {self.answered} answers "
            f"acknowledged, {self.steps} steps begun, {self.repeated} of them again because they had not been "
            f"recorded; {len(self.findings)} findings; all runs at their end {usual:.1f} s after the restart "
            f"(longest {self.slowest:.1f} s)"
        )


class Stage:
    """A server, two workers that share one ledger, and what they have promised."""

    def __init__(self, server: RunningServer, workers: list[RunningWorker], dice: random.Random) -> None:
        self.server = server
        self.workers = workers
        self.book = Book()
        self._dice = dice
        self._numbers = 0
        self._read = 0
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def ledger(self) -> Path:
        return self.workers[0].ledger_path

    async def run_some(self, count: int) -> None:
        """Without any crash."""
        answering = asyncio.create_task(self._answer_whoever_asks())
        client = RawClient(self.server.url)
        for _ in range(count):
            await self._trigger(client)
        client.close()
        await self._until_all_have_ended()
        answering.cancel()

    async def crash(self, victims: Victims) -> float:
        """Load, a crash, a restart; gives the seconds from the restarted server until every run had come to its end."""
        stopping = asyncio.Event()
        clients = [asyncio.create_task(self._trigger_until(stopping)) for _ in range(CLIENTS)]
        answering = asyncio.create_task(self._answer_whoever_asks())
        await self._until_at_work()
        await asyncio.sleep(self._dice.uniform(*LIFETIMES))
        await asyncio.to_thread(self._kill, victims)
        await asyncio.sleep(self._dice.uniform(0, 0.2))
        await asyncio.to_thread(self._start_again)
        ready = time.monotonic()
        stopping.set()
        await asyncio.gather(*clients)
        await self._until_all_have_ended()
        seconds = time.monotonic() - ready
        answering.cancel()
        await asyncio.gather(*self._answers)
        return seconds

    def _kill(self, victims: Victims) -> None:
        """One worker and perhaps the server, or the server, or everybody; in any order."""
        kills: list[Callable[[], Any]] = []
        if victims == "worker":
            kills = [self._dice.choice(self.workers).kill9]
        if victims == "both":
            kills = [worker.kill9 for worker in self.workers]
        if victims != "worker":
            kills.append(self.server.kill9)
        self._dice.shuffle(kills)
        for kill in kills:
            kill()

    def _start_again(self) -> None:
        for worker in self.workers:
            if not worker.is_running:
                worker.start_again()
        if not self.server.is_running:
            self.server.start()

    async def _trigger_until(self, stopping: asyncio.Event) -> None:
        client = RawClient(self.server.url)
        while not stopping.is_set():
            await self._trigger(client)
            await asyncio.sleep(0.05)
        client.close()

    async def _trigger(self, client: RawClient) -> None:
        self._numbers += 1
        number = self._numbers
        body = {"payload": {"number": number}, "options": {"idempotencyKey": f"errand {number}"}}
        made = await _insist(client, "/api/v1/tasks/errand/trigger", body)
        self.book.triggered[number] = made["id"]

    async def _answer_whoever_asks(self) -> None:
        while True:
            with self.ledger.open() as ledger:
                ledger.seek(self._read)
                for line in ledger:
                    if line.endswith("\n"):
                        self._read += len(line.encode())
                        self._consider(json.loads(line))
            await asyncio.sleep(0.02)

    def _consider(self, trace: dict[str, Any]) -> None:
        token_id = trace.get("token")
        if token_id is not None:
            answer = asyncio.create_task(self._answer(token_id))
            self._answers.add(answer)
            answer.add_done_callback(self._answers.discard)

    async def _answer(self, token_id: str) -> None:
        """Who is asked again, because nobody noted that they were asked, says the same again."""
        await asyncio.sleep(self._dice.uniform(0, _LONGEST_THOUGHT))
        client = RawClient(self.server.url)
        answer = f"answer to {token_id}"
        await _insist(client, f"{TOKENS}/{token_id}/complete", {"data": answer})
        client.close()
        self.book.answered[token_id] = answer

    async def _until_at_work(self) -> None:
        begun = len(traces_in(self.ledger))
        while len(traces_in(self.ledger)) < begun + STEPS_BEFORE:  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)

    async def _until_all_have_ended(self) -> None:
        client = RawClient(self.server.url)
        left: set[str] = {*self.book.triggered.values()}
        deadline = time.monotonic() + _PATIENCE
        while left and time.monotonic() < deadline:
            unfinished = await client.get("/api/v1/runs?filter%5Bstatus%5D=QUEUED,EXECUTING,WAITING&page%5Bsize%5D=1")
            left = {run["id"] for run in unfinished.json["data"]}
            await asyncio.sleep(0.1)
        client.close()


async def _insist(client: RawClient, path: str, body: object) -> Any:
    """Ask until it is acknowledged."""
    while True:
        try:
            answer = await client.post(path, body)
        except ConnectionLost:
            await asyncio.sleep(0.05)
            continue
        assert answer.status in {200, 503}, answer.body
        if answer.status == 200:
            return answer.json
        await asyncio.sleep(0.05)


def crash_runs(victims: Victims, cycles: int, url: str, folder: Path, seed: int, lease: int = 8) -> RunsReport:
    """Crash so many times, with all runs at their ends in between."""
    report = RunsReport(victims)
    with stage_on(url, folder, random.Random(seed), lease) as stage:
        for _ in range(cycles):
            report.seconds_to_the_end.append(asyncio.run(stage.crash(victims)))
            report.crashes += 1
            traces = traces_in(stage.ledger)
            report.findings = findings(stage.book, traces, stage.server.database_url)
            report.steps, report.repeated = len(traces), repeated(traces)
            if report.findings:
                break
    report.triggered, report.answered = len(stage.book.triggered), len(stage.book.answered)
    return report


@contextmanager
def stage_on(url: str, folder: Path, dice: random.Random, lease: int = 8) -> Iterator[Stage]:
    """A server on this database and two workers, inside the block."""
    with ExitStack() as stack:
        settings = {"WAITPOINT_WORKER_LEASE": str(lease), "WAITPOINT_LOG_LEVEL": "warning"}
        server = stack.enter_context(running(RunningServer(url, folder, settings)))
        workers = [RunningWorker(server.url, server.key, folder, module=ERRANDS) for _ in range(WORKERS)]
        for worker in workers:
            stack.callback(worker.stop)
        yield Stage(server, workers, dice)
