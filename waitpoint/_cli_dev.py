# ruff: noqa: T201 (a command prints)
"""`waitpoint dev`: a server and a worker for the tasks that are being written, which begins anew when they change."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import socket
import string
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import FrameType
from typing import Self

DESCRIPTION = """\
Run a server, and a worker for the tasks of MODULE, or for those that MODULE:ATTRIBUTE holds.

Whenever a Python file in this folder changes, the worker begins anew; runs that wait go on with the new code.
The database and the key are kept in .waitpoint/ here, unless WAITPOINT_DATABASE_URL and WAITPOINT_SECRET_KEY say
otherwise. Ctrl-C ends both."""

KEY_ALPHABET = string.ascii_letters + string.digits
KEY_LENGTH = 24  # the form that the official SDK recognises: tr_dev_sk_ + 24 characters
READY_WITHIN = 60.0  # seconds
LET_GO_WITHIN = 5.0  # seconds for a worker that is to make room for another
STOP_WITHIN = 15.0  # seconds for everything, when it is over

Process = subprocess.Popen[bytes]


def main(argv: Sequence[str]) -> int:
    """Run both until told to stop."""
    options = _parser().parse_args(argv)
    stop = threading.Event()

    def leave(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, leave)
    place = Workshop(Path.cwd(), options.port or _free_port())
    with place:
        return place.work(options.module, stop)


def development_key(path: Path) -> str:
    """The key in `path`, made on the first call; only its owner can read the file."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    key = "tr_dev_sk_" + "".join(secrets.choice(KEY_ALPHABET) for _ in range(KEY_LENGTH))
    with os.fdopen(descriptor, "w") as file:
        file.write(key + "\n")
    return key


def furnish(home: Path) -> None:
    """Keep the database and the key in this folder. What the environment already says is left as it is."""
    home.mkdir(mode=0o700, exist_ok=True)
    home.chmod(0o700)
    (home / ".gitignore").write_text("*\n")  # nobody's key belongs into a repository
    os.environ.setdefault("WAITPOINT_DATABASE_URL", f"sqlite:///{home / 'waitpoint.sqlite3'}")
    os.environ.setdefault("WAITPOINT_SECRET_KEY", development_key(home / "secret-key"))


class Workshop:
    """The two processes of a folder. They end with it."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._url = f"http://127.0.0.1:{port}"
        self._here, self._lifeline = os.pipe()  # nobody but this process holds the second end
        self._server: Process | None = None
        self._worker: Process | None = None

    def __enter__(self) -> Self:
        furnish(self._folder / ".waitpoint")
        return self

    def __exit__(self, *_: object) -> None:
        """The worker first: what it has at work can still be told to the server."""
        for process in (self._worker, self._server):
            _end(process, STOP_WITHIN)
        os.close(self._here)
        os.close(self._lifeline)

    def work(self, module: str, stop: threading.Event) -> int:
        """Serve, work, and begin the work anew with every change. Gives the exit code."""
        serve = ["serve", "--host", "127.0.0.1", "--port", str(self._port), "--show-key"]
        self._server = _launch(serve, self._here, **os.environ)
        if not self._is_ready(stop):
            return 0 if stop.is_set() else self._server.poll() or 1
        self._begin(module)
        for changed in self._changes(stop):
            if self._server.poll() is not None:
                print("waitpoint dev: the server has ended.", file=sys.stderr)
                return self._server.returncode or 1
            if changed:
                print(f"waitpoint dev: {', '.join(changed)} changed; the worker begins anew.", file=sys.stderr)
                _end(self._worker, LET_GO_WITHIN)
                self._begin(module)
        return 0

    def _begin(self, module: str) -> None:
        self._worker = _launch(["worker", module], self._here, **os.environ | {"WAITPOINT_URL": self._url})

    def _is_ready(self, stop: threading.Event) -> bool:
        """Wait until the server answers, ends, or takes too long."""
        deadline = time.monotonic() + READY_WITHIN
        while self._server is not None and self._server.poll() is None and time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self._url}/readyz", timeout=5):  # noqa: S310 (our own server)
                    return True
            except (urllib.error.URLError, OSError):
                if stop.wait(0.1):
                    break
        return False

    def _changes(self, stop: threading.Event) -> Iterable[list[str]]:
        """The files that have changed; none, now and then, so that somebody can look at the processes."""
        from watchfiles import PythonFilter, watch  # noqa: PLC0415 (it comes with the server)

        looked = watch(
            self._folder, watch_filter=PythonFilter(), stop_event=stop, rust_timeout=500, yield_on_timeout=True
        )
        for changes in looked:
            yield sorted({os.path.relpath(path, self._folder) for _, path in changes})


def _launch(arguments: list[str], here: int, **environment: str) -> Process:
    """A process in a session of its own: Ctrl-C reaches this one only, which ends the others in order.

    If this one is killed, they notice that nobody is `here` any more, and end by themselves.
    """
    command = [sys.executable, "-m", "waitpoint._cli_dev", str(here), *arguments]
    return subprocess.Popen(command, env=environment, start_new_session=True, pass_fds=[here])  # noqa: S603 (our own)


def _child(parent: str, arguments: list[str]) -> int:
    """What is launched: a command as somebody would type it, for as long as its parent lives."""
    from waitpoint import _cli  # noqa: PLC0415 (which imports this module)

    os.set_inheritable(int(parent), False)
    threading.Thread(target=_end_with, args=[int(parent)], name="waitpoint-parent", daemon=True).start()
    return _cli.main(arguments)


def _end_with(parent: int) -> None:
    os.read(parent, 1)  # nothing is ever written: it returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_WITHIN)
    os._exit(1)


def _end(process: Process | None, within: float) -> None:
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "waitpoint dev", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("module", metavar="MODULE[:ATTRIBUTE]", help="where the tasks are: orders.tasks")
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the server (default: %(default)s; 0 for any free one)"
    )
    return parser


if __name__ == "__main__":
    raise SystemExit(_child(sys.argv[1], sys.argv[2:]))
