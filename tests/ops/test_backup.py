"""A backup is a whole copy of one instant, made while the server goes on."""

import json
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.cast import ADAS_KEY, headers_of
from tests.databases import path_of
from tests.fixtures import running
from tests.ops.conftest import typed
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"


@pytest.fixture
def sqlite_server(tmp_path: Path) -> Iterator[RunningServer]:
    """A server with a file of its own."""
    with running(RunningServer(f"sqlite:///{tmp_path / 'waitpoint.db'}", tmp_path)) as server:
        yield server


def test_a_restored_backup_serves_what_was_answered_before_it(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """Ada creates on and on while two backups are made; every one starts, is sound, and misses nothing older than itself."""
    created: list[str] = []
    stop = threading.Event()

    def create_on() -> None:
        with httpx.Client(base_url=sqlite_server.url, headers=headers_of(ADAS_KEY)) as ada:
            while not stop.is_set():
                created.append(ada.post(TOKENS, json={"timeout": "1h", "tags": ["x"]}).json()["id"])
                time.sleep(0.005)

    busy = threading.Thread(target=create_on)
    busy.start()
    copies: list[tuple[Path, list[str]]] = []
    for number in range(2):
        before = list(created)
        done = typed("backup", str(tmp_path / f"copy-{number}.db"), database_url=sqlite_server.database_url)
        assert 0 == done.returncode, done.stderr
        copies.append((tmp_path / f"copy-{number}.db", before))
    stop.set()
    busy.join()

    for path, before in copies:
        assert [] == [*path.parent.glob(f"{path.name}-*")]
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        assert set(before) <= tokens_in(path)
    assert 0 == typed("doctor", "--deep", database_url=f"sqlite:///{copies[-1][0]}").returncode
    with running(RunningServer(f"sqlite:///{copies[-1][0]}", tmp_path)) as restored:
        answer = httpx.get(f"{restored.url}{TOKENS}/{copies[-1][1][-1]}", headers=headers_of(ADAS_KEY))
        assert "WAITING" == answer.json()["status"]


def test_the_files_of_answers_are_in_it(sqlite_server: RunningServer, tmp_path: Path) -> None:
    """They lie beside the copy as they lie beside the database, and a restored server gives them."""
    form = {"type": "object", "properties": {"cv": {"type": "object", "format": "file"}}}
    with httpx.Client(base_url=sqlite_server.url, headers=headers_of(ADAS_KEY)) as ada:
        token = f"{TOKENS}/{ada.post(TOKENS, json={'request': {'form': form}}).json()['id']}"
        file = ada.post(f"{token}/files", files={"file": ("cv.txt", b"Ben", "text/plain")}).json()
        ada.post(f"{token}/complete", json={"data": {"cv": file}}).raise_for_status()

    done = typed("backup", str(tmp_path / "copy.db"), database_url=sqlite_server.database_url)

    assert "files beside it: 1." in done.stdout, done.stderr
    with running(RunningServer(f"sqlite:///{tmp_path / 'copy.db'}", tmp_path)) as restored:
        answer = httpx.get(f"{restored.url}{token}/files/{file['id']}", headers=headers_of(ADAS_KEY))
    assert b"Ben" == answer.content


def tokens_in(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as copy:
        assert ("ok",) == copy.execute("PRAGMA integrity_check").fetchone()
        return {token for (token,) in copy.execute("SELECT id FROM tokens")}


def test_a_backup_without_a_server(tmp_path: Path) -> None:
    """Into a folder it gets the name of its moment."""
    url = f"sqlite:///{tmp_path / 'waitpoint.db'}"
    folder = tmp_path / "backups"
    folder.mkdir()
    typed("migrate", database_url=url)

    made = json.loads(typed("backup", str(folder), "--json", database_url=url).stdout)

    assert [Path(made["path"])] == [*folder.iterdir()]
    assert Path(made["path"]).name.startswith("waitpoint-2")
    assert made["size"] == Path(made["path"]).stat().st_size


def test_a_backup_never_replaces_a_file(sqlite_server: RunningServer, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear friend")

    there = typed("backup", str(tmp_path / "letter.txt"), database_url=sqlite_server.database_url)
    nowhere = typed("backup", str(tmp_path / "no" / "b.db"), database_url=sqlite_server.database_url)

    assert (1, 1) == (there.returncode, nowhere.returncode)
    assert "is there already" in there.stderr
    assert "there is no folder" in nowhere.stderr
    assert "dear friend" == (tmp_path / "letter.txt").read_text()


def test_a_place_that_cannot_be_written(sqlite_server: RunningServer, tmp_path: Path) -> None:
    done = typed("backup", "/proc/copy.db", database_url=sqlite_server.database_url)

    assert 1 == done.returncode
    assert "/proc/copy.db cannot be written" in done.stderr


def test_postgresql_is_copied_with_its_own_tool(shared_server: RunningServer, tmp_path: Path) -> None:
    if shared_server.database_url.startswith("sqlite"):
        assert path_of(shared_server.database_url).exists()
        return
    done = typed("backup", str(tmp_path / "b.db"), database_url=shared_server.database_url)

    assert 1 == done.returncode
    assert "pg_dump --format=custom" in done.stderr
