"""What the pages about the clients say is true: every block runs, every name is there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import waitpoint
from tests.servers import RunningServer
from waitpoint import _errors

DOCS = Path(__file__).parents[2] / "docs"
GUIDE = (DOCS / "how-to" / "use-the-clients.md").read_text()
REFERENCE = (DOCS / "reference" / "sdk.md").read_text()
ASKING = (DOCS / "how-to" / "ask-a-person.md").read_text()
BLOCKS = re.findall(r"^## (.*?)$|^```python\n(.*?)^```", GUIDE + ASKING, flags=re.DOTALL | re.MULTILINE)


def python_blocks() -> Iterator[object]:
    """Each block of the guide, named after its heading."""
    heading = ""
    for title, block in BLOCKS:
        heading = title or heading
        if block:
            yield pytest.param(block, id=heading)


@pytest.mark.parametrize("block", python_blocks())
def test_every_block_runs(block: str, shared_server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """As pasted, against a real server."""
    monkeypatch.setenv("WAITPOINT_URL", shared_server.url)
    monkeypatch.setenv("WAITPOINT_SECRET_KEY", shared_server.key)

    exec(compile(block, "use-the-clients.md", "exec"), {"__name__": "__main__"})


def test_the_reference_names_everything_there_is() -> None:
    """And a new name is not forgotten."""
    missing = [name for name in waitpoint.__all__ if name not in REFERENCE]
    missing += [name for name in waitpoint.wait.__all__ if f"wait.{name}" not in REFERENCE]
    options = [*waitpoint.CreateOptions.__annotations__, *waitpoint.ListFilters.__annotations__]
    missing += [name for name in options if f"`{name}`" not in REFERENCE]

    assert [] == missing


def test_the_exceptions_are_drawn_as_they_are() -> None:
    """In the docstring, in the reference, and in the code."""
    assert _errors.__doc__ is not None
    drawn = re.search(r"WaitpointError\n(    .*\n)+", _errors.__doc__)
    assert drawn is not None
    for line in drawn[0].splitlines():
        assert line.removeprefix("    ") in REFERENCE
        name = line.strip("│├└─ ").split(" ")[0]
        assert issubclass(getattr(waitpoint, name), waitpoint.WaitpointError)
