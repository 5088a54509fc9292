"""The doctor sees what is wrong, says so in a sentence, and its exit code is for monitoring."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from app.admin.doctor import CHECKS, Finding, examine
from app.admin.site import Site, beside
from app.opening import unopened_database
from app.places import file_system_of
from app.settings import Settings
from tests.cast import ADAS_KEY, headers_of
from tests.databases import DatabaseMaker, copy_sqlite, path_of
from tests.fixtures import KINDS
from tests.ops.conftest import Done, Type, typed
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"


def findings(done: Done, level: str = "problem") -> dict[str, str]:
    """What was found at a level, by check."""
    assert done.stdout, done.stderr
    return by_check([Finding(**finding) for finding in json.loads(done.stdout)["findings"]], level)


def by_check(found: Sequence[Finding], level: str) -> dict[str, str]:
    says: dict[str, str] = {}
    for finding in found:
        if finding.level == level and "fsync = off" not in finding.says:  # our PostgreSQL does without, to be quick
            says[finding.check] = f"{says.get(finding.check, '')} {finding.says}"
    return says


def create(server: RunningServer, **fields: Any) -> str:
    answer = httpx.post(f"{server.url}{TOKENS}", headers=headers_of(ADAS_KEY), json=fields)
    return str(answer.json()["id"])


def change(url: str, *statements: str) -> None:
    """What no server would do."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(path_of(url))) as database:
            for statement in statements:
                database.execute(statement)
            database.commit()
    else:
        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def test_all_is_well(server: RunningServer, beside: Type) -> None:
    """Every check speaks, and a settled, a cancelled, a timed-out and a waiting token are in order."""
    create(server)
    for last in ("complete", "cancel"):
        token = create(server, tags=["a", "b"])
        httpx.post(f"{server.url}{TOKENS}/{token}/{last}", headers=headers_of(ADAS_KEY), json={})
    create(server, timeout="1s")
    time.sleep(2)

    done = beside("doctor", "--deep", "--json")

    assert {} == findings(done)
    assert "4 tokens" in findings(done, "fine")["tokens"]
    assert set(CHECKS) == {finding["check"] for finding in json.loads(done.stdout)["findings"]}
    if server.database_url.startswith("sqlite"):
        assert 0 == done.returncode
        assert json.loads(done.stdout)["well"]


def test_it_speaks_to_people(server: RunningServer, beside: Type) -> None:
    done = beside("doctor")

    assert "schema" in done.stdout
    assert "The server writes" in done.stdout or "No server was asked" in done.stdout


