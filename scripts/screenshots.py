"""Take the pictures of the README: `.venv/bin/python -m scripts.screenshots`.

A server of its own with a few tokens, the desk on a wide screen, the door on a phone, side by side.
"""

import base64
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from e2e.browsers import launch_options
from e2e.cast import sign_in
from tests.databases import DatabaseMaker
from tests.servers import RunningServer

PICTURES = Path(__file__).parent.parent / "docs" / "images"
DESK = {"width": 1120, "height": 700}
PHONE = {"width": 390, "height": 760}
QUESTIONS = [
    ("26h", ["publish", "autumn-sale"], None),
    ("50m", ["refund", "order:8812"], None),
    ("3d", ["onboarding:42"], {"approved": True, "comment": "Welcome."}),
    ("7d", ["contract", "legal"], None),
    ("2h", ["moderation", "user:123"], {"approved": False, "comment": "Ask again without the picture."}),
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
    tokens = [ask(server, *question) for question in QUESTIONS]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(**launch_options())  # type: ignore[arg-type]  # its own options
        desk = picture_of_the_desk(browser, server)
        phone = picture_of_the_door(browser, server, tokens[0])
        page = browser.new_page(viewport={"width": 1296, "height": 660})
        page.set_content(SIDE_BY_SIDE.format(desk=text_of(desk), phone=text_of(phone)))
        page.locator("img").last.wait_for()
        page.screenshot(path=PICTURES / "tour.png")
        browser.close()


def ask(server: RunningServer, timeout: str, tags: list[str], answer: object) -> dict[str, str]:
    """Create a token, and answer it when there is an answer."""
    headers = {"Authorization": f"Bearer {server.key}"}
    address = f"{server.url}/api/v1/waitpoints/tokens"
    token: dict[str, str] = httpx.post(address, headers=headers, json={"timeout": timeout, "tags": tags}).json()
    if answer is not None:
        httpx.post(f"{address}/{token['id']}/complete", headers=headers, json={"data": answer})
    return token


def picture_of_the_desk(browser: Browser, server: RunningServer) -> bytes:
    page = browser.new_page(viewport=DESK)  # type: ignore[arg-type]  # width and height
    sign_in(page, server)
    page.goto(f"{server.url}/tokens")
    return settled(page)


def picture_of_the_door(browser: Browser, server: RunningServer, token: dict[str, str]) -> bytes:
    page = browser.new_page(viewport=PHONE, color_scheme="dark")  # type: ignore[arg-type]  # width and height
    page.goto(f"{server.url}/approve/{token['id']}?token={token['publicAccessToken']}")
    return settled(page)


def settled(page: Page) -> bytes:
    """The page, once it is live and its highlights have faded."""
    page.wait_for_timeout(2_500)
    return page.screenshot()


def text_of(picture: bytes) -> str:
    return base64.b64encode(picture).decode()


if __name__ == "__main__":
    main()
