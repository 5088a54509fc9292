"""The machine that measures: its cores, its versions, and what a process costs on it."""

import os
import platform
import resource
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

_PACKAGES = (
    "litestar",
    "uvicorn",
    "uvloop",
    "httptools",
    "sqlalchemy",
    "sqlmodel",
    "msgspec",
    "psycopg",
    "pyjwt",
)
_TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).parent.parent


def _cores() -> list[int]:
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


_CORES = _cores()
SERVER_CORE = {_CORES[0]} if len(_CORES) > 1 else None
CLIENT_CORE = {_CORES[1]} if len(_CORES) > 1 else None


def pin(pid: int, cores: set[int] | None) -> None:
    """Keep a process on these cores. Where that is not possible nothing happens, and `pinning` says so."""
    if cores:
        os.sched_setaffinity(pid, cores)


def pinning() -> str:
    """One sentence: who runs where."""
    if SERVER_CORE and CLIENT_CORE:
        return f"Server on core {min(SERVER_CORE)}, load generator on core {min(CLIENT_CORE)}."
    return "Server and load generator share the cores (one core, or no affinity on this system)."


def allow_many_sockets() -> int:
    """Raise the limit of open files as far as allowed, and say how far that is."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return most


def cpu_seconds(pid: int) -> float:
    """CPU time used by a process with all its threads, from /proc; NaN where there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / _TICKS


def busy_seconds() -> float:
    """CPU time that all processes of the machine have used together, from /proc; NaN where there is none."""
    try:
        fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    except OSError:
        return float("nan")
    user, nice, system, _idle, _waiting, irq, softirq = (int(field) for field in fields[1:8])
    return (user + nice + system + irq + softirq) / _TICKS


def memory_bytes(pid: int) -> float:
    """Resident memory of a process, from /proc; NaN where there is none."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return float("nan")


def describe() -> dict[str, str]:
    """Everything that a reader of the figures should know about where they come from."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "machine": f"{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
        "load average": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{package} {version(package)}" for package in _PACKAGES),
        "command": f"python -m benchmarks {' '.join(sys.argv[1:])}".strip(),
    }


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--", "app", "waitpoint", "templates")
    return f"{git('rev-parse', '--short', 'HEAD') or 'none'}{' with uncommitted changes' if changed else ''}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
