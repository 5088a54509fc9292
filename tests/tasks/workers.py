"""A real `waitpoint worker`, started, stopped and killed as an operator or an accident would."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

WAITPOINT = Path(sys.executable).parent / "waitpoint"
ORDERS = Path(__file__).parent / "orders.py"
PATIENCE = 60.0  # seconds: on a busy machine a process takes long to start

T = TypeVar("T")


class RunningWorker:
    """One worker process, of `tests/tasks/orders.py` unless another module is named."""

    def __init__(self, url: str, key: str, folder: Path, *options: str, module: Path = ORDERS) -> None:
        self.ledger_path = folder / "ledger"
        self.ledger_path.touch()
        self.log_path = folder / f"worker-{time.monotonic_ns()}.log"
        self._command = [str(WAITPOINT), "worker", module.stem, *options]
        self._beside = module.parent
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("WAITPOINT_")},
            "WAITPOINT_URL": url,
            "WAITPOINT_SECRET_KEY": key,
            "LEDGER": str(self.ledger_path),
            "GATE": str(folder / "gate"),
        }
        self.process = self._launched()

    def _launched(self) -> "subprocess.Popen[bytes]":
        with self.log_path.open("ab") as log:
            return subprocess.Popen(
                self._command, cwd=self._beside, env=self._environment, stdout=log, stderr=subprocess.STDOUT
            )

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    @property
    def ledger(self) -> list[str]:
        """What happened in the world, line by line."""
        return self.ledger_path.read_text().splitlines()

    def kill9(self) -> None:
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Nothing of it runs, and its connections stay open."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on, and does not know that it was away."""
        self.process.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        self.process = self._launched()

    def stop(self) -> int:
        """As an operator does; gives the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=20)


def eventually(look: Callable[[], T | None], what: str = "it", within: float = PATIENCE) -> T:
    """What is there soon."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"{what} did not happen within {within:g} s"
        time.sleep(0.02)
    return found