def test_without_a_server_it_looks_by_itself(command: Type) -> None:
    assert {} == findings(command("doctor", "--deep", "--json"))


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    done = typed("doctor", "--json", database_url=f"sqlite:///{tmp_path / 'none.db'}")

    assert 1 == done.returncode
    assert "There is no database" in findings(done)["database"]
    assert [] == [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("statements", "check", "says"),
    [
        (["UPDATE alembic_version SET version_num = 'm9999_later'"], "schema", "newer schema"),
        (["DELETE FROM alembic_version"], "schema", "older schema"),
        (["ALTER TABLE tokens ADD COLUMN colour TEXT"], "schema", "differ"),
        (["UPDATE log_head SET seq = 0"], "log", "beyond the head"),
        (["DELETE FROM events WHERE seq = 2"], "log", "1 events are missing"),
        (["UPDATE log_head SET at = at + 86400000"], "clock", "went back"),
        (["UPDATE tokens SET timeout_at = 1000 WHERE status = 'WAITING'"], "deadlines", "1 tokens"),
        (["UPDATE tokens SET completed_at = 1000 WHERE status = 'WAITING'"], "tokens", "without an"),
        (["UPDATE tokens SET status = 'LOST'"], "tokens", "unknown status"),
        (["UPDATE token_tags SET status = 'COMPLETED'"], "tokens", "another status"),
        (["UPDATE tokens SET output = '{' WHERE status = 'COMPLETED'"], "tokens", "no JSON"),
        (["DELETE FROM events WHERE kind = 'token.completed'"], "tokens", "more or less than once"),
        (["UPDATE events SET kind = 'x' WHERE kind = 'token.created'"], "tokens", "never created"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_named(patient: str, statements: Sequence[str], check: str, says: str) -> None:
    change(patient, *statements)
    settings = Settings(database_url=patient)
    site = Site(unopened_database(settings), settings, "http://127.0.0.1:8000", has_server=False)

    found = examine(site, deep=True)

    level = "notice" if (check, patient.startswith("sqlite")) == ("deadlines", True) else "problem"
    assert says in by_check(found, level)[check]


@pytest.fixture(scope="module", params=KINDS)
def filled(request: pytest.FixtureRequest, make_database: DatabaseMaker, tmp_path_factory: Any) -> Iterator[str]:
    """A database with one token that waits and one that is answered, and no server."""
    with make_database(request.param) as url:
        server = RunningServer(url, tmp_path_factory.mktemp("filled"))
        server.start()
        create(server, tags=["a"])
        token = create(server)
        httpx.post(f"{server.url}{TOKENS}/{token}/complete", headers=headers_of(ADAS_KEY), json={"data": 1})
        server.stop()
        yield url


@pytest.fixture
def patient(filled: str, make_database: DatabaseMaker, tmp_path: Path) -> Iterator[str]:
    """A copy that a test may spoil."""
    if filled.startswith("sqlite"):
        copy_sqlite(path_of(filled), tmp_path / "patient.db")
        yield f"sqlite:///{tmp_path / 'patient.db'}"
        return
    copy = make_database.cluster.create_database(make_database.cluster.name_of(filled))
    yield copy
    make_database.cluster.drop_database(copy)


def test_a_damaged_file(database_url: str) -> None:
    """A page that was overwritten is noticed, and what to do is said."""
    if database_url.startswith("postgresql"):
        pytest.skip("PostgreSQL keeps its own files")
    path = path_of(database_url)
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(os.urandom(4096))

    done = typed("doctor", "--deep", "--json", database_url=database_url)

    assert 1 == done.returncode
    assert "integrity" in findings(done) or "database" in findings(done)


def test_another_program_that_has_the_file_open(server: RunningServer, beside: Type) -> None:
    if server.database_url.startswith("postgresql"):
        pytest.skip("PostgreSQL takes any number of programs")
    holds = "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1]); c.execute('select * from tokens'); print(1, flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", holds, path_of(server.database_url)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        done = beside("doctor", "--json")
        other.kill()

    assert f"Process {other.pid} has" in findings(done)["owner"]


def test_a_long_look_does_not_hold_up_a_server_that_stops() -> None:
    """A backup of hours ends with the server, not the server with the backup."""
    never = threading.Event()

    async def stop_in_the_middle() -> None:
        looking = asyncio.create_task(beside(never.wait, 60))
        await asyncio.sleep(0.05)
        looking.cancel()

    begun = time.monotonic()
    asyncio.run(stop_in_the_middle())
    took = time.monotonic() - begun
    never.set()

    assert took < 10


def test_what_goes_wrong_beside_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        asyncio.run(beside(lambda: 1 / 0))
    assert 3 == asyncio.run(beside(sum, [1, 2]))


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/data/w.db", "nfs4"), ("/data/local/w.db", "ext4"), ("/with space/w.db", "cifs"), ("/home/w.db", "ext4")],
)
def test_a_disk_is_known_by_its_mount(path: str, kind: str) -> None:
    mounts = "/dev/a / ext4 rw 0 0\nhost:/x /data nfs4 rw 0 0\n/dev/b /data/local ext4 rw 0 0\n//h/s /with\\040space cifs rw 0 0\n"

    assert kind == file_system_of(Path(path), mounts)
