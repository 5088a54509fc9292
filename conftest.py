"""The fixtures that `tests/` and `e2e/` share, and how many processes run them."""

import os

import pytest
from hypothesis import settings

# The same examples in every run: what was green stays green. `--hypothesis-profile=searching` looks for others.
settings.register_profile("fixed", derandomize=True)
settings.register_profile("searching")
settings.load_profile("fixed")

pytest_plugins = ["tests.fixtures", "tests.makers"]


@pytest.hookimpl
def pytest_xdist_auto_num_workers() -> int:
    """`pytest -n auto`: one more than there are cores, because a test mostly waits for a server or a browser."""
    return (os.cpu_count() or 1) + 1
