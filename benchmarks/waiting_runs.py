"""What many waiting runs cost: memory, CPU while nothing happens, a restart, and the speed of everything else."""

import json
import signal
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass

from websockets.sync.client import connect

from tests.runs.crowds import Waiting

from . import filling, machine, servers
from .figures import Report, Spread, against, readable
from .load import drive, request
from .servers import AUTHORIZED, TOKENS, Server
from .throughput import COMPLETE_BODY, CONNECTIONS

BYTES = 1_024  # a run, on the server
IDLE = 0.02  # of a core
READY = 2.0  # seconds, with 10,000 runs
COMPLETIONS = 0.8  # of those of a server without any other run

_FEW = 2_000  # runs that are completed in each database
_HELD = 10_000  # runs that one worker names when it greets the server
_SETTLING = 2.0  # seconds


@dataclass(frozen=True)
class Found:
    """One database, measured."""

    count: int
    ready: list[float]  # seconds
    ready_cpu: list[float]  # seconds of the server
    memory: float  # bytes
    idle: float  # of a core
    completions: float  # per second
    cpu: float  # seconds of the server, per completion


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: few runs, many and very many."""
    counts = (_FEW, 10_000) if quick else (_FEW, 10_000, 100_000)
    found = [_measured(count, rounds=2 if quick else 5, seconds=5 if quick else 20) for count in counts]
    few = found[0]
    per_run = [(each.memory - few.memory) / (each.count - few.count) for each in found[1:]]
    yield Report(
        title="Waiting runs (SQLite)",
        how=(
            "Each run has made a token, recorded a step and waits. For memory and idle CPU workers are connected that hold "
            f"all of them in memory, {_HELD:,} each, and a `waitpoint worker` that holds none; a server that was just started.\n"
            f"Idle CPU: of the server process, of one core. Restart: after kill -9, until /readyz answers 200. Completions: "
            f"{_FEW:,} of the runs' tokens over {CONNECTIONS} connections, each queueing its run, with no worker connected.\n"
            "No run may have been begun by any of this until its token was completed (checked). "
            f"Load average {machine.describe()['load average']}; where it is high, trust the CPU. {machine.pinning()}"
        ),
        columns=(
            "waiting runs",
            "server memory a run",
            "idle CPU",
            "restart until ready",
            "completions per second",
            "CPU each",
        ),
        rows=[
            (
                f"{each.count:,}",
                "–"
                if each is few
                else f"{readable(per_run[number - 1])} bytes{_mark(reached=per_run[number - 1] < BYTES)}",
                f"{each.idle:.2%}{_mark(reached=each.idle < IDLE)}",
                f"{Spread.of(each.ready)} s, CPU {Spread.of(each.ready_cpu).median:.2f} s{_mark(reached=each.count > 10_000 or Spread.of(each.ready).median < READY)}",
                readable(each.completions)
                if each is few
                else f"{readable(each.completions)}, {against(each.completions / few.completions, COMPLETIONS, at_least=True)}",
                f"{readable(each.cpu * 1e6)} µs",
            )
            for number, each in enumerate(found)
        ],
        figures={str(each.count): each.__dict__ for each in found} | {"bytes_per_run": per_run},
    )


def _mark(*, reached: bool) -> str:
    return "" if reached else " (MISSED)"


def _measured(count: int, *, rounds: int, seconds: float) -> Found:
    with filling.waiting_runs(count) as (url, runs):
        ready, ready_cpu = [], []
        for _ in range(rounds):
            with servers.waitpoint(url) as server:
                ready.append(server.seconds_to_ready)
                ready_cpu.append(machine.cpu_seconds(server.pid))
                server.stop(signal.SIGKILL)
        with servers.waitpoint(url) as server:
            memory, idle = _at_rest(server, runs, seconds)
        _expect_all_to_wait(url, count)
        with servers.waitpoint(url) as server:
            completions, cpu = _complete(server, runs[:_FEW])
        return Found(count, ready, ready_cpu, memory, idle, completions, cpu)


def _at_rest(server: Server, runs: Sequence[Waiting], seconds: float) -> tuple[float, float]:
    """The memory of the server, and the share of a core that it uses, while all workers are there and nothing happens."""
    with ExitStack() as stack:
        stack.enter_context(servers.worker(server, "benchmarks.moderation"))
        for number in range(0, len(runs), _HELD):
            socket = stack.enter_context(
                connect(f"ws://127.0.0.1:{server.port}/api/v1/workers", additional_headers=AUTHORIZED, proxy=None)
            )
            parked = [[run.run_id, 1] for run in runs[number : number + _HELD]]
            hello = {"id": 0, "type": "hello", "tasks": ["moderation"], "slots": 1000, "parked": parked}
            socket.send(json.dumps([{**hello, "worker": filling.holder_of(number)}]))
            (welcome,) = json.loads(socket.recv())
            if welcome["lost"]:
                raise RuntimeError(f"{len(welcome['lost'])} runs did not belong to the worker that held them")
        time.sleep(_SETTLING)
        before, began = machine.cpu_seconds(server.pid), time.perf_counter()
        time.sleep(seconds)
        idle = (machine.cpu_seconds(server.pid) - before) / (time.perf_counter() - began)
        return machine.memory_bytes(server.pid), idle


def _expect_all_to_wait(url: str, count: int) -> None:
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as database:
        found = database.execute("SELECT status, generation, count(*) FROM runs GROUP BY 1, 2").fetchall()
    if found != [("WAITING", 1, count)]:
        raise RuntimeError(f"runs were begun although nobody had answered: {found}")


def _complete(server: Server, runs: Sequence[Waiting]) -> tuple[float, float]:
    requests = [request("POST", f"{TOKENS}/{run.token_ids[0]}/complete", AUTHORIZED, COMPLETE_BODY) for run in runs]
    before = machine.cpu_seconds(server.pid)
    answers = drive(server.port, requests, connections=CONNECTIONS)
    return answers.per_second, (machine.cpu_seconds(server.pid) - before) / len(requests)
