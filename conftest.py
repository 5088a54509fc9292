"""The fixtures that `tests/` and `e2e/` share, and how many processes run them."""

import os

import pytest

pytest_plugins = ["tests.fixtures", "tests.makers"]


@pytest.hookimpl
def pytest_xdist_auto_num_workers() -> int:
    """`pytest -n auto`: one more than there are cores, because a test mostly waits for a server or a browser."""
    return (os.cpu_count() or 1) + 1
