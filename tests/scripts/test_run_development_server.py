import re
import stat
from pathlib import Path

from scripts.run_development_server import development_key


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
