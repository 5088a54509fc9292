"""A shop has a question of Ada's on its own page: another origin, its own scripts, and only a public access token."""

import json
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from e2e.looking import complaints_of
from e2e.test_use_wait_token import QuietHandler, ask
from tests.servers import RunningServer

TOKENS = "/api/v1/waitpoints/tokens"
FORM = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Your name", "minLength": 1},
        "seats": {"type": "integer", "minimum": 1, "maximum": 8},
        "kind": {"enum": ["lunch", "dinner"]},
        "guests": {"type": "array", "items": {"type": "string"}, "title": "Guests"},
    },
    "required": ["name", "seats", "kind"],
    "if": {"properties": {"kind": {"const": "dinner"}}, "required": ["kind"]},
    "then": {"properties": {"wine": {"type": "boolean", "title": "With wine?"}}, "required": ["wine"]},
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The Corner Bistro</title>
<meta http-equiv="Content-Security-Policy"
  content="default-src 'none'; script-src 'self' {server}; style-src {server}; connect-src {server}">
<script type="module" src="{server}/static/waitpoint.js"></script><script type="module" src="shop.js"></script></head>
<body><h1>The Corner Bistro</h1><waitpoint-form token-id="{id}" access-token="{token}"></waitpoint-form>
<p role="status"></p><button>Approve at once</button></body></html>
"""
SCRIPT = """import {{ completeToken }} from "{server}/static/waitpoint.js";
const [form, status, button] = ["waitpoint-form", "[role=status]", "button"].map((at) => document.querySelector(at));
for (const name of ["answered", "late", "failed"])
  document.addEventListener(`waitpoint-${{name}}`, () => (status.textContent = `The shop heard: ${{name}}`));
const [id, token] = ["token-id", "access-token"].map((name) => form.getAttribute(name));
button.addEventListener("click", async () => {{
  try {{
    status.textContent = JSON.stringify(await completeToken({{ id, token, data: {{ approved: true }} }}));
  }} catch (error) {{
    status.textContent = `${{error.status}} ${{error.errors.map((each) => each.pointer)}}`;
  }}
}});
"""


class Shop:
    """A site of its own, which shows one token's form."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
        threading.Thread(target=self.site.serve_forever, daemon=True).start()

    def show(self, server: RunningServer, token: dict[str, Any], access: str = "") -> str:
        words = {"server": server.url, "id": token["id"], "token": access or token["publicAccessToken"]}
        (self.folder / f"{token['id']}.html").write_text(PAGE.format_map(words))
        (self.folder / "shop.js").write_text(SCRIPT.format_map(words))
        return f"http://localhost:{self.site.server_port}/{token['id']}.html"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    shop = Shop(tmp_path)
    yield shop
    shop.site.shutdown()
    shop.site.server_close()


@pytest.mark.timeout(180)
def test_a_form_is_filled_in_on_another_page(page: Page, shop: Shop, shared_server: RunningServer) -> None:
    token = ask(shared_server, TOKENS, {"request": {"title": "A table for you?", "form": FORM}})
    complaints = complaints_of(page)
    page.goto(shop.show(shared_server, token))

    expect(page.get_by_role("heading", name="A table for you?", level=2)).to_be_visible()
    expect(page.get_by_text("With wine?")).to_be_hidden()
    page.get_by_label("Your name").fill("Ben")
    page.get_by_label("Seats").fill("twelve")
    page.get_by_role("radio", name="Dinner").check()
    page.get_by_role("button", name="Add Guests").click()
    page.get_by_label("Guests 1").fill("Cleo")
    page.get_by_role("group", name="With wine?").get_by_label("Yes").check()
    page.get_by_role("button", name="Send").click()

    summary = page.get_by_role("alert")
    expect(summary).to_be_focused()
    expect(summary).to_contain_text("Seats must be a whole number.")
    summary.get_by_role("link").click()
    expect(page.get_by_label("Seats")).to_be_focused()
    page.keyboard.press("Control+A")
    page.keyboard.type("4")
    page.get_by_role("button", name="Send").click()

    expect(page.get_by_role("status")).to_have_text("The shop heard: answered")
    expect(page.get_by_text("Nothing more is needed from you.")).to_be_visible()
    found = ask(shared_server, f"{TOKENS}/{token['id']}")
    assert {"name": "Ben", "seats": 4, "kind": "dinner", "guests": ["Cleo"], "wine": True} == json.loads(
        found["output"]
    )
    page.reload()
    expect(page.get_by_role("status")).to_have_text("The shop heard: late")
    assert [] == [said for said in complaints if "400" not in said]  # the browser notes the refused answer itself


@pytest.mark.timeout(180)
def test_a_page_completes_a_token_by_itself(page: Page, shop: Shop, shared_server: RunningServer) -> None:
    asked = ask(shared_server, TOKENS, {"request": {"form": FORM}})
    page.goto(shop.show(shared_server, asked))
    page.get_by_role("button", name="Approve at once").click()
    expect(page.get_by_role("status")).to_have_text("422 /data/name,/data/seats,/data/kind")

    plain = ask(shared_server, TOKENS, {})
    page.goto(shop.show(shared_server, plain))
    page.get_by_role("button", name="Approve at once").click()
    expect(page.get_by_role("status")).to_have_text('{"success":true}')


@pytest.mark.timeout(180)
def test_a_page_with_the_wrong_token_is_told_so(page: Page, shop: Shop, shared_server: RunningServer) -> None:
    """Even a page whose own script comes a second after ours, when the server has long refused."""
    token, other = (ask(shared_server, TOKENS, {}) for _ in range(2))
    page.route("**/shop.js", a_second_later)
    page.goto(shop.show(shared_server, token, other["publicAccessToken"]))

    expect(page.get_by_role("alert")).to_have_text("The public access token does not open this token.")
    expect(page.get_by_role("status")).to_have_text("The shop heard: failed")


def a_second_later(route: Route) -> None:
    time.sleep(1)
    route.continue_()
