"""One process owns a SQLite file."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.database.ownership import AlreadyOwned, Ownership
from tests.databases import path_of
from tests.fixtures import running
from tests.servers import RunningServer

HOLD = """
import sys
from pathlib import Path
from app.database.ownership import Ownership
Ownership(Path(sys.argv[1])).take()
print("owned", flush=True)
sys.stdin.read()
"""


def test_a_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    """Within one process as between two."""
    first, second = Ownership(tmp_path / "w.db"), Ownership(tmp_path / "w.db")
    first.take()

    with pytest.raises(AlreadyOwned, match=f"in use by process {os.getpid()}"):
        second.take()

    first.give_back()
    second.take()
    second.give_back()


def test_another_name_for_the_same_file_is_the_same_file(tmp_path: Path) -> None:
    """A link to the file, or to its folder, does not make a second database."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "w.db").touch()
    (tmp_path / "link.db").symlink_to(folder / "w.db")
    (tmp_path / "folder").symlink_to(folder)
    owner = Ownership(folder / "w.db")
    owner.take()

    for name in (tmp_path / "link.db", tmp_path / "folder" / "w.db", folder / ".." / "data" / "w.db"):
        with pytest.raises(AlreadyOwned):
            Ownership(name).take()
    owner.give_back()


def test_a_process_that_was_killed_owns_nothing(tmp_path: Path) -> None:
    """The lock ends with its process, however that ended; no file has to be removed by hand."""
    path = tmp_path / "w.db"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert "owned\n" == holder.stdout.readline()
    with pytest.raises(AlreadyOwned, match=f"in use by process {holder.pid}"):
        Ownership(path).take()

    holder.send_signal(signal.SIGKILL)
    holder.communicate()

    owner = Ownership(path)
    owner.take()
    owner.give_back()


def test_a_child_does_not_inherit_the_file(tmp_path: Path) -> None:
    """A program that the server started must not keep the file after the server has gone."""
    owner = Ownership(tmp_path / "w.db")
    owner.take()
    with subprocess.Popen(["sleep", "30"]) as child:
        owner.give_back()
        again = Ownership(tmp_path / "w.db")
        again.take()
        again.give_back()
        child.kill()


def test_a_second_server_on_the_same_file_says_so_and_ends(sqlite_url: str, tmp_path: Path) -> None:
    """Exit code 2 and a sentence with the number of the process; the first server does not notice."""
    with running(RunningServer(sqlite_url, tmp_path)) as first:
        folder = tmp_path / "second"
        folder.mkdir()
        second = RunningServer(sqlite_url, folder)
        second.launch()
        assert second.process is not None

        assert 2 == second.process.wait(30)

        assert f"{path_of(sqlite_url)} is in use by process {first.pid}: stop it first" in second.log
        assert "Traceback" not in second.log
        assert first.is_ready()
