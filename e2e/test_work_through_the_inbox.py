"""Ada works through her inbox with the keyboard alone, while new requests arrive."""

import re
from types import SimpleNamespace

from playwright.sync_api import Locator, Page, expect

from e2e.cast import AdasProgram, is_live
from e2e.looking import look_over
from tests.makers import unique

ADA = "owner@localhost"


def ask(program: AdasProgram, tag: str, title: str, timeout: str, **request: object) -> SimpleNamespace:
    return program.ask(tags=[tag], timeout=timeout, request={"title": title, "approvers": [ADA], **request})


def row_of(page: Page, token: SimpleNamespace) -> Locator:
    return page.locator(f"#request_{token.id}")


def link_in(page: Page, token: SimpleNamespace) -> Locator:
    return row_of(page, token).locator(".row-link")


def test_by_keyboard_while_new_requests_arrive(desk: Page, program: AdasProgram) -> None:
    """`j k` walk, `a` approves and goes on, `r` opens where a reason is needed, Enter goes on to the next."""
    tag = unique("inbox")
    with_reason = [
        {"value": "yes", "output": {"approved": True}},
        {"value": "no", "output": {"approved": False}, "require": ["comment"]},
    ]
    refund = ask(program, tag, "Refund #8812?", "5m")
    sale = ask(program, tag, "Publish the sale?", "20m", decisions=with_reason)
    trip = ask(program, tag, "Book the trip?", "3h")
    desk.goto(f"/inbox?tags={tag}")
    is_live(desk)
    look_over(desk)
    expect(row_of(desk, refund)).to_contain_text("due in")

    desk.keyboard.press("?")
    expect(desk.get_by_role("heading", name="Keys")).to_be_visible()
    desk.keyboard.press("?")
    desk.keyboard.press("j")
    expect(link_in(desk, refund)).to_be_focused()
    desk.keyboard.press("j")
    desk.keyboard.press("k")
    place = row_of(desk, sale).bounding_box()

    late = ask(program, tag, "One more thing?", "10m")
    expect(desk.get_by_role("link", name="1 new")).to_be_visible()
    expect(row_of(desk, late)).to_have_count(0)
    expect(link_in(desk, refund)).to_be_focused()
    moved = row_of(desk, sale).bounding_box()
    assert place is not None
    assert moved is not None

    desk.keyboard.press("a")
    expect(desk.get_by_text("Your answer was recorded.")).to_be_visible()
    assert "COMPLETED" == program.look(refund)["status"]
    expect(link_in(desk, sale)).to_be_focused()
    expect(row_of(desk, refund)).to_have_count(0)
    expect(row_of(desk, late)).to_be_visible()

    desk.keyboard.press("r")
    expect(desk.get_by_role("heading", name="Publish the sale?")).to_be_visible()
    desk.get_by_label(re.compile("Comment")).fill("The price is wrong.")
    desk.get_by_role("button", name="No", exact=True).press("Enter")
    expect(desk.get_by_role("link", name="Next in your inbox")).to_be_visible()
    assert '{"approved":false,"comment":"The price is wrong."}' == program.look(sale)["output"]

    desk.goto(f"/inbox?tags={tag}")
    desk.keyboard.press("/")
    expect(desk.get_by_label("Words")).to_be_focused()
    desk.keyboard.type("trip")
    desk.keyboard.press("Enter")
    expect(desk).to_have_url(re.compile("q=trip"))
    is_live(desk)  # keys do something once the page's scripts are there
    expect(row_of(desk, late)).to_have_count(0)
    desk.keyboard.press("j")
    expect(link_in(desk, trip)).to_be_focused()
    desk.keyboard.press("o")
    expect(desk.get_by_role("heading", name="Book the trip?")).to_be_visible()
    look_over(desk)


def test_an_answer_from_elsewhere_leaves_the_row_where_it_is(desk: Page, program: AdasProgram) -> None:
    """It says so, and nothing moves."""
    tag = unique("inbox")
    first, second = ask(program, tag, "First?", "1h"), ask(program, tag, "Second?", "2h")
    desk.goto(f"/inbox?tags={tag}")
    is_live(desk)

    program.complete(first, {"approved": True})

    expect(row_of(desk, first)).to_contain_text("Approved by API key")
    expect(row_of(desk, second)).to_contain_text("due in")
    look_over(desk)
