"""Ada asks the editors. Mia is one, Tom is not: he sees that he is not asked, by whichever way he comes."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.cast import AdasProgram, sign_in
from e2e.looking import look_over
from tests.makers import unique
from tests.postbox import Postbox, link_in
from tests.servers import RunningServer


@pytest.mark.timeout(240)
def test_only_the_asked_group_may_answer(
    new_context: Callable[..., BrowserContext], mailing_server: RunningServer, postbox: Postbox
) -> None:
    def somebody() -> Page:
        return new_context(base_url=mailing_server.url).new_page()

    def invited(name: str) -> Page:
        """Invited by Ada, signed in by the link that was mailed."""
        email = f"{unique(name.lower())}@example.com"
        ada.goto("/people")
        ada.get_by_label("Mail address").fill(email)
        ada.get_by_label("Name").fill(name)
        ada.get_by_label("They may").select_option("approver")
        ada.get_by_role("button", name="Invite").click()
        page = somebody()
        page.goto(link_in(postbox.wait_for(email), "/sign-in/"))
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Inbox", exact=True)).to_be_visible()
        return page

    ada, stranger, slug = somebody(), somebody(), unique("g")
    sign_in(ada, mailing_server)
    mia, tom = invited("Mia"), invited("Tom")
    ada.goto("/groups")
    ada.get_by_label("Name", exact=True).fill("Editors")
    ada.get_by_label("Short name").fill(slug)
    ada.get_by_role("button", name="Make the group").click()
    ada.goto(f"/groups/{slug}")
    option = ada.get_by_label("Put somebody in").locator("option", has_text="Mia,").last
    ada.get_by_label("Put somebody in").select_option(option.get_attribute("value"))
    ada.get_by_role("button", name="Put in").click()
    expect(ada.get_by_role("rowheader", name="Mia")).to_be_visible()

    program = AdasProgram(mailing_server)
    token = program.ask(timeout="2d", request={"title": "Print this page?", "approvers": [f"group:{slug}"]})

    tom.goto("/inbox")
    expect(tom.get_by_text("Print this page?")).to_have_count(0)
    tom.goto(f"/approve/{token.id}")
    expect(tom.get_by_role("heading", name="This question asks other people")).to_be_visible()
    stranger.goto(token.link)
    expect(stranger.get_by_role("heading", name="This question asks other people")).to_be_visible()
    for page in (tom, stranger):
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        look_over(page)

    mia.goto("/inbox")
    mia.get_by_role("link", name="Print this page?").click()
    mia.get_by_role("button", name="Approve").click()
    expect(mia.get_by_role("heading", name="Approved")).to_be_visible()
    assert json.loads(program.look(token)["output"])["approved"] is True
    ada.goto(f"/tokens/{token.id}")
    expect(ada.get_by_text("Mia").first).to_be_visible()
