"""What a newcomer pastes first runs as it stands: the programs of the README and of the tutorial."""

import re
import threading
import time
from pathlib import Path

import pytest

from tests.servers import RunningServer
from waitpoint import Waitpoint
from waitpoint.testing import Rehearsal

ROOT = Path(__file__).parents[2]


def blocks(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", (ROOT / page).read_text(), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "tag", "says"), [("README.md", "moderation", "published"), ("docs/tutorial.md", "tutorial", "Published.")]
)
def test_the_first_program_waits_and_goes_on(
    page: str,
    tag: str,
    says: str,
    shared_server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It asks, somebody approves, it prints what came of it."""
    monkeypatch.setenv("WAITPOINT_URL", shared_server.url)
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", shared_server.key)
    with Waitpoint(url=shared_server.url, secret_key=shared_server.key) as client:
        others = {token.id for token in client.tokens.list(tags=[tag])}
    somebody = threading.Thread(target=approve, args=(shared_server, tag, others))

    somebody.start()
    exec(compile(blocks(page)[0], page, "exec", dont_inherit=True), {"__name__": "__main__"})
    somebody.join()

    assert says == capsys.readouterr().out.splitlines()[-1]


@pytest.mark.parametrize(("approved", "output"), [(True, "published: Hello"), (False, "held")])
def test_the_task_of_the_readme_goes_on_with_the_answer(approved: bool, output: str) -> None:
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(blocks("README.md")[1], "README.md", "exec", dont_inherit=True), names)

    with Rehearsal() as rehearsal:
        run = rehearsal.start(names["moderate"], "Hello")  # type: ignore[arg-type]
        rehearsal.complete(run.token, {"approved": approved})

        assert output == run.output


def approve(server: RunningServer, tag: str, others: set[str]) -> None:
    """Approve the one token with this tag that is none of the others, as soon as it waits."""
    with Waitpoint(url=server.url, secret_key=server.key) as client:
        deadline = time.monotonic() + 60
        while not (asked := {token.id for token in client.tokens.list(status="WAITING", tags=[tag])} - others):
            assert time.monotonic() < deadline, "nobody asked"
            time.sleep(0.1)
        client.tokens.complete(asked.pop(), {"approved": True})
