"""`useWaitToken` of `@trigger.dev/react-hooks` completes a token from a page on another origin."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.cast import headers_of
from tests.contract import nodejs
from tests.servers import RunningServer

DOCUMENT = '<!doctype html><html lang="en"><title>Elsewhere</title><div id="root"></div><script src="page.js"></script>'


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files and says nothing about it."""

    def log_message(self, *args: object) -> None:
        """The test's output is not the place for requests."""


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The origin of somebody else's site: a page made with React and the hook."""
    folder = tmp_path_factory.mktemp("elsewhere")
    bundle(folder / "page.js")
    (folder / "index.html").write_text(DOCUMENT)
    site = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    threading.Thread(target=site.serve_forever, daemon=True).start()
    yield f"http://localhost:{site.server_port}"
    site.shutdown()
    site.server_close()


def bundle(target: Path) -> None:
    """Make one script of the page and everything that it imports, as its author's build does."""
    nodejs.install()
    esbuild = "node_modules/esbuild/bin/esbuild"
    options = ["--bundle", "--minify", "--jsx=automatic", '--define:process.env.NODE_ENV="production"']
    unused = "--external:node:*"  # a part that only ever runs in Node.js
    nodejs.run_node([esbuild, "use_wait_token.jsx", unused, *options, f"--outfile={target}"])


@pytest.mark.timeout(180)
def test_the_react_hook_completes_a_token(page: Page, elsewhere: str, shared_server: RunningServer) -> None:
    token = ask(shared_server, "/api/v1/waitpoints/tokens", {"timeout": "10m"})
    page.goto(address(elsewhere, shared_server, token["id"], token["publicAccessToken"]))

    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("status")).to_have_text("Completed")
    found = ask(shared_server, f"/api/v1/waitpoints/tokens/{token['id']}")
    assert found["status"] == "COMPLETED"
    assert json.loads(found["output"]) == {"approved": True, "from": elsewhere}


@pytest.mark.timeout(180)
def test_the_react_hook_is_told_why_it_is_refused(page: Page, elsewhere: str, shared_server: RunningServer) -> None:
    """A browser shows an error to a script only if it carries the CORS headers, too."""
    token = ask(shared_server, "/api/v1/waitpoints/tokens", {})
    other = ask(shared_server, "/api/v1/waitpoints/tokens", {})
    page.goto(address(elsewhere, shared_server, token["id"], other["publicAccessToken"]))

    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("status")).to_have_text("Refused: 403 Unauthorized")
    assert ask(shared_server, f"/api/v1/waitpoints/tokens/{token['id']}")["status"] == "WAITING"


def address(site: str, server: RunningServer, token_id: str, access_token: str) -> str:
    parameters = urlencode({"baseURL": server.url, "tokenId": token_id, "accessToken": access_token})
    return f"{site}/index.html#{parameters}"


def ask(server: RunningServer, path: str, body: object = None) -> Any:
    """What the server answers to Ada's program."""
    data = None if body is None else json.dumps(body).encode()
    headers = {**headers_of(server.key), "Content-Type": "application/json"}
    request = urllib.request.Request(server.url + path, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)
