"""Ben gets a mail, looks, and approves: on a phone, without an account, without scripts."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.cast import AdasProgram
from tests.makers import unique
from tests.postbox import Postbox, link_in, text_of
from tests.servers import RunningServer

pytestmark = pytest.mark.timeout(180)  # a whole server is started, and a busy machine is slow at that


def on_a_phone(new_context: Callable[..., BrowserContext], *, scripts: bool = False) -> BrowserContext:
    return new_context(viewport={"width": 375, "height": 667}, has_touch=True, java_script_enabled=scripts)


def test_approve_from_a_mail(
    new_context: Callable[..., BrowserContext], mailing_server: RunningServer, postbox: Postbox
) -> None:
    """From the mail to done in two clicks."""
    program, ben = AdasProgram(mailing_server), f"{unique('ben')}@example.com"
    token = program.ask(
        timeout="2d", request={"title": "Publish the autumn sale?", "requester": "ada@example.com", "approvers": [ben]}
    )
    mail = postbox.wait_for(ben)
    assert "Publish the autumn sale?" == mail["subject"]
    assert "ada@example.com asks you" in text_of(mail)
    page = on_a_phone(new_context).new_page()

    page.goto(link_in(mail, token.id))
    expect(page.get_by_role("heading", name="Publish the autumn sale?")).to_be_visible()
    assert "link=" not in page.url, "the secret stays out of the address"
    assert "WAITING" == program.look(token)["status"], "a link shows, a button acts"
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_text("Nothing more is needed from you.")).to_be_visible()
    assert json.loads(program.look(token)["output"])["approved"] is True


def test_a_hand_on_the_page_tells_that_it_was_opened(
    new_context: Callable[..., BrowserContext], mailing_server: RunningServer, postbox: Postbox
) -> None:
    """Loading and scrolling it does not: that is what programs do that look at links."""
    program, ben = AdasProgram(mailing_server), f"{unique('ben')}@example.com"
    token = program.ask(timeout="2d", request={"title": "Publish?", "approvers": [ben]})
    page = on_a_phone(new_context, scripts=True).new_page()

    page.goto(link_in(postbox.wait_for(ben), token.id))
    page.evaluate("() => scrollTo(0, 200)")
    page.wait_for_function("() => customElements.get('local-time')")
    assert "openedAt" not in program.links(token)[0]
    with page.expect_response(lambda answer: answer.url.endswith("/opened")):
        page.mouse.move(100, 200)
        page.mouse.move(120, 220)

    assert "openedAt" in program.links(token)[0]


def test_links_that_come_too_late(
    new_context: Callable[..., BrowserContext], mailing_server: RunningServer, postbox: Postbox
) -> None:
    """Used, withdrawn and revoked: each page says what happened, and that nothing more is needed."""
    program, page = AdasProgram(mailing_server), on_a_phone(new_context).new_page()
    links = {}
    for fate in ("used", "withdrawn", "revoked"):
        ben = f"{unique('ben')}@example.com"
        token = program.ask(timeout="2d", request={"title": "Publish?", "approvers": [ben]})
        links[fate] = token, link_in(postbox.wait_for(ben), token.id)
    program.complete(links["used"][0], {"approved": False, "comment": "Not this autumn."})
    program.cancel(links["withdrawn"][0], "The sale is off.")
    revoked = links["revoked"][0]
    program.revoke(revoked, program.links(revoked)[0]["id"])

    page.goto(links["used"][1])
    expect(page.get_by_role("heading", name="Sent back")).to_be_visible()
    expect(page.get_by_text("Not this autumn.")).to_be_visible()
    expect(page.get_by_text("Nothing more is needed from you.")).to_be_visible()

    page.goto(links["withdrawn"][1])
    expect(page.get_by_role("heading", name="This question was withdrawn")).to_be_visible()
    expect(page.get_by_text("The sale is off.")).to_be_visible()

    page.goto(links["revoked"][1])
    expect(page.get_by_role("heading", name="This link was taken back")).to_be_visible()
    expect(page.get_by_text("Nothing more is needed from you.")).to_be_visible()
