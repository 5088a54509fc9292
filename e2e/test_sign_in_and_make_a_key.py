"""Ada's first five minutes with a new server."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from e2e.cast import AdasProgram, is_live, row_of, sign_in
from e2e.looking import complaints_of, look_over
from tests.servers import RunningServer


@pytest.mark.timeout(120)
def test_from_the_first_link_to_the_first_token(page: Page, server: RunningServer) -> None:
    complaints = complaints_of(page)
    link = re.search(r"http\S+/sign-in/\S+", server.log)
    assert link is not None
    assert 200 == httpx.get(link[0], trust_env=False).status_code, "a mail scanner opens the link and signs nobody in"
    page.goto(link[0])
    look_over(page)
    sign_in(page, server)
    look_over(page)

    page.get_by_role("link", name="Settings", exact=True).click()
    look_over(page)
    page.get_by_text("New API key").first.click()
    page.get_by_label("Name", exact=False).first.fill("The shop")
    page.get_by_role("button", name="Create the key").first.click()
    expect(page.get_by_role("heading", name="Your new API key")).to_be_visible()
    look_over(page)
    key = page.locator("#api_key").inner_text().strip()

    page.get_by_role("link", name="I have copied it").click()
    expect(page.get_by_role("rowheader", name="The shop")).to_be_visible()
    assert key not in page.content(), "a key is shown once"

    page.get_by_role("link", name=re.compile("^Tokens")).first.click()
    is_live(page)
    token = AdasProgram(server, key).ask(tags=["first"])
    expect(row_of(page, token)).to_be_visible()
    row_of(page, token).get_by_role("link").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Your answer was recorded.")).to_be_visible()
    assert "COMPLETED" == AdasProgram(server, key).look(token)["status"]

    page.get_by_role("button", name="Sign out").click()
    page.goto(link[0])
    expect(page.get_by_role("heading", name="This sign-in link no longer works")).to_be_visible()
    look_over(page)
    assert [] == [said for said in complaints if "410" not in said]
