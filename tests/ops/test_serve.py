"""`waitpoint serve`: what it says, what it refuses, and how it stops."""

import os
import shlex
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from app import cli
from app.settings import is_private, load
from tests.cast import ADAS_KEY, headers_of
from tests.databases import path_of
from tests.ops.conftest import typed
from tests.servers import WAITPOINT, RunningServer, free_port, without_our_settings

TOKENS = "/api/v1/waitpoints/tokens"


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def refused(*words: str, **settings: str) -> str:
    """The one sentence of a server that does not start."""
    done = typed("serve", *words, **settings)
    assert 2 == done.returncode, done.stderr
    assert "" == done.stdout
    assert "Traceback" not in done.stderr
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("waitpoint serve: ")
    return sentence


def test_a_port_in_use(busy_port: int, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"

    assert f"port {busy_port} of 127.0.0.1 is in use" in refused("--port", str(busy_port), database_url=url)
    assert [] == [*tmp_path.iterdir()]


def test_an_address_of_another_machine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'w.db'}"

    assert "no address of this machine" in refused("--host", "192.0.2.1", "--port", "0", database_url=url)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:////nowhere/at/all/w.db", "there is no folder /nowhere/at/all"),
        ("sqlite:////tmp", "/tmp is a folder, not a file"),
        ("sqlite:////proc/w.db", "/proc/w.db cannot be written"),
        ("sqlite://", "an SQLite database needs a file"),
        ("mysql://host/name", "unknown database 'mysql'"),
        ("somewhere", "write it as sqlite:///path"),
        ("postgresql://ada:SECRETWORD@127.0.0.1:1/w", "the database cannot be reached"),
    ],
)
def test_a_database_that_cannot_be(url: str, reason: str) -> None:
    sentence = refused("--port", "0", database_url=url)

    assert reason in sentence
    assert "SECRETWORD" not in sentence


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "w.db"
    path.write_text("a letter to a friend\n" * 100)

    assert "file is not a database" in refused("--port", "0", database_url=f"sqlite:///{path}")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"public_url": "wait.example.com"}, "WAITPOINT_PUBLIC_URL: write it as https://"),
        ({"public_url": "https://wait.example.com/waitpoint"}, "WAITPOINT_PUBLIC_URL: write it as https://"),
        ({"public_url": "https://wait.example.com:port"}, "WAITPOINT_PUBLIC_URL: write it as https://"),
        ({"public_url": "http://wait.example.com"}, "WAITPOINT_PUBLIC_URL: sign-ins and answers could be read"),
        ({"secret_key": "hunter2hunter2"}, "WAITPOINT_SECRET_KEY: an API key looks like"),
        ({"secret_keys": "hunter2hunter2"}, "WAITPOINT_SECRET_KEYS: write it as dev=tr_dev_sk_…"),
        ({"rate_limit": "none"}, "WAITPOINT_RATE_LIMIT: "),
        ({"log_level": "loud"}, "WAITPOINT_LOG_LEVEL: "),
    ],
)
def test_a_setting_that_is_wrong(
    settings: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting is named, and its value, which may be a secret, is not repeated."""
    for name, value in settings.items():
        monkeypatch.setenv(f"WAITPOINT_{name.upper()}", value)

    status = cli.main(["serve", "--port", "0"])
    sentence = capsys.readouterr().err

    assert 2 == status
    assert f"waitpoint serve: {reason}" in sentence
    assert "hunter2" not in sentence


@pytest.mark.parametrize(
    ("public_url", "is_fine"),
    [
        ("https://wait.example.com", True),
        ("http://localhost:8000", True),
        ("http://10.1.2.3:8000", True),
        ("http://[::1]:8000", True),
        ("http://waitpoint:8000", True),
        ("http://wait.example.internal", True),
        ("http://wait.example.com", False),
        ("http://8.8.8.8", False),
        ("http://[2001:4860:4860::8888]", False),
    ],
)
def test_only_a_private_network_needs_no_https(public_url: str, is_fine: bool) -> None:
    assert is_fine == is_private(public_url)
    assert public_url == load(public_url=public_url, allow_http=True).public_url


def test_a_second_server_on_one_file(server: RunningServer) -> None:
    """On SQLite one process owns the file; PostgreSQL takes as many as there are."""
    if server.database_url.startswith("postgresql"):
        second = RunningServer(server.database_url, server.folder)
        second.start()
        second.stop()
    else:
        assert f"is in use by process {server.pid}" in refused("--port", "0", database_url=server.database_url)


def test_a_database_that_breaks_while_starting(database_url: str) -> None:
    """What is found out late is said in a sentence, too."""
    statement = "DROP TABLE signing_keys"
    run_statement(database_url, statement)

    done = typed("serve", "--port", "0", database_url=database_url)

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
    assert "the database cannot be used" in done.stderr.splitlines()[-1]


def test_a_newer_schema(database_url: str) -> None:
    run_statement(database_url, "UPDATE alembic_version SET version_num = 'm9999_from_the_future'")

    assert "newer schema (m9999_from_the_future): use a newer waitpoint" in refused(
        "--port", "0", database_url=database_url
    )


def test_an_older_schema(empty_database_url: str, tmp_path: Path) -> None:
    """SQLite is brought up to date by the server, PostgreSQL by a command of its own."""
    if empty_database_url.startswith("postgresql"):
        assert "run `waitpoint migrate` first" in refused("--port", "0", database_url=empty_database_url)
    else:
        server = RunningServer(empty_database_url, tmp_path)
        server.start()
        assert 0 == server.stop()


@pytest.mark.parametrize("words", [("--port", "70000"), ("--port", "http"), ("--workers", "2")])
def test_arguments_that_are_not_understood(words: tuple[str, ...]) -> None:
    done = typed("serve", *words)

    assert 2 == done.returncode
    assert "Traceback" not in done.stderr
    assert words[-1] in done.stderr


@pytest.mark.parametrize(("shown", "pasted_with"), [(("--show-key",), {}), ((), {"WAITPOINT_SECRET_KEY": ADAS_KEY})])
def test_the_printed_command_works_when_it_is_pasted(
    tmp_path: Path, shown: tuple[str, ...], pasted_with: dict[str, str]
) -> None:
    """A development server prints its key; any other asks the shell, so that no log ever holds a key."""
    port = free_port()
    greeting = tmp_path / "greeting"
    environment = without_our_settings(os.environ) | {
        "WAITPOINT_DATABASE_URL": f"sqlite:///{tmp_path / 'w.db'}",
        "WAITPOINT_SECRET_KEY": ADAS_KEY,
    }
    with greeting.open("wb") as output:
        server = subprocess.Popen([WAITPOINT, "serve", "--port", str(port), *shown], env=environment, stdout=output)
    try:
        said = wait_for("curl", greeting)
        pasted = "curl" + said.partition("curl")[2].partition("\n\n")[0]
        shell = without_our_settings(os.environ) | pasted_with
        done = subprocess.run(["sh", "-c", pasted], env=shell, capture_output=True, text=True, check=False, timeout=20)
    finally:
        server.terminate()
        server.wait(15)

    assert '"id":"waitpoint_' in done.stdout
    assert '"approvalUrl":"http://127.0.0.1:' in done.stdout
    assert (ADAS_KEY in said) == bool(shown)
    assert shlex.split(pasted)[0] == "curl"


def test_where_logs_are_for_machines_no_link_is_printed(database_url: str, tmp_path: Path) -> None:
    server = RunningServer(database_url, tmp_path, {"WAITPOINT_LOG_FORMAT": "json"})
    server.start()
    server.stop()

    assert "/sign-in/" not in server.log
    assert "waitpoint people link" in server.log


def test_it_stops_soon_with_open_polls_and_sockets(server: RunningServer) -> None:
    """Long polls are answered, sockets are told to come back, and the exit code says that all went well."""
    token = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json={}).json()["id"]
    answers: list[int] = []

    def poll() -> None:
        answer = httpx.get(f"{server.url}{TOKENS}/{token}/wait?timeout=60s", headers=headers_of(ADAS_KEY), timeout=70)
        answers.append(answer.status_code)

    polls = [threading.Thread(target=poll) for _ in range(5)]
    for thread in polls:
        thread.start()
    address = server.url.replace("http", "ws") + "/api/v1/realtime"
    with ExitStack() as stack:
        lines = [stack.enter_context(connect(address, additional_headers=headers_of(ADAS_KEY))) for _ in range(5)]
        time.sleep(0.5)
        begun = time.monotonic()
        status = server.stop()
        took = time.monotonic() - begun
        codes = [code_of_end(line) for line in lines]
    for thread in polls:
        thread.join(5)

    assert 0 == status
    assert took < 10
    assert [200] * 5 == answers
    assert [1012] * 5 == codes


def test_a_signal_before_it_is_ready_is_a_clean_end(empty_database_url: str, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [WAITPOINT, "serve", "--port", "0"],
        env=without_our_settings(os.environ) | {"WAITPOINT_DATABASE_URL": f"sqlite:///{tmp_path / 'w.db'}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    time.sleep(0.8)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=15)

    assert b"Traceback" not in output
    assert process.returncode in {0, -signal.SIGTERM}  # the latter: Python had not begun to run our code


def code_of_end(line: ClientConnection) -> int | None:
    """With which code the server closed a socket."""
    try:
        while True:
            line.recv(timeout=5)
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code


def run_statement(url: str, statement: str) -> None:
    """What no server would do."""
    if url.startswith("postgresql"):
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement.encode())
    else:
        with closing(sqlite3.connect(path_of(url))) as database:
            database.execute(statement)
            database.commit()


def wait_for(text: str, file: Path) -> str:
    deadline = time.monotonic() + 30
    while text not in (said := file.read_text()) or not said.endswith('"\n'):
        assert time.monotonic() < deadline, said
        time.sleep(0.05)
    return said
