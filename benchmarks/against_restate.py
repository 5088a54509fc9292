"""Durable runs that wait, ours beside Restate's: begun, answered, and how soon their code goes on."""

import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import msgspec

from tests.adapters import restate_server
from tests.adapters.restate_server import RestateServer
from tests.contract.nodejs import NODE
from tests.servers import free_port

from . import machine, servers
from .figures import Report, Spread, against, milliseconds, quantile, readable
from .load import drive, request
from .servers import AUTHORIZED, TOKENS
from .throughput import COMPLETE_BODY, CONNECTIONS

RATE = 1.5  # times as many as Restate
LATENCY = 0.7  # of the time that Restate takes

_LOST_AFTER = 300.0  # seconds
_SLOTS = 100

_UNLIKE = """\
Not like for like: Waitpoint's tokens can be listed, found by tags and answered from pages, and their events are logged; \
awakeables have only an id. Waitpoint keeps an SQLite file (synchronous=FULL), Restate its own log and RocksDB with default \
settings. Waitpoint's worker is Python, Restate's service Node.js; each runs user code in one thread, which the CPU of both \
counts. Restate's service is spoken to over HTTP/2 streams, so its waiting code stays in memory for a minute, as ours does in \
a worker. Both answer a trigger with the id of the run: Restate when it is in its log, we when it is in the table of runs."""


@dataclass
class Side:
    """One of the two: how to ask it, and what came of each round."""

    port: int
    pids: Sequence[int]
    notes: Path
    trigger: bytes
    answer: Callable[[str], bytes]
    begun: list[float] = field(default_factory=list)  # runs per second until all wait
    answered: list[float] = field(default_factory=list)  # answers per second until all have gone on
    latencies: list[float] = field(default_factory=list)  # seconds
    cpu_begun: list[float] = field(default_factory=list)  # seconds of all processes, per run
    cpu_answered: list[float] = field(default_factory=list)
    _read: int = 0

    def noted(self, what: str, count: int) -> dict[str, float]:
        """The ids of so many new notes of this kind, and when each was made."""
        deadline = time.monotonic() + _LOST_AFTER
        while True:
            lines = self.notes.read_bytes()[self._read :].decode().splitlines(keepends=True)
            found = [line.split() for line in lines if line.endswith("\n")]
            if len(found) >= count:
                break
            if time.monotonic() > deadline:
                raise RuntimeError(f"{len(found)} of {count} runs said that they were {what}")
            time.sleep(0.01)
        self._read += sum(len(line.encode()) for line in lines)
        moments = {token: float(moment) for kind, token, moment in found if kind == what}
        if len(moments) != count or len(found) != count:
            raise RuntimeError(f"{count} runs were to be {what} once each, and {len(found)} notes were made")
        return moments

    def cpu(self) -> float:
        return sum(machine.cpu_seconds(pid) for pid in self.pids)


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: both in turns, so that drift hits both alike."""
    rounds, runs, single = (2, 300, 50) if quick else (5, 2_000, 200)
    with ExitStack() as stack:
        ours, theirs = stack.enter_context(_waitpoint()), stack.enter_context(_restate())
        for side in (ours, theirs):
            _round(side, 100, 20)
            side.begun, side.answered, side.latencies, side.cpu_begun, side.cpu_answered = [], [], [], [], []
        busy, own, began = machine.busy_seconds(), ours.cpu() + theirs.cpu() + time.process_time(), time.perf_counter()
        for _ in range(rounds):
            for side in (ours, theirs):
                _round(side, runs, single)
        used = ours.cpu() + theirs.cpu() + time.process_time() - own
        others = (machine.busy_seconds() - busy - used) / (time.perf_counter() - began)
    yield _report(ours, theirs, rounds, runs, single, others)


def _round(side: Side, runs: int, single: int) -> None:
    """Begin and answer many at once, then some one after the other."""
    before = side.cpu()
    began_at = drive(side.port, [side.trigger] * runs, connections=CONNECTIONS).began_at
    told = side.noted("told", runs)
    side.begun.append(runs / (max(told.values()) - began_at))
    time.sleep(1)  # for the last to have come to wait
    side.cpu_begun.append((side.cpu() - before) / runs)

    before = side.cpu()
    began_at = drive(side.port, [side.answer(token) for token in told], connections=CONNECTIONS).began_at
    resumed = side.noted("resumed", runs)
    side.answered.append(runs / (max(resumed.values()) - began_at))
    time.sleep(1)  # for the last to have ended
    side.cpu_answered.append((side.cpu() - before) / runs)

    drive(side.port, [side.trigger] * single, connections=CONNECTIONS)
    told = side.noted("told", single)
    time.sleep(1)
    for token in told:
        answers = drive(side.port, [side.answer(token)], connections=1)
        side.latencies.append(side.noted("resumed", 1)[token] - answers.began_at)


@contextmanager
def _waitpoint() -> Iterator[Side]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        notes = folder / "notes"
        notes.touch()
        server = stack.enter_context(servers.waitpoint(stack.enter_context(servers.sqlite())))
        options = ("--slots", str(_SLOTS), "--max-parked", "100000")
        worker = stack.enter_context(servers.worker(server, "benchmarks.moderation", *options, NOTES=str(notes)))
        trigger = request("POST", "/api/v1/tasks/moderation/trigger", AUTHORIZED, {"payload": {"content": "Hello"}})
        yield Side(
            server.port,
            (server.pid, worker),
            notes,
            trigger,
            lambda token: request("POST", f"{TOKENS}/{token}/complete", AUTHORIZED, COMPLETE_BODY),
        )


@contextmanager
def _restate() -> Iterator[Side]:
    """Its server beside ours on one core, its service beside our worker on the other."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp", ignore_cleanup_errors=True)))
        notes = folder / "notes"
        notes.touch()
        service = restate_server.install() / "moderation.mjs"
        shutil.copyfile(Path(__file__).parent / "restate" / service.name, service)
        restate = RestateServer(folder)
        restate.start()
        stack.callback(restate.end)
        port = free_port()
        with (folder / "service.log").open("ab") as log:
            node = subprocess.Popen([str(NODE), str(service), str(port), str(notes)], stdout=log, stderr=log)
        stack.callback(node.wait, 15)
        stack.callback(node.send_signal, signal.SIGTERM)
        pids = (restate.process.pid if restate.process else 0, node.pid)
        machine.pin(pids[0], machine.SERVER_CORE)
        machine.pin(pids[1], machine.CLIENT_CORE)
        _register(restate, f"http://127.0.0.1:{port}")
        data = msgspec.to_builtins(COMPLETE_BODY["data"])
        yield Side(
            restate.ingress_port,
            pids,
            notes,
            request("POST", "/Moderation/moderate/send", {}, "Hello"),
            lambda token: request("POST", f"/restate/awakeables/{token}/resolve", {}, data),
        )


