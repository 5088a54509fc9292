"""Ben has no mouse. Whatever he is asked, he can answer; whatever Ada does at the desk, she can do so, too."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.cast import AdasProgram, is_live
from e2e.hands import press, walk_to, write
from tests.makers import unique
from tests.postbox import Postbox, link_in
from tests.servers import RunningServer

pytestmark = pytest.mark.timeout(180)  # a whole server is started, and a busy machine is slow at that

PARTY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "title": "Name", "minLength": 1},
        "kind": {"enum": ["dinner", "lunch"], "title": "Kind"},
        "country": {"enum": ["at", "be", "ch", "de", "dk", "fr", "it", "pl"], "title": "Country"},
        "needs": {"type": "array", "items": {"enum": ["food", "music"]}, "uniqueItems": True, "title": "Needs"},
        "day": {"type": "string", "format": "date", "title": "Day"},
        "mood": {"type": "integer", "minimum": 1, "maximum": 5, "x-ui": {"widget": "rating"}, "title": "Mood"},
        "guests": {"type": "array", "items": {"type": "string", "title": "Guest"}, "title": "Guests"},
        "terms": {"const": True, "title": "I have read the rules"},
    },
    "required": ["name", "kind", "terms"],
}


def test_send_back_from_a_mail(page: Page, mailing_server: RunningServer, postbox: Postbox) -> None:
    """The missing reason is said where the hands are, and one Enter leads to its field."""
    program, ben = AdasProgram(mailing_server), f"{unique('ben')}@example.com"
    decisions = [
        {"value": "yes", "label": "Publish", "output": {"approved": True}},
        {"value": "no", "label": "Send back", "output": {"approved": False}, "require": ["comment"]},
    ]
    token = program.ask(timeout="2d", request={"title": "Publish?", "approvers": [ben], "decisions": decisions})
    page.goto(link_in(postbox.wait_for(ben), token.id))

    press(page, page.get_by_role("button", name="Send back"))
    expect(page.get_by_role("alert")).to_be_focused()
    press(page, page.get_by_role("link", name="“Send back” needs a comment."))
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.type("The price is missing.")
    press(page, page.get_by_role("button", name="Send back"))

    expect(page.get_by_role("heading", name="Answered: Send back")).to_be_visible()
    assert {"approved": False, "comment": "The price is missing."} == json.loads(program.look(token)["output"])


def test_fill_in_a_form_and_confirm(page: Page, program: AdasProgram) -> None:
    """Every kind of field that is more than a line of text, a row more and a row less, and the second question."""
    book = {"value": "book", "label": "Book it", "confirm": True, "output": {"booked": True}}
    token = program.ask(request={"title": "The party?", "form": PARTY, "decisions": [book]})
    page.goto(token.link)

    write(page, page.get_by_label("Name"), "Ben")
    press(page, page.get_by_label("dinner"), "Space")
    page.keyboard.press("ArrowDown")
    walk_to(page, page.get_by_label("Country"))
    page.keyboard.type("ch")
    press(page, page.get_by_label("music"), "Space")
    walk_to(page, page.get_by_label("Day"))
    page.keyboard.type("12242026")
    press(page, page.get_by_role("group", name="Mood").get_by_label("No answer"), "ArrowRight")  # round to the first
    page.keyboard.press("ArrowRight")
    for number, guest in enumerate(("Ada", "Cleo"), 1):
        press(page, page.get_by_role("button", name=re.compile("^Add")))
        expect(page.get_by_label(f"Guests {number}")).to_be_focused()
        page.keyboard.type(guest)
    press(page, page.get_by_role("button", name="Remove").first)
    expect(page.get_by_role("button", name="Remove")).to_have_count(1)
    press(page, page.get_by_label("I have read the rules"), "Space")
    press(page, page.get_by_role("button", name="Book it"))
    expect(page.get_by_role("heading", name="Book it: are you sure?")).to_be_visible()
    press(page, page.get_by_role("button", name="Book it"))

    expect(page.get_by_role("heading", name="Answered: Book it")).to_be_visible()
    assert {
        "name": "Ben",
        "kind": "lunch",
        "country": "ch",
        "needs": ["music"],
        "day": "2026-12-24",
        "mood": 2,
        "guests": ["Cleo"],
        "terms": True,
        "booked": True,
    } == json.loads(program.look(token)["output"])


def test_two_steps_of_a_journey(page: Page, program: AdasProgram) -> None:
    """The next step comes by itself, and the hands find its field."""
    journey = unique("onboarding:")
    form = {
        "type": "object",
        "properties": {"company": {"type": "string", "title": "Company"}},
        "required": ["company"],
    }
    asked = {"journey": journey, "form": form}
    first = program.ask(request={"title": "Your company?", "step": {"index": 1, "of": 2, "title": "Company"}, **asked})
    page.goto(first.journey_url)

    write(page, page.get_by_label("Company"), "Acme")
    press(page, page.get_by_role("button", name="Send"))
    expect(page.get_by_role("heading", name="We are checking what you sent")).to_be_visible()
    is_live(page)
    program.ask(request={"title": "Its mother?", "step": {"index": 2, "of": 2, "title": "Mother"}, **asked})
    expect(page.get_by_role("heading", name="Its mother?")).to_be_visible()
    write(page, page.get_by_label("Company"), "Acme Holding")
    press(page, page.get_by_role("button", name="Send"))

    expect(page.get_by_role("heading", name="Thank you. That was all.")).to_be_visible()
    press(page, page.get_by_text("Your answers so far"))
    expect(page.get_by_text("Acme Holding")).to_be_visible()


def test_at_the_desk(desk: Page, program: AdasProgram) -> None:
    """Ada makes a token and completes it, withdraws another one, and makes an API key and a group."""
    desk.goto("/tokens")
    press(desk, desk.get_by_role("link", name="New token").first)
    write(desk, desk.get_by_label("Waits for"), "2h")
    press(desk, desk.get_by_role("button", name="Create the token"))
    press(desk, desk.get_by_role("button", name="Approve"))
    expect(desk.get_by_text("Your answer was recorded.")).to_be_visible()

    withdrawn = program.ask(timeout="1h")
    desk.goto(f"/tokens/{withdrawn.id}")
    press(desk, desk.locator("summary", has_text="End it without an answer"))
    write(desk, desk.get_by_label("Reason"), "Not needed.")
    press(desk, desk.get_by_role("button", name="Cancel the token"))
    expect(desk.get_by_text("Not needed.").first).to_be_visible()

    press(desk, desk.get_by_role("link", name="Settings", exact=True))
    press(desk, desk.locator("summary", has_text="New API key").first)
    write(desk, desk.get_by_label("Name").first, "The shop")
    press(desk, desk.get_by_role("button", name="Create the key").first)
    expect(desk.get_by_role("heading", name="Your new API key")).to_be_visible()

    slug = unique("g")
    press(desk, desk.get_by_role("link", name="People", exact=True))
    press(desk, desk.get_by_role("link", name="Groups"))
    write(desk, desk.get_by_label("Name", exact=True), "Editors")
    write(desk, desk.get_by_label("Short name"), slug)
    press(desk, desk.get_by_role("button", name="Make the group"))
    expect(desk.get_by_text(f"group:{slug}")).to_be_visible()
