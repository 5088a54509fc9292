"""The server is killed under an open page, and comes back."""

import pytest
from playwright.sync_api import Page, expect

from e2e.cast import AdasProgram, is_live, row_of, sign_in
from tests.servers import RunningServer


@pytest.mark.timeout(120)
def test_the_page_recovers_and_shows_what_it_missed(page: Page, server: RunningServer) -> None:
    program = AdasProgram(server)
    token, other = program.ask(), program.ask()
    sign_in(page, server)
    page.goto(f"{server.url}/tokens")
    is_live(page)

    server.kill9()
    expect(page.locator("connection-status")).not_to_have_attribute("data-state", "live")
    server.start()
    program.complete(token, {})
    late = program.ask()

    is_live(page)
    expect(row_of(page, token)).to_contain_text("Completed")
    expect(row_of(page, late).or_(page.get_by_role("link", name="1 new"))).to_be_visible()
    program.complete(other, {})
    expect(row_of(page, other)).to_contain_text("Completed")
