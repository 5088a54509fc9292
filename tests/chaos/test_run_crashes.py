"""Runs go on after a crash of their worker, their server or both, and nothing recorded is lost or done again.

`RUN_CRASH_CYCLES=30` for more than a glimpse.
"""

import asyncio
import json
import os
import random
import shutil
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.crashing_runs import ERRANDS, STEPS_BEFORE, Victims, crash_runs, stage_on
from tests.chaos.traces import Book, Trace, findings, traces_in
from tests.databases import DatabaseMaker, path_of
from tests.fixtures import running
from tests.servers import RunningServer
from tests.tasks.workers import RunningWorker, eventually

CYCLES = int(os.environ.get("RUN_CRASH_CYCLES", "1"))
LEASE = 2  # seconds: nobody wants to wait for eight


@pytest.mark.slow
@pytest.mark.timeout(400 + 60 * CYCLES)
@pytest.mark.parametrize(
    ("victims", "kind"), [("worker", "sqlite"), ("server", "sqlite"), ("both", "sqlite"), ("both", "postgresql")]
)
def test_nothing_acknowledged_is_lost_and_no_run_is_stuck(
    victims: Victims, kind: str, make_database: DatabaseMaker, tmp_path: Path
) -> None:
    """Triggers, results of steps, answers: all are there, once, and every run has the output that they make."""
    with make_database(kind) as url:
        report = crash_runs(victims, CYCLES, url, tmp_path, seed=3, lease=LEASE)

    print(report)
    assert [] == report.findings
    assert CYCLES == report.crashes
    assert report.steps >= STEPS_BEFORE * CYCLES


@pytest.mark.slow
def test_a_worker_that_was_stopped_past_its_lease_commits_nothing(make_database: DatabaseMaker, tmp_path: Path) -> None:
    """It was frozen in the middle of a step; another worker has finished the run by the time that it wakes."""
    settings = {"WAITPOINT_WORKER_LEASE": str(LEASE)}
    with make_database("sqlite") as url, running(RunningServer(url, tmp_path, settings)) as server:
        stale = RunningWorker(server.url, server.key, tmp_path, module=ERRANDS)
        workers = [stale]
        try:
            run_id = _trigger(server, "gate")
            _traces(stale, 1)
            stale.freeze()
            other = RunningWorker(server.url, server.key, tmp_path, module=ERRANDS)
            workers.append(other)
            _traces(stale, 2)
            stale.ledger_path.with_name("gate").touch()
            output = _output(server, run_id)
            recorded = _recorded(url)
            other.stop()

            stale.thaw()

            next_run = _trigger(server, "gate")
            _output(server, next_run)  # it works again, for the server has told it what it has lost
        finally:
            for worker in workers:
                worker.thaw()
                worker.stop()
        first, again, *_ = traces_in(stale.ledger_path)
        assert (first["worker"], again["worker"]) == (stale.process.pid, other.process.pid)
        assert again["gave"] == output[0] != first["gave"]
        assert output == _output(server, run_id)
        assert recorded == [row for row in _recorded(url) if row[0] == run_id]
        assert [other.process.pid] == [
            each["worker"] for each in traces_in(stale.ledger_path) if (each["run"], each["part"]) == (run_id, 2)
        ]


class TestTheJudge:
    """The control of the claims above: whatever could be lost, altered or repeated is found out."""

    @pytest.fixture(scope="class")
    def played(
        self, make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory
    ) -> Iterator[tuple[Book, list[Trace], str]]:
        """Three errands, without a crash."""
        folder = tmp_path_factory.mktemp("judge")
        with make_database("sqlite") as url:
            with stage_on(url, folder, random.Random(1)) as stage:
                asyncio.run(stage.run_some(3))
            yield stage.book, traces_in(stage.ledger), url

    def test_finds_nothing_where_nothing_is(self, played: tuple[Book, list[Trace], str]) -> None:
        assert [] == findings(*played)
        assert 3 == len(played[0].triggered) == len(played[0].answered)

    @pytest.mark.parametrize(
        ("harm", "finding"),
        [
            ("DELETE FROM checkpoints; DELETE FROM runs", "is lost"),
            ("UPDATE runs SET status = 'WAITING'", "is WAITING"),
            ("UPDATE runs SET output = '[]'", "an output of its own"),
            ("DELETE FROM checkpoints WHERE position = '3'", "has the records"),
            ("UPDATE checkpoints SET position = '9' WHERE position = '3'", "has the records"),
            ("UPDATE checkpoints SET result = '\"other\"' WHERE position = '5'", "nobody gave"),
            ("UPDATE checkpoints SET result = '\"other\"' WHERE position = '1'", "was given something else"),
            ("UPDATE tokens SET output = '\"other\"'", "the answer to"),
            ("DELETE FROM events WHERE kind = 'token.completed'", "more or less than once"),
        ],
    )
    def test_sees_every_harm_to_what_is_recorded(
        self, played: tuple[Book, list[Trace], str], tmp_path: Path, harm: str, finding: str
    ) -> None:
        book, traces, url = played
        copy = tmp_path / "harmed.sqlite3"
        shutil.copyfile(path_of(url), copy)
        with closing(sqlite3.connect(copy)) as connection:
            connection.executescript(harm)

        assert any(finding in each for each in findings(book, traces, f"sqlite:///{copy}"))

    def test_sees_what_was_done_again(self, played: tuple[Book, list[Trace], str]) -> None:
        book, traces, url = played

        assert any("done again" in each for each in findings(book, [*traces, traces[0]], url))


def _trigger(server: RunningServer, task: str) -> str:
    made = _ask(server, f"/api/v1/tasks/{task}/trigger", b"{}")
    return str(made["id"])


def _output(server: RunningServer, run_id: str) -> Any:
    return eventually(lambda: _ask(server, f"/api/v3/runs/{run_id}").get("output"), "the output")


def _traces(worker: RunningWorker, count: int) -> list[Trace]:
    def look() -> list[Trace] | None:
        found = traces_in(worker.ledger_path)
        return found if len(found) >= count else None

    return eventually(look, f"step {count}") or []


def _ask(server: RunningServer, path: str, body: bytes | None = None) -> Any:
    asked = urllib.request.Request(
        server.url + path,
        data=body,
        headers={"authorization": f"Bearer {server.key}", "content-type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=20) as answer:
        return json.loads(answer.read())


def _recorded(url: str) -> list[tuple[str, str, str]]:
    with closing(sqlite3.connect(f"file:{path_of(url)}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT run_id, position, result FROM checkpoints ORDER BY run_id, position")
        return [(run, position, result) for run, position, result in rows]
