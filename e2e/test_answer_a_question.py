"""Ben was sent a link. He looks, decides, and is told what became of it."""

import json
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from e2e.cast import AdasProgram
from e2e.looking import complaints_of, look_over


def test_approve_with_a_comment(page: Page, program: AdasProgram) -> None:
    token = program.ask(timeout="1h", tags=["autumn-sale"])
    complaints = complaints_of(page)
    page.goto(token.link)
    expect(page.get_by_role("heading", name="Do you approve?")).to_be_visible()
    assert "token=" not in page.url, "the secret stays out of the address"
    look_over(page)
    assert "WAITING" == program.look(token)["status"], "a link shows, a button acts"

    page.get_by_label("Comment").fill("Go ahead, from Monday.")
    page.get_by_role("button", name="Approve").click()

    expect(page.get_by_role("heading", name="Approved")).to_be_visible()
    expect(page.get_by_text("Go ahead, from Monday.")).to_be_visible()
    look_over(page)
    answer = json.loads(program.look(token)["output"])
    assert {"approved": True, "comment": "Go ahead, from Monday."} == answer
    assert [] == complaints


def test_answer_without_scripts(new_context: Callable[..., BrowserContext], program: AdasProgram) -> None:
    """Every form is plain HTML."""
    token = program.ask(timeout="1h")
    page = new_context(java_script_enabled=False).new_page()

    page.goto(token.link)
    page.get_by_label("Comment").fill("The price is missing.")
    page.get_by_role("button", name="Send back").click()

    expect(page.get_by_role("heading", name="Sent back")).to_be_visible()
    assert {"approved": False, "comment": "The price is missing."} == json.loads(program.look(token)["output"])


def test_two_people_answer_and_the_second_is_told(
    new_context: Callable[..., BrowserContext], program: AdasProgram
) -> None:
    """Both have the question open. One has no scripts, so nothing warns them before they press the button."""
    token = program.ask(timeout="1h")
    first, second = new_context().new_page(), new_context(java_script_enabled=False).new_page()
    for person in (first, second):
        person.goto(token.link)

    first.get_by_label("Comment").fill("Fine.")
    first.get_by_role("button", name="Approve").click()
    expect(first.get_by_role("heading", name="Approved")).to_be_visible()
    second.get_by_role("button", name="Send back").click()

    expect(second.get_by_role("heading", name="This was already answered")).to_be_visible()
    expect(second.get_by_text("Your answer was not recorded")).to_be_visible()
    expect(second.get_by_text("Fine.")).to_be_visible()
    assert json.loads(program.look(token)["output"])["approved"] is True


def test_an_open_question_says_that_somebody_else_answered(
    new_context: Callable[..., BrowserContext], program: AdasProgram
) -> None:
    token = program.ask(timeout="1h")
    first, second = new_context().new_page(), new_context().new_page()
    for person in (first, second):
        person.goto(token.link)
        expect(person.locator("connection-status")).to_have_attribute("data-state", "live")

    first.get_by_role("button", name="Send back").click()

    expect(second.get_by_role("heading", name="Sent back")).to_be_visible()
    expect(second.get_by_role("button", name="Approve")).to_have_count(0)
    look_over(second)


def test_a_link_that_comes_late(page: Page, program: AdasProgram) -> None:
    """Answered, withdrawn, too late, or not a link at all: each is told in words, and nothing is lost."""
    answered, withdrawn, overdue = program.ask(), program.ask(), program.ask(timeout="1s")
    program.complete(answered, {"approved": True})
    program.cancel(withdrawn, "The order was withdrawn.")
    page.wait_for_timeout(1200)

    for link, title in (
        (answered.link, "Approved"),
        (withdrawn.link, "This question was withdrawn"),
        (overdue.link, "The time is over"),
        (answered.link[:-8], "This link does not work"),
        (answered.link.partition("?")[0], None),
    ):
        page.context.clear_cookies()
        page.goto(link)
        if title:
            expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.get_by_role("button", name="Approve")).to_have_count(0)
        look_over(page)
