"""A real `waitpoint serve`, started, stopped and killed as an operator or an accident would."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from tests.cast import ADAS_KEY, CLEOS_KEY

WAITPOINT = Path(sys.executable).parent / "waitpoint"
START_LIMIT = 90.0  # seconds until /readyz must answer 200; half a second when nothing else runs
STOP_LIMIT = 15.0  # seconds; the promise is 10


class RunningServer:
    """One server process; after `restart()` it is the same address and database, and a new process."""

    def __init__(self, database_url: str, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.database_url = database_url
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.key = ADAS_KEY
        self.prod_key = CLEOS_KEY
        self.folder = folder
        self.settings = settings or {}
        self.process: subprocess.Popen[bytes] | None = None
        self._log_path = folder / f"server-{self.port}.log"

    @property
    def log(self) -> str:
        """Everything that the server has printed since its first start."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    @property
    def pid(self) -> int:
        """The number of the running process."""
        assert self.process is not None, "the server is not running"
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start, and return when the server is ready."""
        self.launch()
        self.wait_until_ready()

    def launch(self) -> None:
        """Start, and return at once."""
        assert not self.is_running, "the server is running already"
        command = [str(WAITPOINT), "serve", "--host", "127.0.0.1", "--port", str(self.port)]
        with self._log_path.open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.folder, env=self._environment(), stdout=log, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        """Return when /readyz answers 200; fail with the log when the server ends or takes too long."""
        deadline = time.monotonic() + START_LIMIT
        while not self.is_ready():
            if not self.is_running:
                raise AssertionError(f"The server ended while starting:\n{self.log}")
            if time.monotonic() > deadline:
                self.kill9()
                raise AssertionError(f"The server was not ready after {START_LIMIT} s:\n{self.log}")
            time.sleep(0.02)

    def is_ready(self) -> bool:
        """Whether /readyz answers 200 now."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self) -> int:
        """Ask the server to end, wait until it has, and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill9(self) -> int:
        """End the server as a power cut would: nothing of it runs any more."""
        return self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop, and start again on the same port and database."""
        self.stop()
        self.start()

    def _end(self, number: signal.Signals) -> int:
        process, self.process = self.process, None
        if process is None:
            return 0
        process.send_signal(number)
        try:
            return process.wait(timeout=STOP_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError(f"The server did not stop within {STOP_LIMIT} s:\n{self.log}") from None

    def _environment(self) -> dict[str, str]:
        return {
            **without_our_settings(os.environ),
            "WAITPOINT_DATABASE_URL": self.database_url,
            "WAITPOINT_SECRET_KEY": self.key,
            "WAITPOINT_SECRET_KEYS": f"prod={self.prod_key}",
            "PYTHONUNBUFFERED": "1",
            **self.settings,
        }


def free_port() -> int:
    """A port of the loopback interface that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def without_our_settings(environment: "os._Environ[str] | dict[str, str]") -> dict[str, str]:
    """The environment without what a developer's shell may say about Waitpoint."""
    return {name: value for name, value in environment.items() if not name.startswith("WAITPOINT_")}