def _register(restate: RestateServer, url: str) -> None:
    for _ in range(100):
        try:
            restate.register(url)
        except OSError:
            time.sleep(0.2)  # Node.js is still starting
        else:
            return
    raise RuntimeError("the Restate service did not start")


def _report(ours: Side, theirs: Side, rounds: int, runs: int, single: int, others: float) -> Report:
    rates = [
        ("trigger, make a token, tell, wait: a second", ours.begun, theirs.begun),
        ("answer and go on: a second", ours.answered, theirs.answered),
    ]
    cpu = [
        ("CPU of all processes for the first", ours.cpu_begun, theirs.cpu_begun),
        ("CPU of all processes for the second", ours.cpu_answered, theirs.cpu_answered),
    ]
    p50, p99 = ((quantile(ours.latencies, share), quantile(theirs.latencies, share)) for share in (0.5, 0.99))
    return Report(
        title=f"Durable runs that wait, beside Restate, {CONNECTIONS} connections",
        how=(
            f"{rounds} rounds of {runs:,} runs, in turns (one round to warm up), then {single} answered one by one. "
            f"{_versions()}\nThe first ends when the last run has told of its token, the second when the code of the last one "
            "goes on; both are noted by that code, on one clock. Every run told once and went on once (checked).\n"
            f"Waitpoint: HTTP, `waitpoint serve` on SQLite, `waitpoint worker --slots {_SLOTS}`, limits, log and durability on. "
            f"Restate: HTTP, its server with default settings, a service in Node.js with an awakeable and a `run`.\n{_UNLIKE}\n"
            f"{machine.pinning()} Everything else on the machine used {others:.1f} cores meanwhile"
            + (": taken under load, so trust the CPU more than the clock." if others > 0.15 else ".")
        ),
        columns=("what", "Waitpoint", "Restate", "ratio"),
        rows=[
            *(
                (name, str(Spread.of(mine)), str(Spread.of(other)), against(_ratio(mine, other), RATE, at_least=True))
                for name, mine, other in rates
            ),
            *(
                (
                    name,
                    f"{readable(median(mine) * 1e6)} µs",
                    f"{readable(median(other) * 1e6)} µs",
                    f"{_ratio(mine, other):.2f}×",
                )
                for name, mine, other in cpu
            ),
            ("answer → code goes on, p50", *map(milliseconds, p50), against(p50[0] / p50[1], LATENCY, at_least=False)),
            ("answer → code goes on, p99", *map(milliseconds, p99), f"{p99[0] / p99[1]:.2f}×"),
        ],
        figures={
            name: {
                "begun": side.begun,
                "answered": side.answered,
                "latencies": side.latencies,
                "cpu_begun": side.cpu_begun,
                "cpu_answered": side.cpu_answered,
            }
            for name, side in (("waitpoint", ours), ("restate", theirs))
        },
    )


def _ratio(mine: Sequence[float], other: Sequence[float]) -> float:
    return median(one / another for one, another in zip(mine, other, strict=True))


def _versions() -> str:
    packages = msgspec.json.decode((restate_server.SOURCES / "package.json").read_bytes())["dependencies"]
    node = subprocess.run([str(NODE), "--version"], capture_output=True, text=True, check=True).stdout.strip()
    names = ", ".join(f"{name} {version}" for name, version in packages.items())
    return f"Restate: {names}, Node.js {node}."
