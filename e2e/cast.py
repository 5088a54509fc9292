"""The cast in front of a browser: Ada at the desk, Ben with a link, and Ada's program with its key."""

import re
from types import SimpleNamespace
from typing import Any

import httpx
from playwright.sync_api import Page, expect

from tests.cast import headers_of
from tests.makers import TOKENS
from tests.servers import RunningServer


class AdasProgram:
    """A program that creates tokens and completes them, as a `curl` would."""

    def __init__(self, server: RunningServer, key: str | None = None) -> None:
        self._url = server.url
        self._headers = headers_of(key or server.key)

    def ask(self, **options: Any) -> SimpleNamespace:
        """Create a token, and say under which link a person answers it."""
        body = self._post(TOKENS, options)
        link = f"{self._url}/approve/{body['id']}?token={body['publicAccessToken']}"
        return SimpleNamespace(id=body["id"], link=link, journey_url=body.get("journeyUrl"))

    def amend(self, token: SimpleNamespace, **changes: Any) -> None:
        """Ask something else."""
        self._send("PATCH", f"{TOKENS}/{token.id}/request", changes)

    def complete(self, token: SimpleNamespace, answer: object) -> None:
        self._post(f"{TOKENS}/{token.id}/complete", {"data": answer})

    def cancel(self, token: SimpleNamespace, reason: str) -> None:
        self._post(f"{TOKENS}/{token.id}/cancel", {"reason": reason})

    def trigger(self, task: str, payload: object) -> str:
        """Queue a run of a task; gives its id."""
        return str(self._post(f"/api/v1/tasks/{task}/trigger", {"payload": payload})["id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """The run as it stands."""
        return self._send("GET", f"/api/v3/runs/{run_id}", None)

    def links(self, token: SimpleNamespace) -> list[dict[str, Any]]:
        """Who has a link to the token, and what became of it."""
        every: list[dict[str, Any]] = self._send("GET", f"{TOKENS}/{token.id}/links", None)["data"]
        return every

    def revoke(self, token: SimpleNamespace, link_id: str) -> None:
        self._post(f"{TOKENS}/{token.id}/links/{link_id}/revoke", {})

    def look(self, token: SimpleNamespace) -> dict[str, Any]:
        """The token as it stands."""
        return self._send("GET", f"{TOKENS}/{token.id}", None)

    def _post(self, path: str, body: object) -> dict[str, Any]:
        return self._send("POST", path, body)

    def _send(self, method: str, path: str, body: object) -> dict[str, Any]:
        answer = httpx.request(method, self._url + path, json=body, headers=self._headers, timeout=20, trust_env=False)
        answer.raise_for_status()
        said: dict[str, Any] = answer.json()
        return said


def sign_in(page: Page, server: RunningServer) -> None:
    """Ada opens the one-time link that the server printed, and presses its button."""
    link = re.search(r"http\S+/sign-in/\S+", server.log)
    assert link is not None, f"The server printed no sign-in link:\n{server.log}"
    page.goto(link[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()


def row_of(page: Page, token: SimpleNamespace) -> Any:
    """The row of a token in the list."""
    return page.locator(f"#token_{token.id}")


def is_live(page: Page) -> None:
    """The page says that it is live."""
    expect(page.locator("connection-status")).to_have_attribute("data-state", "live", timeout=15_000)
