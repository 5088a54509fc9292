"""Other engines as published: their run waits on our token, survives crashes on either side, and is answered once.

The programs are those of docs/examples/adapters, unchanged.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.adapters import restate_server
from tests.adapters.restate_server import RestateServer
from tests.databases import DatabaseMaker
from tests.fixtures import running
from tests.servers import RunningServer, free_port, without_our_settings
from tests.tasks.workers import eventually

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples" / "adapters"
GUIDE = (EXAMPLES.parents[1] / "how-to" / "use-another-engine.md").read_text()
PARTS = [
    (program, block)
    for block, program in re.findall(
        r"^```python\n(.*?)^```\n\n[^\n]*/adapters/(\w+\.py)\)", GUIDE, re.DOTALL | re.MULTILINE
    )
]
PATIENCE = 120.0  # seconds: many processes start here, and a busy machine takes its time
_ASKED = re.compile(r"^please look at (waitpoint_[0-9a-f]+): Hello$", re.MULTILINE)


class Program:
    """A program beside a server; what it prints is kept through its crashes."""

    def __init__(self, server: RunningServer, folder: Path, *arguments: str) -> None:
        self._arguments = arguments
        self._folder = folder
        self._log_path = folder / f"{Path(arguments[0]).stem if arguments[0] != '-m' else arguments[1]}.log"
        self._environment = {
            **without_our_settings(os.environ),
            "WAITPOINT_URL": server.url,
            "WAITPOINT_SECRET_KEY": server.key,
            "PYTHONPATH": str(EXAMPLES),
        }
        self.start()

    @property
    def log(self) -> str:
        return self._log_path.read_text()

    @property
    def asked(self) -> list[str]:
        """The tokens that a moderator was told of."""
        return _ASKED.findall(self.log)

    def start(self) -> None:
        with self._log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._arguments],
                cwd=self._folder,
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def end(self, how: signal.Signals = signal.SIGKILL) -> int:
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self._process.wait(timeout=30)

    def says(self, line: str) -> None:
        """Sooner or later."""
        eventually(lambda: line in self.log.splitlines(), f"{line!r} ({self.log[-3000:]})", PATIENCE)

    def asks(self) -> str:
        """The token of which a moderator is told."""
        eventually(lambda: self.asked, f"the question ({self.log[-3000:]})", PATIENCE)
        return self.asked[0]

    def ended(self) -> int:
        return self._process.wait(timeout=PATIENCE)


@pytest.fixture
def server(make_database: DatabaseMaker, tmp_path: Path) -> Iterator[RunningServer]:
    """A server that may be killed."""
    with make_database("sqlite") as url, running(RunningServer(url, tmp_path)) as server:
        yield server


def answer(server: RunningServer, token: str, *, approved: bool) -> dict[str, Any]:
    path = f"{server.url}/api/v1/waitpoints/tokens/{token}/complete"
    headers = {"authorization": f"Bearer {server.key}"}
    done = httpx.post(path, json={"data": {"approved": approved}}, headers=headers, timeout=30, trust_env=False)
    assert 200 == done.status_code, done.text
    answered: dict[str, Any] = done.json()
    return answered


def tokens_of(server: RunningServer, tag: str) -> list[str]:
    path = f"{server.url}/api/v1/waitpoints/tokens?filter[tags]={tag}"
    found = httpx.get(path, headers={"authorization": f"Bearer {server.key}"}, timeout=30, trust_env=False)
    return [token["id"] for token in found.json()["data"]]


@pytest.mark.parametrize("engine", ["dbos", "langgraph"])
def test_a_run_survives_the_crash_of_either_side(engine: str, server: RunningServer, tmp_path: Path) -> None:
    """Its process is killed while it waits, then our server; the first answer reaches it, once."""
    with ExitStack() as stack:
        program = Program(server, tmp_path, str(EXAMPLES / f"{engine}_moderation.py"), "run-1", "Hello")
        stack.callback(program.end)
        token = program.asks()
        program.end()
        server.kill9()
        program.start()
        server.start()

        first = answer(server, token, approved=True)
        second = answer(server, token, approved=False)

        program.says("outcome: published")
        assert 0 == program.ended()
        program.start()  # somebody begins it once more: all is said
        assert 0 == program.ended()
    assert "alreadyCompleted" not in first
    assert second["alreadyCompleted"]
    assert {token} == {*program.asked}
    assert [token] == tokens_of(server, engine)
    assert 1 == program.log.splitlines().count("published Hello")
    assert "held Hello" not in program.log.splitlines()


def test_a_restate_run_survives_the_crash_of_everybody(server: RunningServer, tmp_path: Path) -> None:
    """Restate suspends it. The service, Restate, the bridge and our server are killed, and all come back."""
    port = free_port()
    with ExitStack() as stack:
        restate = RestateServer(tmp_path, {"RESTATE_DEFAULT_NUM_PARTITIONS": "1"})
        restate.start()
        stack.callback(restate.end)
        serve = ("-m", "uvicorn", "restate_moderation:app", "--port", str(port))
        service = Program(server, tmp_path, *serve)
        stack.callback(service.end)
        eventually(lambda: "Uvicorn running" in service.log, service.log, PATIENCE)
        restate.register(f"http://127.0.0.1:{port}", http1=True)
        begun = restate.call("/Moderation/moderate/send", "Hello")["invocationId"]
        token = service.asks()
        eventually(lambda: _status(restate, begun) == "suspended", "suspension", PATIENCE)

        for end in (service.end, restate.kill9, server.kill9):
            end()
        server.start()
        answer(server, token, approved=True)
        bridge = Program(
            server, tmp_path, "-m", "waitpoint.adapters.restate", "--ingress", restate.ingress, "--place", "place.json"
        )
        stack.callback(bridge.end)
        eventually(lambda: "begins anew" in bridge.log, bridge.log, PATIENCE)  # for Restate is not there
        bridge.end()
        service.start()
        restate.start()
        bridge.start()

        assert "published" == restate.call(f"/restate/invocation/{begun}/attach")
        place = eventually(lambda: path if (path := tmp_path / "place.json").exists() else None, "a place", PATIENCE)
        assert place is not None
        place.unlink()  # a bridge that has forgotten everything delivers again, to no effect
        bridge.end()
        bridge.start()
        eventually(place.exists, "another delivery", PATIENCE)
    assert {token} == {*service.asked}
    assert [token] == tokens_of(server, "restate")
    assert 1 == service.log.splitlines().count("published Hello")


@pytest.mark.parametrize(("program", "block"), PARTS)
def test_the_page_shows_what_the_programs_say(program: str, block: str) -> None:
    """Line by line, in their order; the page leaves out what is not about waiting."""
    lines = iter([line.strip() for line in (EXAMPLES / program).read_text().splitlines()])

    missing = [line for line in block.splitlines() if line.strip() and line.strip() not in lines]

    assert [] == missing


def test_the_lock_names_no_registry() -> None:
    """So that whoever has a registry of their own installs from it."""
    assert '"resolved"' not in (restate_server.SOURCES / "package-lock.json").read_text()


def _status(restate: RestateServer, invocation: str) -> str:
    rows = restate.query(f"SELECT status FROM sys_invocation WHERE id = '{invocation}'")
    return str(rows[0]["status"]) if rows else "none"
