"""How long a restart takes with many waiting tokens."""

import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager

from . import filling, machine, servers
from .figures import Report, Spread

WAITING = 100_000


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: an empty database and a full one, stopped kindly and unkindly."""
    rounds = 2 if quick else 5
    databases: dict[str, AbstractContextManager[str]] = {
        "no tokens": servers.sqlite(),
        f"{WAITING:,} waiting tokens": filling.waiting(WAITING),
    }
    found = {}
    for name, database in databases.items():
        with database as url:
            for how in (signal.SIGTERM, signal.SIGKILL):
                found[f"{name}, after {how.name}"] = _restarts(url, how, rounds)
    yield Report(
        title="Restart until ready (SQLite)",
        how=f"From the start of the process until GET /readyz answers 200, {rounds} times each. {machine.pinning()}",
        columns=("database", "seconds"),
        rows=[(name, str(Spread.of(seconds))) for name, seconds in found.items()],
        figures=dict(found),
    )


def _restarts(url: str, how: signal.Signals, rounds: int) -> list[float]:
    seconds = []
    with servers.waitpoint(url) as server:
        server.stop(how)
    for _ in range(rounds):
        with servers.waitpoint(url) as server:
            seconds.append(server.seconds_to_ready)
            server.stop(how)
    return seconds
