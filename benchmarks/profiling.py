"""Where the time of a loaded server goes: py-spy, sampled and added up."""

import re
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from . import machine, servers
from .servers import Server
from .throughput import Rounds, complete_request, complete_tokens, create_tokens

_BATCH = 4_000  # requests between two looks at the clock
_SECONDS = 10
_RATE = 300  # samples a second
_SHOWN = 30  # lines of each table

# py-spy shows a frame as "function (package/file.py:line)". Everything else is the standard library.
_FRAME = re.compile(r"\((app/\w+|\w+)")
_PACKAGES = frozenset(
    {
        "jinja2",
        "jwt",
        "litestar",
        "msgspec",
        "prometheus_client",
        "psycopg",
        "sqlalchemy",
        "sqlmodel",
        "structlog",
        "uvicorn",
    }
)


KINDS = ("create", "complete", "complete-publicly")


def profile(kind: str) -> None:
    """Load a fresh server on SQLite with one kind of request, and print where its time goes."""
    py_spy = _installed()
    with servers.sqlite() as url, servers.waitpoint(url) as server:
        create_tokens(server, 1_000, Rounds())
        rounds = Rounds()
        samples = _sampled(py_spy, server, kind, rounds)
    per_request = sum(rounds.cpu) / len(rounds.cpu) * 1e6
    total = sum(count for _, count in samples)
    print(
        f"{kind}: {total:,} samples, {per_request:.0f} µs of CPU per request (the profiler's own cost is not in it)\n"
    )
    for title, counts in _tables(samples).items():
        print(f"{title}\n{'-' * len(title)}")
        for name, count in counts.most_common(_SHOWN):
            print(f"{count / total:6.1%} {count / total * per_request:6.1f} µs  {name}")
        print()


def _installed() -> Path:
    """py-spy in an environment of its own: it is a tool, no dependency."""
    folder = machine.ROOT / "benchmarks" / ".cache" / "py-spy"
    program = folder / "bin" / "py-spy"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([folder / "bin" / "python", "-m", "pip", "install", "--quiet", "py-spy"], check=True)
    return program


def _sampled(py_spy: Path, server: Server, kind: str, rounds: Rounds) -> list[tuple[list[str], int]]:
    waiting = [] if kind == "create" else create_tokens(server, _SECONDS * 5_000, Rounds())
    with tempfile.NamedTemporaryFile(suffix=".txt") as found:
        options = [
            "--format",
            "raw",
            "--threads",
            "--rate",
            str(_RATE),
            "--duration",
            str(_SECONDS),
            "--nonblocking",
        ]
        recording = subprocess.Popen(
            [py_spy, "record", *options, "--function", "--output", found.name, "--pid", str(server.pid)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while recording.poll() is None:
            if kind == "create":
                create_tokens(server, _BATCH, rounds)
            else:
                batch, waiting = waiting[:_BATCH], waiting[_BATCH:]
                if not batch:
                    recording.send_signal(signal.SIGINT)
                    break
                complete_tokens(
                    server, [complete_request(token, publicly=kind == "complete-publicly") for token in batch], rounds
                )
        recording.wait()
        return list(_parsed(Path(found.name).read_text()))


def _parsed(raw: str) -> Iterator[tuple[list[str], int]]:
    for line in raw.splitlines():
        frames, _, count = line.rpartition(" ")
        thread, *stack = frames.split(";")
        if not stack:
            continue  # a thread that was just beginning
        yield [re.sub(r"^thread \(\w+\): ", "", thread), *stack], int(count)


def _tables(samples: list[tuple[list[str], int]]) -> dict[str, Counter[str]]:
    threads, packages, own, inclusive = (Counter[str]() for _ in range(4))
    for (thread, *frames), count in samples:
        threads[thread] += count
        packages[_package(frames)] += count
        own[frames[-1]] += count
        for frame in set(frames):
            inclusive[frame] += count
    return {
        "By thread": threads,
        "By package (the standard library counts for its caller)": packages,
        "Own time": own,
        "With callees": inclusive,
    }


def _package(frames: list[str]) -> str:
    for frame in reversed(frames):
        found = _FRAME.search(frame)
        if found and (found[1].startswith("app/") or found[1] in _PACKAGES):
            return found[1]
    return "standard library"
