"""`@trigger.dev/sdk` as published does everything that concerns wait tokens against this server.

The claims themselves are JavaScript, in `official_sdk/*.test.mjs`, as a user of the SDK writes it.
"""

from pathlib import Path

import pytest

from tests.contract import nodejs
from tests.servers import RunningServer

CLAIMS = sorted(path.name for path in nodejs.SOURCES.glob("*.test.mjs"))


@pytest.fixture(scope="session")
def official_sdk() -> Path:
    """The folder into which the SDK and our claims about it are installed."""
    return nodejs.install()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("claims", CLAIMS)
def test_the_official_sdk(claims: str, official_sdk: Path, shared_server: RunningServer) -> None:
    done = nodejs.run_node(
        ["--test", "--test-reporter=spec", claims],
        environment={
            "TRIGGER_API_URL": shared_server.url,
            "TRIGGER_SECRET_KEY": shared_server.key,
            "KEY_OF_ANOTHER_ENVIRONMENT": shared_server.prod_key,
            "TRIGGER_TELEMETRY_DISABLED": "1",
        },
        timeout=120,
    )

    assert "\u2139 fail 0" in done.stdout, done.stdout


def test_the_lock_names_no_registry() -> None:
    """So that whoever has a registry of their own installs from it."""
    lock = (nodejs.SOURCES / "package-lock.json").read_text()

    assert '"resolved"' not in lock
