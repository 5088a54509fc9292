"""`waitpoint dev`: one command for those who write tasks."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import WAITPOINT, free_port, without_our_settings
from tests.tasks.workers import eventually
from waitpoint import ServerUnavailable, Waitpoint
from waitpoint._cli import main

PATIENCE = 90.0  # seconds; whole processes are started, and a busy machine is slow at that

CODE = """
from waitpoint import task, wait

@task(id="greet")
async def greet(name):
    await wait.for_token(await wait.create_token(timeout=None))
    return f"{word} {{name}}"
"""


class Workshop:
    """A folder with tasks in it, and the command that runs there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.log_path = folder / "log"
        self.write("Hello")
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [str(WAITPOINT), "dev", "shop", "--port", str(self.port)],
                cwd=folder,
                env=without_our_settings(os.environ),
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def write(self, word: str) -> None:
        (self.folder / "shop.py").write_text(CODE.format(word=word) if word else "this is no Python")

    def says(self, words: str, times: int = 1) -> None:
        eventually(lambda: self.log_path.read_text().count(words) >= times, f"{words!r}: {self.log}", PATIENCE)

    @property
    def log(self) -> str:
        return self.log_path.read_text()

    def client(self) -> Waitpoint:
        key = (self.folder / ".waitpoint" / "secret-key").read_text().strip()
        return Waitpoint(url=f"http://127.0.0.1:{self.port}", secret_key=key)


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """At work."""
    workshop = Workshop(tmp_path)
    yield workshop
    workshop.process.kill()
    workshop.process.wait()


@pytest.mark.slow
def test_nothing_lives_on_when_it_is_killed(workshop: Workshop) -> None:
    """Its server would keep the port, and its worker the runs."""
    workshop.says("Connected to")
    launched = Path(f"/proc/{workshop.process.pid}/task/{workshop.process.pid}/children").read_text().split()
    assert 2 == len(launched)

    workshop.process.kill()

    eventually(lambda: not any(Path(f"/proc/{each}").exists() for each in launched), "the end", PATIENCE)


@pytest.mark.slow
def test_tasks_are_written_while_they_run(workshop: Workshop) -> None:
    """A run that waits goes on with the new code. A mistake is said, and mended by the next change."""
    workshop.says("Connected to")
    with workshop.client() as client:
        run = client.runs.trigger("greet", {"name": "Ada"})
        (token,) = eventually(lambda: [*client.tokens.list(status="WAITING")], "waiting", PATIENCE)
        workshop.write("")
        workshop.says("SyntaxError")
        workshop.write("Good day")
        workshop.says("Connected to", times=2)

        client.tokens.complete(token)
        *_, end = client.runs.subscribe(run)
        assert "Good day Ada" == end.output

        workshop.process.send_signal(signal.SIGINT)
        assert 0 == workshop.process.wait(PATIENCE), workshop.log
        with pytest.raises(ServerUnavailable):
            client.runs.retrieve(run)
    assert "Traceback" not in workshop.log.rpartition("Connected to")[2]


def test_a_command_without_a_module_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    """As all others are."""
    assert 2 == main(["dev"])
    assert "MODULE" in capsys.readouterr().err
