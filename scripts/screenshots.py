"""Take the pictures of the README: `.venv/bin/python -m scripts.screenshots`.

A server of its own with a few questions, the desk on a wide screen, the door on a phone, side by side.
"""

import base64
import tempfile
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from e2e.browsers import launch_options
from e2e.cast import sign_in
from tests.databases import DatabaseMaker
from tests.servers import RunningServer

PICTURES = Path(__file__).parent.parent / "docs" / "images"
DESK = {"width": 1120, "height": 700}
PHONE = {"width": 390, "height": 760}
QUESTIONS: list[dict[str, Any]] = [
    {
        "timeout": "26h",
        "tags": ["autumn-sale"],
        "request": {
            "title": "Publish the autumn sale?",
            "body": "It starts on **Monday**. Please check the prices.",
            "diff": {"before": "All boots 10 % off.", "after": "All boots 20 % off.\nWhile stocks last."},
            "requester": "ada@example.com",
            "decisions": [
                {"value": "publish", "label": "Publish", "effect": "Goes live at once.", "output": {"approved": True}},
                {"value": "back", "label": "Send back", "output": {"approved": False}, "require": ["comment"]},
            ],
            "onTimeout": {"output": {"approved": False, "comment": "Nobody answered in time."}},
        },
    },
    {
        "timeout": "9m",
        "tags": ["refund", "order:8812"],
        "request": {"title": "Refund order 8812 (EUR 1,240)?", "requester": "shop@example.com"},
    },
    {
        "timeout": "3d",
        "tags": ["onboarding:42"],
        "request": {"title": "Open an account for Nordwind GmbH?", "requester": "onboarding@example.com"},
    },
    {
        "timeout": "7d",
        "tags": ["agent", "mail"],
        "request": {
            "title": "May the agent send this mail?",
            "requester": "agent@example.com",
            "form": {"type": "object", "properties": {"subject": {"type": "string"}}, "required": ["subject"]},
        },
    },
    {"timeout": "5h", "tags": ["legal"], "request": {"title": "Sign the contract with Kai Brandt?"}},
]
SIDE_BY_SIDE = """
<body style="margin:0;padding:32px;display:flex;gap:32px;align-items:center;background:#e6e6ee">
  <img style="width:900px;border-radius:12px;box-shadow:0 8px 30px #0003" src="data:image/png;base64,{desk}">
  <img style="width:300px;border-radius:24px;box-shadow:0 8px 30px #0003" src="data:image/png;base64,{phone}">
</body>"""


def main() -> None:
    """Write docs/images/tour.png."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, DatabaseMaker(Path(folder)) as maker, maker("sqlite") as url:
        server = RunningServer(url, Path(folder))
        server.start()
        try:
            take_all(server)
        finally:
            server.stop()


def take_all(server: RunningServer) -> None:
    links = [ask(server, question) for question in QUESTIONS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]  # its own options
        desk = picture_of_the_desk(browser, server)
        phone = picture_of_the_door(browser, links[0])
        page = browser.new_page(viewport={"width": 1296, "height": 660})
        page.set_content(SIDE_BY_SIDE.format(desk=text_of(desk), phone=text_of(phone)))
        page.locator("img").last.wait_for()
        page.screenshot(path=PICTURES / "tour.png")
        browser.close()


def ask(server: RunningServer, question: dict[str, Any]) -> str:
    """Ask it; gives the address under which it is answered."""
    headers = {"Authorization": f"Bearer {server.key}"}
    answer = httpx.post(f"{server.url}/api/v1/waitpoints/tokens", headers=headers, json=question)
    answer.raise_for_status()
    return str(answer.json()["approvalUrl"])


def picture_of_the_desk(browser: Browser, server: RunningServer) -> bytes:
    page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]  # width and height
    sign_in(page, server)
    page.goto(f"{server.url}/profile")
    page.get_by_label("Mail address").fill("ada@example.com")
    page.get_by_label("Name").fill("Ada")
    page.get_by_role("button", name="Save").first.click()
    page.goto(f"{server.url}/inbox?scope=all")
    return settled(page)


def picture_of_the_door(browser: Browser, link: str) -> bytes:
    page = browser.new_page(viewport=PHONE, color_scheme="dark")  # type: ignore[arg-type]  # width and height
    page.goto(link)
    return settled(page)


def settled(page: Page) -> bytes:
    """The page, once it is live and its highlights have faded."""
    page.wait_for_timeout(2_500)
    return page.screenshot()


def text_of(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


if __name__ == "__main__":
    main()
