"""What the page about tasks says is true: every block runs."""

import re
from pathlib import Path

import pytest

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "write-durable-tasks.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", GUIDE, flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_block_runs(block: str) -> None:
    """As pasted."""
    exec(compile(block, "write-durable-tasks.md", "exec", dont_inherit=True), {"__name__": "__main__"})


def test_there_are_blocks() -> None:
    """And not none, for want of a fence."""
    assert len(BLOCKS) > 4
