"""Rotating keys and ending sessions, as an operator types it while the server runs."""

import json
import os
import subprocess
import time
from typing import Any

import httpx
import pytest

from tests.cast import ADAS_KEY, headers_of
from tests.makers import TOKENS
from tests.servers import WAITPOINT, RunningServer, without_our_settings


def typed(server: RunningServer, *words: str) -> tuple[int, Any]:
    done = subprocess.run(
        [WAITPOINT, *words, "--json"],
        env=without_our_settings(os.environ) | {"WAITPOINT_DATABASE_URL": server.database_url},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


@pytest.mark.parametrize(("grace", "goes_on"), [("1h", True), ("0s", False)])
def test_a_signing_key_is_rotated_with_or_without_grace(
    shared_server: RunningServer, grace: str, goes_on: bool
) -> None:
    """What the old key signed is good for the grace period; the new one signs from now on; API keys stay."""
    with httpx.Client(base_url=shared_server.url, timeout=20, trust_env=False) as client:

        def made() -> Any:
            return client.post(TOKENS, json={}, headers=headers_of(ADAS_KEY)).json()

        def completed(token: Any) -> int:
            path = f"{TOKENS}/{token['id']}/complete"
            return client.post(path, json={"data": 1}, headers=headers_of(token["publicAccessToken"])).status_code

        before = made()
        status, rotated = typed(shared_server, "keys", "rotate", "--grace", grace)
        time.sleep(1.1)  # a server that was not told itself remembers a key for a second
        after = made()

        assert (0, "dev") == (status, rotated["environment"])
        assert [200 if goes_on else 401, 200] == [completed(before), completed(after)]


@pytest.mark.parametrize(
    "words",
    [
        ("keys", "rotate", "--environment", "nowhere"),
        ("keys", "rotate", "--grace", "soon"),
        ("people", "sign-out", "nobody@x"),
    ],
)
def test_what_cannot_be_done_is_said(shared_server: RunningServer, words: tuple[str, ...]) -> None:
    """A sentence, and nothing has changed."""
    status, said = typed(shared_server, *words)

    assert status != 0
    assert "Traceback" not in said
