"""`@trigger.dev/sdk` as published does everything that concerns wait tokens against this server.

The claims themselves are JavaScript, in `official_sdk/*.test.mjs`, as a user of the SDK writes it.
"""

from pathlib import Path

import pytest

from tests.contract import nodejs
from tests.fixtures import running
from tests.servers import RunningServer

CLAIMS = sorted(path.name for path in nodejs.SOURCES.glob("*.test.mjs"))


@pytest.fixture(scope="session")
def official_sdk() -> Path:
    """The folder into which the SDK and our claims about it are installed."""
    return nodejs.install()


@pytest.mark.parametrize("claims", CLAIMS)
def test_the_official_sdk(claims: str, official_sdk: Path, shared_server: RunningServer) -> None:
    assert_all_hold(claims, shared_server)


@pytest.mark.parametrize("database_kind", ["sqlite"])
def test_the_official_sdk_waits_when_it_asks_too_often(
    database_kind: str, database_url: str, official_sdk: Path, tmp_path: Path
) -> None:
    with running(RunningServer(database_url, tmp_path, {"WAITPOINT_RATE_LIMIT": "10"})) as server:
        assert_all_hold("too_often.mjs", server)


def test_the_lock_names_no_registry() -> None:
    """So that whoever has a registry of their own installs from it."""
    lock = (nodejs.SOURCES / "package-lock.json").read_text()

    assert '"resolved"' not in lock


def assert_all_hold(claims: str, server: RunningServer) -> None:
    """Run a file of claims about a server; one that does not hold fails with what Node.js says."""
    environment = {
        "TRIGGER_API_URL": server.url,
        "TRIGGER_SECRET_KEY": server.key,
        "KEY_OF_ANOTHER_ENVIRONMENT": server.prod_key,
        "TRIGGER_TELEMETRY_DISABLED": "1",
    }

    done = nodejs.run_node(["--test", "--test-reporter=spec", claims], environment=environment, timeout=120)

    assert "\u2139 fail 0" in done.stdout, done.stdout
