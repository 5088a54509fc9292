"""Somebody has a page open, and something happens elsewhere."""

import re
import time

from playwright.sync_api import Page, WebSocketRoute, expect

from e2e.cast import AdasProgram, is_live, row_of
from e2e.looking import look_over
from tests.makers import unique


def test_a_row_flips_when_a_program_completes_its_token(desk: Page, program: AdasProgram) -> None:
    tag = unique("refund")
    token, other = program.ask(tags=[tag]), program.ask(tags=[tag])
    desk.goto(f"/tokens?tags={tag}")
    is_live(desk)
    look_over(desk)
    desk.evaluate("() => { window.untouched = true; }")

    completed = time.monotonic()
    program.complete(token, {"approved": True})
    expect(row_of(desk, token)).to_contain_text("Completed")
    took = time.monotonic() - completed

    expect(row_of(desk, other)).to_contain_text("Waiting")
    expect(desk.get_by_role("link", name=re.compile(r"Completed\s*1$"))).to_be_visible()
    assert desk.evaluate("() => window.untouched"), "the page was loaded again"
    assert took < 2  # the benchmark measures it to the millisecond
    look_over(desk)


def test_new_tokens_are_announced_and_nothing_moves(desk: Page, program: AdasProgram) -> None:
    tag = unique("refund")
    first = program.ask(tags=[tag])
    desk.goto(f"/tokens?tags={tag}")
    is_live(desk)
    place = row_of(desk, first).bounding_box()

    program.ask(tags=[tag])
    expect(desk.get_by_role("link", name="1 new")).to_be_visible()
    newest = program.ask(tags=[tag])
    announced = desk.get_by_role("link", name="2 new")
    expect(announced).to_be_visible()
    expect(row_of(desk, newest)).to_have_count(0)

    announced.click()

    expect(row_of(desk, newest)).to_be_visible()
    assert place is not None


def test_the_first_token_appears_by_itself(desk: Page, program: AdasProgram) -> None:
    """An empty list has nothing that could move."""
    tag = unique("first")
    desk.goto(f"/tokens?tags={tag}")
    is_live(desk)
    look_over(desk)

    token = program.ask(tags=[tag])

    expect(row_of(desk, token)).to_be_visible()


def test_the_page_of_a_token_tells_the_answer(desk: Page, program: AdasProgram) -> None:
    token = program.ask(timeout="1h", tags=["moderation"])
    desk.goto(f"/tokens/{token.id}")
    is_live(desk)
    look_over(desk)
    desk.get_by_label("Comment").fill("I was about to")

    program.complete(token, {"approved": False, "comment": "Not this week."})

    expect(desk.get_by_text("Not this week.")).to_be_visible()
    expect(desk.get_by_role("button", name="Approve")).to_have_count(0)
    expect(desk).to_have_title(re.compile("^Completed"))
    look_over(desk)


def test_a_deadline_passes_before_your_eyes(desk: Page, program: AdasProgram) -> None:
    token = program.ask(timeout="3s")
    desk.goto(f"/tokens/{token.id}")
    is_live(desk)

    expect(desk.get_by_role("heading", name="No answer came")).to_be_visible(timeout=10_000)


def test_without_sockets_the_page_asks(desk: Page, program: AdasProgram) -> None:
    """Some networks let no websocket through. The page says so, and is at most ten seconds behind."""
    desk.route_web_socket(re.compile("/live/"), lambda socket: socket.close(code=1011, reason="not here"))
    desk.clock.install()
    tag = unique("slow")
    token = program.ask(tags=[tag])
    desk.goto(f"/tokens?tags={tag}")
    desk.clock.run_for(7000)
    expect(desk.locator("connection-status")).to_contain_text("asking every 10 s")

    program.complete(token, {})
    desk.clock.run_for(11_000)

    expect(row_of(desk, token)).to_contain_text("Completed")


def test_a_dead_connection_is_noticed(desk: Page, program: AdasProgram) -> None:
    """The browser believes that the socket is open, and nothing comes: within 35 s the page knows, and asks."""
    line = Line()
    desk.route_web_socket(re.compile("/live/"), line.relay)
    desk.clock.install()
    tag = unique("dead")
    token = program.ask(tags=[tag])
    desk.goto(f"/tokens?tags={tag}")
    is_live(desk)

    line.is_dead = True
    program.complete(token, {})
    desk.clock.run_for(35_000)

    expect(desk.locator("connection-status")).not_to_have_attribute("data-state", "live")
    expect(row_of(desk, token)).to_contain_text("Completed")
    line.is_dead = False
    desk.clock.run_for(40_000)
    is_live(desk)


class Line:
    """The way between page and server. When it is dead nothing comes through, and nobody is told."""

    def __init__(self) -> None:
        self.is_dead = False

    def relay(self, page: WebSocketRoute) -> None:
        server = page.connect_to_server()
        server.on_message(lambda message: None if self.is_dead else page.send(message))
