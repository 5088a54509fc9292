"""Ben is asked something in particular: he fills in a form, changes what was proposed, is asked twice where it matters,
and never answers what he did not see.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from e2e.cast import AdasProgram, is_live
from e2e.looking import complaints_of, look_over

REFUND: dict[str, Any] = {
    "title": "Refund order 8812?",
    "body": "The parcel came **two weeks late**.",
    "context": {"order": 8812, "customer": "Cora"},
    "form": {
        "type": "object",
        "properties": {"amount": {"type": "number", "minimum": 1, "title": "Amount"}},
        "required": ["amount"],
    },
    "proposed": {"amount": 12.5},
    "decisions": [
        {"value": "refund", "label": "Refund", "effect": "Sent at once.", "output": {"refunded": True}, "confirm": True},
        {"value": "keep", "label": "Keep the money", "output": {"refunded": False}, "require": ["comment"], "form": False},
    ],
    "requester": "ada@example.com",
}  # fmt: skip
PHONE: Any = {"width": 390, "height": 844}


def test_refund_on_a_phone_without_scripts(new_context: Callable[..., BrowserContext], program: AdasProgram) -> None:
    """A mistake, the form with everything in it, another amount than proposed, and a second question."""
    token = program.ask(request=REFUND)
    page = new_context(java_script_enabled=False, viewport=PHONE).new_page()
    page.goto(token.link)
    expect(page.get_by_role("heading", name="Refund order 8812?")).to_be_visible()
    expect(page.get_by_text("ada@example.com")).to_be_visible()

    page.get_by_label("Amount").fill("0")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
    expect(page.get_by_label("Amount")).to_have_value("0")

    page.get_by_label("Amount").fill("10")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("heading", name="Refund: are you sure?")).to_be_visible()
    assert "WAITING" == program.look(token)["status"]
    page.get_by_role("button", name="Go back").click()
    expect(page.get_by_label("Amount")).to_have_value("10")
    page.get_by_role("button", name="Refund").click()
    page.get_by_role("button", name="Refund").click()

    expect(page.get_by_role("heading", name="Answered: Refund")).to_be_visible()
    expect(page.get_by_text("12.5")).to_be_visible()
    assert {"amount": 10, "refunded": True} == json.loads(program.look(token)["output"])


@pytest.mark.parametrize("has_scripts", [True, False])
def test_sending_back_leaves_the_form_as_it_is(
    has_scripts: bool, new_context: Callable[..., BrowserContext], program: AdasProgram
) -> None:
    """The browser has no say in it: what a decision does not need need not be right."""
    mail = {"type": "string", "format": "email", "title": "Email"}
    token = program.ask(request=REFUND | {"form": {"type": "object", "properties": {"mail": mail}}, "proposed": {}})
    page = new_context(java_script_enabled=has_scripts).new_page()
    page.goto(token.link)

    page.get_by_label("Email").fill("ben@@x")
    page.get_by_role("button", name="Refund").click()
    expect(page.get_by_role("link", name="Email must be an email address, such as name@example.com.")).to_be_visible()
    page.get_by_label("Comment").fill("Ask again.")
    page.get_by_role("button", name="Keep the money").click()

    expect(page.get_by_role("heading", name="Answered: Keep the money")).to_be_visible()


def test_the_keyboard_stays_in_the_rows(page: Page, program: AdasProgram) -> None:
    """Where a row was removed, the next one has the focus, and where there is none, the button that adds one."""
    guests = {"type": "array", "items": {"type": "string"}, "title": "Guests"}
    form = {"type": "object", "properties": {"guests": guests}}
    page.goto(program.ask(request={"form": form, "proposed": {"guests": ["Ada", "Ben"]}}).link)

    page.get_by_role("button", name="Remove Guests 1").press("Enter")
    expect(page.get_by_label("Guests 1")).to_be_focused()
    expect(page.get_by_label("Guests 1")).to_have_value("Ben")
    page.get_by_role("button", name="Remove Guests 1").press("Enter")

    expect(page.get_by_role("button", name="Add Guests")).to_be_focused()


def test_sending_back_needs_a_reason(page: Page, program: AdasProgram) -> None:
    """The form need not be right for it, and Enter in a field decides nothing."""
    token = program.ask(request=REFUND)
    complaints = complaints_of(page)
    page.goto(token.link)
    page.get_by_label("Amount").fill("nothing")
    page.get_by_label("Amount").press("Enter")
    expect(page.get_by_label("Amount")).to_have_value("nothing")
    assert "WAITING" == program.look(token)["status"]

    page.get_by_role("button", name="Keep the money").click()
    expect(page.get_by_role("link", name="“Keep the money” needs a comment.")).to_be_visible()
    look_over(page)
    page.get_by_role("link", name="“Keep the money” needs a comment.").click()
    expect(page.get_by_label("Comment")).to_be_focused()
    page.keyboard.type("It came on time.")
    page.get_by_role("button", name="Keep the money").click()

    expect(page.get_by_role("heading", name="Answered: Keep the money")).to_be_visible()
    look_over(page)
    output = json.loads(program.look(token)["output"])
    assert {"refunded": False, "comment": "It came on time."} == output
    assert [message for message in complaints if "400 (Bad Request)" not in message] == []


def test_a_question_that_changed_is_read_again(page: Page, program: AdasProgram) -> None:
    """The open page is told and left alone; the stale answer is shown what changed; nothing typed is lost."""
    token = program.ask(request={"title": "Publish with 10 %?"})
    page.goto(token.link)
    is_live(page)
    page.get_by_label("Comment").fill("Go ahead.")

    program.amend(token, title="Publish with 20 %?")
    expect(page.get_by_text("This question was changed just now.").first).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Comment")).to_have_value("Go ahead.")
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("heading", name="This question was changed after you opened it")).to_be_visible()
    expect(page.get_by_role("heading", name="Publish with 20 %?")).to_be_visible()
    expect(page.get_by_label("Comment")).to_have_value("Go ahead.")
    assert "WAITING" == program.look(token)["status"]
    look_over(page)

    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    assert {"approved": True, "comment": "Go ahead."} == json.loads(program.look(token)["output"])


def test_a_date_that_is_typed_half_is_not_sent_as_none(page: Page, program: AdasProgram) -> None:
    """To a form it is empty; the browser says at the field what is missing. What needs no form is sent all the same."""
    day = {"type": "object", "properties": {"day": {"type": "string", "format": "date", "title": "Day"}}}
    answers = [
        {"value": "yes", "label": "Come", "output": {"come": True}},
        {"value": "no", "label": "Stay away", "output": {"come": False}, "form": False},
    ]
    token = program.ask(request={"title": "When?", "form": day, "decisions": answers})
    page.goto(token.link)
    page.get_by_label("Day").press_sequentially("12")

    page.get_by_role("button", name="Come").click()
    expect(page.get_by_label("Day")).to_be_focused()
    assert "WAITING" == program.look(token)["status"]
    page.get_by_role("button", name="Stay away").click()

    expect(page.get_by_role("heading", name="Answered: Stay away")).to_be_visible()


def test_the_deadline_takes_the_default_answer(page: Page, program: AdasProgram) -> None:
    """As it is said beforehand; an open page says so by itself, and keeps what was typed."""
    request = {"title": "Publish?", "onTimeout": {"output": {"approved": False}}}
    page.goto(program.ask(request=request).link)
    expect(page.get_by_text("it counts as “Send back”")).to_be_visible()

    token = program.ask(timeout="5s", request=request)
    page.goto(token.link)
    page.get_by_label("Comment").fill("Only at ten")
    expect(page.get_by_role("heading", name="The time is over")).to_be_visible(timeout=30_000)
    expect(page.get_by_role("region", name="What you had typed")).to_contain_text("Only at ten")
    expect(page.get_by_text("so it counts as “Send back”")).to_be_visible()
    look_over(page)
    ended = program.look(token)
    assert ("COMPLETED", "default", {"approved": False}) == (
        ended["status"],
        ended["answeredBy"],
        json.loads(ended["output"]),
    )
