"""Typing commands as an operator does."""

import os
import subprocess
from collections.abc import Callable

import pytest

from tests.servers import WAITPOINT, RunningServer, without_our_settings

Done = subprocess.CompletedProcess[str]
Type = Callable[..., Done]


def typed(*words: str, **settings: str) -> Done:
    """Run `waitpoint …` with these settings and wait for its end."""
    environment = without_our_settings(os.environ) | {
        f"WAITPOINT_{name.upper()}": value for name, value in settings.items()
    }
    command = [str(WAITPOINT), *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture
def command(database_url: str) -> Type:
    """A command beside, or without, a server on the same database."""

    def run(*words: str, **settings: str) -> Done:
        return typed(*words, **({"database_url": database_url} | settings))

    return run


@pytest.fixture
def beside(server: RunningServer) -> Type:
    """A command while the server runs."""

    def run(*words: str, **settings: str) -> Done:
        assert server.is_running
        return typed(*words, **({"database_url": server.database_url} | settings))

    return run
