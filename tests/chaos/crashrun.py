"""Kill the server under load, again and again, and find out whether it kept its promises.

python -m tests.chaos.crashrun --cycles 50                       kill -9 of the server, on SQLite
python -m tests.chaos.crashrun --cycles 20 --database postgresql immediate stops of PostgreSQL under the server
python -m tests.chaos.crashrun --cycles 30 --runs both           kill -9 of server and workers, with runs at work
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tests.chaos.clients import TOKENS, ConnectionLost, RawClient
from tests.chaos.crashing_runs import STUCK_AFTER, VICTIMS, Victims, crash_runs
from tests.chaos.journal import Journal, Verdict, judge
from tests.chaos.postgresql import OwnCluster, own_cluster
from tests.databases import migrate
from tests.servers import RunningServer

CLIENTS = 32
LIFETIMES = (0.05, 2.0)  # seconds under load until the crash
ANSWER_LIMIT = 5.0  # seconds: the longest that a request may wait for any answer
_READ_BACK = 20  # acknowledged answers that are asked for over HTTP after each crash


class Victim(Protocol):
    """What crashes."""

    server: RunningServer

    def crash(self) -> None: ...

    def recover(self) -> None:
        """Return when the server takes writes again."""


class KilledServer:
    """The server is killed, and started anew on what it left behind."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server

    def crash(self) -> None:
        self.server.kill9()

    def recover(self) -> None:
        self.server.start()


class StoppedPostgresql:
    """PostgreSQL is stopped as by a crash; the server goes on, and finds its way back by itself."""

    def __init__(self, server: RunningServer, cluster: OwnCluster) -> None:
        self.server = server
        self._cluster = cluster

    def crash(self) -> None:
        self._cluster.stop("immediate")

    def recover(self) -> None:
        self._cluster.start()
        self.server.wait_until_ready()


@dataclass
class Report:
    """What a run found."""

    cycles: int = 0
    refused: int = 0
    seconds_to_recover: list[float] = field(default_factory=list)
    slowest_answer: float = 0.0
    created: int = 0
    completed: int = 0
    verdict: Verdict = field(default_factory=Verdict)

    def __str__(self) -> str:
        recovery = sorted(self.seconds_to_recover)
        return (
            f"{self.cycles} crashes, {self.created} creates and {self.completed} completions acknowledged, "
            f"{len(self.verdict.lost)} lost, {len(self.verdict.altered)} altered, "
            f"{len(self.verdict.impossible)} impossible; in doubt {self.verdict.in_doubt_stored} stored and "
            f"{self.verdict.in_doubt_not_stored} not; back after {recovery[len(recovery) // 2]:.2f} s "
            f"(longest {recovery[-1]:.2f} s); {self.refused} refused, slowest answer {self.slowest_answer:.2f} s"
        )


def run(victim: Victim, cycles: int, folder: Path, seed: int) -> Report:
    """Crash `cycles` times under load; the server must be running."""
    return asyncio.run(_run(victim, cycles, Journal(folder / "journal"), random.Random(seed)))


async def _run(victim: Victim, cycles: int, journal: Journal, dice: random.Random) -> Report:
    report = Report()
    for _ in range(cycles):
        await _one_crash(victim, journal, report, dice)
        report.verdict = judge(journal, victim.server.database_url)
        if not report.verdict.is_good:
            break
        await _read_back(victim, journal, dice)
    report.created, report.completed = len(journal.created), len(journal.completed)
    journal.close()
    return report


async def _one_crash(victim: Victim, journal: Journal, report: Report, dice: random.Random) -> None:
    stopping = asyncio.Event()
    clients = [
        asyncio.create_task(_client(victim.server.url, journal, report, stopping, random.Random(dice.random())))
        for _ in range(CLIENTS)
    ]
    await asyncio.sleep(dice.uniform(*LIFETIMES))
    await asyncio.to_thread(victim.crash)
    await asyncio.sleep(dice.uniform(0, 0.2))
    begun = time.monotonic()
    await asyncio.to_thread(victim.recover)
    report.seconds_to_recover.append(time.monotonic() - begun)
    report.cycles += 1
    stopping.set()
    await asyncio.gather(*clients)


