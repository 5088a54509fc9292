"""From a completion to the change that a person sees: an open list page in Chromium."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec
from playwright.sync_api import Page, sync_playwright

from e2e.browsers import launch_options

from . import machine, servers
from .door import signed_in
from .figures import Report, milliseconds, quantile
from .servers import TOKENS, Server
from .throughput import COMPLETE_BODY, CREATE_BODY

REACH = 0.1  # seconds

# Notes the instant at which an open list first says `Completed` in the row of a token. A MutationObserver
# is called as soon as the document has changed, before it is painted.
_WATCH = """() => {
  const seen = window.seen = {};
  new MutationObserver(() => {
    const now = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll('#tokens > *')) {
      if (row.textContent.includes('Completed')) seen[row.id] ??= now;
    }
  }).observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
_ROW = "id => document.querySelector(`#tokens > [id*=${id}]`).id"
_SEEN = "row => window.seen[row]"
_ON_A_PAGE = 20


@dataclass(frozen=True)
class Moment:
    """One completion and the change that it made on the page, in seconds since the epoch."""

    sent: float
    answered: float
    seen: float


def measure(*, quick: bool) -> Iterator[Report]:
    """One table: waiting tokens of an open page are completed, and the page shows it."""
    moments: list[Moment] = []
    with servers.sqlite() as url, servers.waitpoint(url) as server, sync_playwright() as playwright:
        options: dict[str, Any] = launch_options()
        chromium = playwright.chromium.launch(**options)
        page = _signed_in_page(chromium.new_context(), server)
        for _ in range(1 if quick else 6):
            moments += _complete_a_page(server, page)
        version = chromium.version
        chromium.close()
    found = {
        "since the request was sent": [moment.seen - moment.sent for moment in moments],
        "since its answer came": [moment.seen - moment.answered for moment in moments],
    }
    yield Report(
        title=f"From a completion to the changed row, list page open in Chromium {version}",
        how=(
            f"{len(moments)} waiting tokens of the open page /tokens, completed over HTTP one after another. On one clock, to "
            f"the MutationObserver in the page (before it is painted).\nWanted: below {milliseconds(REACH)}. "
            f"{machine.pinning()} The browser runs beside the load generator."
        ),
        columns=("completion → row changed", "p50", "p99", "slowest"),
        rows=[
            (name, milliseconds(quantile(values, 0.5)), milliseconds(quantile(values, 0.99)), milliseconds(max(values)))
            for name, values in found.items()
        ],
        figures=dict(found),
    )


def _signed_in_page(context: Any, server: Server) -> Page:
    for cookie in signed_in(server).split("; "):
        name, _, value = cookie.partition("=")
        context.add_cookies([{"name": name, "value": value, "url": server.url}])
    page: Page = context.new_page()
    return page


def _complete_a_page(server: Server, page: Page) -> Iterator[Moment]:
    """Open a list of new tokens, complete each, and see when the page says so."""
    created = [msgspec.json.decode(server.ask("POST", TOKENS, CREATE_BODY)[1])["id"] for _ in range(_ON_A_PAGE)]
    page.goto(f"{server.url}/tokens")
    page.wait_for_timeout(1_000)  # for the websocket to be open
    page.evaluate(_WATCH)
    for token_id in created:
        row = page.evaluate(_ROW, token_id)
        sent = time.time()
        server.ask("POST", f"{TOKENS}/{token_id}/complete", COMPLETE_BODY)
        answered = time.time()
        page.wait_for_function(_SEEN, arg=row, polling=20, timeout=5_000)
        yield Moment(sent, answered, page.evaluate(_SEEN, row) / 1_000)
