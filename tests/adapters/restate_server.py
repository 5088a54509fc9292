"""Restate as published on npm, in the git-ignored cache, and started as an operator would."""

import fcntl
import json
import os
import platform
import shutil
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.contract.nodejs import NODE, NPM, ROOT, SETTINGS
from tests.servers import free_port

SOURCES = Path(__file__).parent / "restate"
INSTALLED = ROOT / ".cache" / "restate"

_START_LIMIT = 60.0  # seconds


def install() -> Path:
    """Bring the cache to what package-lock.json says: the server, 190 MB, and the SDK. Quick when it is there."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    with (INSTALLED / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        installed, wanted = INSTALLED / "installed.json", SOURCES / "package-lock.json"
        if not installed.exists() or installed.read_bytes() != wanted.read_bytes():
            for path in SOURCES.iterdir():
                shutil.copyfile(path, INSTALLED / path.name)
            # Its scripts only report that somebody has installed it.
            command = [str(NODE), str(NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
            done = subprocess.run(
                command, cwd=INSTALLED, env={**os.environ, **SETTINGS}, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"npm ci failed:\n{done.stdout}\n{done.stderr}"
            shutil.copyfile(wanted, installed)
    return INSTALLED


def binary() -> Path:
    """The server for this machine."""
    kind = "arm64" if platform.machine() in {"arm64", "aarch64"} else "x64"
    package = f"restate-server-{platform.system().lower()}-{kind}"
    return install() / "node_modules" / "@restatedev" / package / "bin" / "restate-server"


class RestateServer:
    """One server; after `start()` following `kill9()` it is the same addresses and data, and a new process."""

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self._folder = folder
        self.ingress_port, self._admin_port, self._node_port = free_port(), free_port(), free_port()
        self.ingress = f"http://127.0.0.1:{self.ingress_port}"
        self._admin = f"http://127.0.0.1:{self._admin_port}"
        self._settings = {
            "RESTATE_NODE_NAME": "waitpoint",
            "RESTATE_BASE_DIR": str(folder / "restate"),
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_IP": "127.0.0.1",
            "RESTATE_ADVERTISED_HOST": "127.0.0.1",
            "RESTATE_BIND_PORT": str(self._node_port),
            "RESTATE_INGRESS__BIND_PORT": str(self.ingress_port),
            "RESTATE_ADMIN__BIND_PORT": str(self._admin_port),
            "RESTATE_DISABLE_TELEMETRY": "true",
            **(settings or {}),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return when calls are taken."""
        with (self._folder / "restate.log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(binary()), "--no-logo"],
                cwd=self._folder,
                env={**os.environ, **self._settings},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_LIMIT
        while not all(map(_is_well, (f"{self._admin}/health", f"{self.ingress}/restate/health"))):
            assert self.process.poll() is None, (self._folder / "restate.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "Restate did not start"
            time.sleep(0.05)

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        process, self.process = self.process, None
        if process is not None:
            process.send_signal(how)
            process.wait(timeout=30)

    def kill9(self) -> None:
        self.end(signal.SIGKILL)

    def register(self, url: str, *, http1: bool = False) -> None:
        """Tell it where a service is."""
        self.ask(f"{self._admin}/deployments", {"uri": url, "use_http_11": http1, "force": True})

    def call(self, path: str, body: Any = None) -> Any:
        return self.ask(f"{self.ingress}{path}", body)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """What its own tables say."""
        rows: list[dict[str, Any]] = self.ask(f"{self._admin}/query", {"query": sql})["rows"]
        return rows

    def ask(self, url: str, body: Any = None) -> Any:
        headers = {"content-type": "application/json", "accept": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=60) as answer:
            return json.loads(answer.read() or b"null")


def _is_well(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