async def _client(url: str, journal: Journal, report: Report, stopping: asyncio.Event, dice: random.Random) -> None:
    client = RawClient(url)
    while not stopping.is_set():
        try:
            stored = await _create_and_complete(client, journal, report, dice)
        except ConnectionLost:
            stored = False
        if not stored:
            report.refused += 1
            await asyncio.sleep(0.05)
    client.close()


async def _create_and_complete(client: RawClient, journal: Journal, report: Report, dice: random.Random) -> bool:
    tags = [f"number-{dice.getrandbits(40)}"] * dice.randrange(2)
    try:
        made = await client.post(TOKENS, {"timeout": "1d", "tags": tags})
    except ConnectionLost:
        journal.create_lost_its_answer()
        raise
    report.slowest_answer = max(report.slowest_answer, made.seconds)
    if made.status != 200:
        journal.create_lost_its_answer()  # a 503 may have been stored
        return False
    token_id = made.json["id"]
    journal.was_created(token_id, tags)
    output = {"number": dice.getrandbits(60), "text": "ä" * dice.randrange(200)}
    journal.about_to_complete(token_id, output)
    done = await client.post(f"{TOKENS}/{token_id}/complete", {"data": output})
    report.slowest_answer = max(report.slowest_answer, done.seconds)
    if done.status == 200:
        assert not done.json.get("alreadyCompleted"), "nobody else answers this token"
        journal.was_completed(token_id, output)
    return done.status == 200


async def _read_back(victim: Victim, journal: Journal, dice: random.Random) -> None:
    """The server itself says the same as its database."""
    client = RawClient(victim.server.url)
    known = list(journal.completed)
    for token_id in dice.sample(known, min(_READ_BACK, len(known))):
        answer = await client.get(f"{TOKENS}/{token_id}")
        assert (answer.status, answer.json["status"]) == (200, "COMPLETED"), answer.body
    client.close()


@contextmanager
def victim_on(database: str, folder: Path) -> Iterator[Victim]:
    """A server that runs inside the block, and what of it crashes."""
    if database == "sqlite":
        server = RunningServer(f"sqlite:///{folder}/waitpoint.sqlite3", folder)
        with _running(server):
            yield KilledServer(server)
    else:
        with own_cluster() as cluster:
            migrate(cluster.url)
            server = RunningServer(cluster.url, folder)
            with _running(server):
                yield StoppedPostgresql(server, cluster)


@contextmanager
def _running(server: RunningServer) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        if server.is_running:
            server.stop()


def main() -> int:
    parser = argparse.ArgumentParser(description="Crash a server under load and check what it acknowledged.")
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument(
        "--runs", choices=[*VICTIMS, "all"], help="kill a worker, the server or both, with runs at work"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    if options.runs:
        victims = VICTIMS if options.runs == "all" else (options.runs,)
        return max(_crash_runs(each, options.cycles, options.database, options.seed) for each in victims)
    with tempfile.TemporaryDirectory() as folder, victim_on(options.database, Path(folder)) as victim:
        report = run(victim, options.cycles, Path(folder), options.seed)
    print(f"seed {options.seed}: {report}")
    for finding in report.verdict.lost + report.verdict.altered + report.verdict.impossible:
        print(f"  {finding}")
    return 0 if report.verdict.is_good else 1


def _crash_runs(victims: Victims, cycles: int, database: str, seed: int) -> int:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        url = f"sqlite:///{folder}/waitpoint.sqlite3"
        if database == "postgresql":
            url = stack.enter_context(own_cluster()).url
            migrate(url)
        report = crash_runs(victims, cycles, url, Path(folder), seed)
    print(f"seed {seed}, {database}, {report}", flush=True)
    for finding in report.findings:
        print(f"  {finding}")
    return 1 if report.findings or report.slowest > STUCK_AFTER else 0


if __name__ == "__main__":
    sys.exit(main())
