import os
import re
import stat
from pathlib import Path

import pytest

from scripts import run_development_server
from waitpoint._cli_dev import development_key


def test_the_development_key_is_made_once(tmp_path: Path) -> None:
    """A developer pastes it into a shell today and expects it to work tomorrow."""
    path = tmp_path / "secret-key"

    first, second = development_key(path), development_key(path)

    assert first == second
    assert re.fullmatch(r"tr_dev_sk_[0-9a-zA-Z]{24}", first)


def test_only_its_owner_reads_the_development_key(tmp_path: Path) -> None:
    path = tmp_path / "secret-key"

    development_key(path)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_development_server_has_a_database_and_a_key_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a developer has said in the environment wins."""
    home = tmp_path / ".waitpoint"
    started: list[list[str]] = []
    monkeypatch.setattr(run_development_server, "HOME", home)
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments))
    monkeypatch.setattr(os, "environ", {"WAITPOINT_DATABASE_URL": "postgresql://elsewhere/", "PORT": "8123"})

    run_development_server.main()

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert os.environ["WAITPOINT_SECRET_KEY"] == development_key(home / "secret-key")
    assert os.environ["WAITPOINT_DATABASE_URL"] == "postgresql://elsewhere/"
    assert started[0][1:] == ["serve", "--host", "127.0.0.1", "--port", "8123", "--show-key"]
