"""The small scripts: each makes a page that works without it a little better."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, WebSocketRoute, expect

from app.journeys import journeys
from e2e.looking import TOO_WIDE, complaints_of, look_over
from tests.makers import House, Program, unique
from tests.pages.gallery import served
from tests.pages.test_gallery import looking
from tests.tasks.workers import eventually


def open_scene(page: Page, address: str, scene: str) -> None:
    page.goto(f"{address}/{scene}")
    page.wait_for_function("() => customElements.get('send-once') || customElements.get('local-time')")


def test_keys_walk_the_list() -> None:
    """J and k move, o opens, / finds, ? lists them; while somebody types they are letters."""
    with served() as address, looking(1280, "light") as page:
        open_scene(page, address, "list")
        links = page.locator(".row-link")

        page.keyboard.press("j")
        page.keyboard.press("j")
        expect(links.nth(1)).to_be_focused()
        page.keyboard.press("k")
        expect(links.nth(0)).to_be_focused()
        page.keyboard.press("/")
        expect(page.get_by_label("Id, or how it begins")).to_be_focused()
        page.keyboard.type("j?o")
        expect(page.get_by_label("Id, or how it begins")).to_have_value("j?o")
        page.get_by_role("heading", level=1).click()
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        page.get_by_label("Use these keys in this browser").uncheck()
        page.keyboard.press("Escape")
        page.reload()
        page.keyboard.press("j")
        expect(links.nth(0)).not_to_be_focused()


def test_a_search_leaves_out_what_nobody_filled_in() -> None:
    """Its address can be read, and handed on."""
    with served() as address, looking(1280, "light") as page:
        open_scene(page, address, "inbox-found")
        page.get_by_label("Words").fill("sale")
        page.get_by_label("Tags").fill("")
        with page.expect_request(re.compile("/inbox[?]")) as found:
            page.get_by_role("button", name="Find").click()

        assert "/inbox?q=sale" == found.value.url.removeprefix(address)


def test_the_colours_are_chosen_and_kept() -> None:
    """Round from the system's to light to dark, and the next page is drawn in it."""
    with served() as address, looking(1280, "light") as page:
        open_scene(page, address, "list")
        button = page.locator("theme-switch button")
        ground = "() => getComputedStyle(document.documentElement).backgroundColor"
        light = page.evaluate(ground)

        button.click()
        button.click()

        assert page.evaluate(ground) != light
        assert button.get_attribute("aria-label") == "Colours: dark"
        assert {cookie.get("name"): cookie.get("value") for cookie in page.context.cookies()} == {"theme": "dark"}


def test_a_text_is_copied_and_said_so() -> None:
    """The button's own label says that it is done."""
    with served() as address, looking(1280, "light", permissions=["clipboard-read", "clipboard-write"]) as page:
        open_scene(page, address, "key-new")

        page.get_by_role("button", name="Copy the key").click()

        expect(page.locator("copy-button").first).to_contain_text("Copied")
        assert page.evaluate("() => navigator.clipboard.readText()") == "tr_dev_sk_0123456789abcdefghijklmn"


def test_the_last_minutes_are_counted_down() -> None:
    """By the second, in place, without moving anything else."""
    with served() as address, looking(1280, "light") as page:
        open_scene(page, address, "approve-soon")
        countdown = page.locator("count-down")

        expect(countdown).to_have_text(re.compile(r"^\d min \d\d s$"))
        first = countdown.inner_text()
        expect(countdown).not_to_have_text(first)


def test_the_tab_shows_how_many_wait() -> None:
    """On the favicon, drawn without asking the server."""
    with served() as address, looking(1280, "light") as page:
        open_scene(page, address, "inbox")

        icon = page.locator('link[rel="icon"]')
        expect(icon).to_have_attribute("href", re.compile(r"^data:image/svg\+xml,.*%3E4%3C"))


def opened_twice(page: Page, url: str) -> Page:
    """The same journey on this device and on another, which is given back."""
    other = page.context.browser.new_context().new_page()  # type: ignore[union-attr]
    for each in (page, other):
        each.goto(url)
        each.wait_for_function("() => customElements.get('save-draft')")
    return other


def test_two_devices_save_one_draft(house: House, ada: Program) -> None:
    """Each sends what was changed on it, by itself or by the button, and undoes nothing of the other's."""
    form = {"type": "object", "properties": {name: {"type": "string"} for name in ("street", "city", "country")}}
    request = {"title": "Where?", "form": form, "journey": unique("j"), "step": {"index": 1, "of": 1}}
    url = ada.create(timeout="1d", request=request).json()["journeyUrl"]

    with looking(1280, "light") as page:
        other = opened_twice(page, url)
        page.get_by_label("Street").fill("1 Main Street")
        expect(page.locator("save-draft")).to_have_text("Saved")
        other.get_by_label("City").fill("Springfield")
        expect(other.locator("save-draft")).to_have_text("Saved")
        page.get_by_label("Country").fill("Utopia")
        page.get_by_role("button", name="Save and go on later").click()
        expect(page.get_by_label("City")).to_have_value("Springfield")
        other.reload()

        for name, text in (("Street", "1 Main Street"), ("City", "Springfield"), ("Country", "Utopia")):
            expect(other.get_by_label(name)).to_have_value(text)


WHEN = {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}, "why": {"type": "string"}}}


def test_a_time_is_asked_for_where_the_reader_is(house: House, ada: Program) -> None:
    """Ten o'clock on Kiritimati is not ten o'clock in Greenwich, and what was proposed keeps its own zone."""
    token = ada.make_token(request={"title": "When?", "form": WHEN})
    proposed = ada.make_token(request={"title": "When?", "form": WHEN, "proposed": {"when": "2026-12-01T10:00:00Z"}})

    with looking(1280, "light", timezone_id="Pacific/Kiritimati") as page:
        page.goto(f"{house.url}/approve/{proposed.id}?token={proposed.public_access_token}")
        expect(page.get_by_label("Time zone")).to_have_value("UTC")
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        expect(page.get_by_label("Time zone")).to_have_value("Pacific/Kiritimati")
        page.get_by_label("Date and time").fill("2026-12-01T10:00")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", name="Answered: Send")).to_be_visible()

    assert {"when": "2026-12-01T10:00:00+14:00"} == json.loads(ada.show(token)["output"])


def test_a_saved_time_keeps_its_zone_on_another_device(house: House, ada: Program) -> None:
    """A device elsewhere that is open, too, and saves something else moves no time."""
    request = {"title": "When?", "form": WHEN, "journey": unique("j"), "step": {"index": 1, "of": 1}}
    url = ada.create(timeout="1d", request=request).json()["journeyUrl"]

    with looking(1280, "light", timezone_id="Pacific/Kiritimati") as page:
        other = opened_twice(page, url)
        page.get_by_label("Date and time").fill("2026-12-01T10:00")
        expect(page.locator("save-draft")).to_have_text("Saved")
        other.get_by_label("Why").fill("It suits me.")
        expect(other.locator("save-draft")).to_have_text("Saved")
        other.reload()

        expect(other.get_by_label("Date and time")).to_have_value("2026-12-01T10:00")
        expect(other.get_by_label("Time zone")).to_have_value("Pacific/Kiritimati")


def test_what_is_emptied_after_a_mistake_stays_empty(house: House, ada: Program) -> None:
    """A text, and a box that was ticked; what another device has filled in meanwhile stays, too."""
    fields = {name: {"type": "string"} for name in ("street", "city", "country")} | {"gift": {"type": "boolean"}}
    form = {"type": "object", "properties": fields, "required": ["country"]}
    request = {"title": "Where?", "form": form, "journey": unique("j"), "step": {"index": 1, "of": 1}}
    url = ada.create(timeout="1d", request=request).json()["journeyUrl"]

    with looking(1280, "light") as page:
        other = opened_twice(page, url)
        page.get_by_label("Street").fill("1 Main Street")
        page.get_by_label("City").fill("Springfield")
        page.get_by_label("Yes").check()
        expect(page.locator("save-draft")).to_have_text("Saved")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
        other.get_by_label("Country").fill("Utopia")
        expect(other.locator("save-draft")).to_have_text("Saved")

        page.get_by_label("Street").fill("")
        page.get_by_label("No answer").check()
        expect(page.locator("save-draft")).to_have_text("Saved")
        other.reload()

        for name, text in (("Street", ""), ("City", "Springfield"), ("Country", "Utopia")):
            expect(other.get_by_label(name)).to_have_value(text)
        expect(other.get_by_label("Yes")).not_to_be_checked()


def test_what_is_emptied_right_before_it_is_sent_stays_empty(house: House, ada: Program) -> None:
    """Sooner than it is saved by itself, and the answer comes back with a mistake."""
    form = {
        "type": "object",
        "properties": {name: {"type": "string"} for name in ("street", "city")},
        "required": ["street"],
    }
    request = {"title": "Where?", "form": form, "journey": unique("j"), "step": {"index": 1, "of": 1}}
    asked = ada.create(timeout="1d", request=request).json()

    with looking(1280, "light") as page:
        page.goto(asked["journeyUrl"])
        page.get_by_label("Street").fill("1 Main Street")
        page.get_by_label("City").fill("Springfield")
        expect(page.locator("save-draft")).to_have_text("Saved")
        page.get_by_label("Street").fill("")
        page.get_by_role("button", name="Send").click()
        expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()

        eventually(
            lambda: house.read(journeys.draft_of, asked["id"]) == {"/street": "", "/city": "Springfield"}, "it is saved"
        )


HALF: dict[str, Any] = {
    "title": "Book a room",
    "form": {
        "type": "object",
        "properties": {
            "guest": {
                "type": "object",
                "title": "Guest",
                "properties": {"first_name": {"type": "string"}, "last_name": {"type": "string"}},
            },
            "nights": {"type": "integer"},
            "room": {"type": "string", "enum": ["small", "large"]},
            "meals": {"type": "array", "uniqueItems": True, "items": {"enum": ["breakfast", "lunch", "dinner"]}},
            "parking": {"type": "boolean", "const": True},
        },
    },
    "proposed": {"guest": {"first_name": "Mia", "last_name": "Doe"}, "nights": 2},
    "decisions": [{"value": "book"}, {"value": "refuse", "require": ["comment"], "form": False}],
}


def fill_in_half(page: Page) -> None:
    page.get_by_label("Last name").fill("<b>Roe</b>")
    page.get_by_label("Small").check()
    page.get_by_label("Breakfast").check()
    page.get_by_label("Dinner").check()
    page.get_by_label("Parking").check()
    page.get_by_label("Comment").fill("With a view,\nplease.")


@pytest.mark.parametrize("is_live", [True, False])
def test_what_was_typed_stays_when_somebody_else_answers(house: House, ada: Program, *, is_live: bool) -> None:
    """Whatever a person has changed, by the labels of the fields; with a socket and without."""
    token = ada.make_token(request=HALF)

    with looking(1280, "light") as page:
        complaints = complaints_of(page)
        if not is_live:
            page.route_web_socket(re.compile(".*"), _refuse)
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        expect(page.locator("connection-status")).to_have_attribute(
            "data-state", "live" if is_live else "asking", timeout=9000
        )
        fill_in_half(page)

        ada.complete(token, {"decision": "refuse", "comment": "We are full."})

        expect(page.get_by_role("heading", level=1)).to_have_text("Answered: Refuse", timeout=12_000)
        kept = page.locator("#typed")
        expect(kept).to_be_visible()
        assert _rows_of(kept) == {
            "Guest, Last name": "<b>Roe</b>",
            "Room": "Small",
            "Meals": "Breakfast, Dinner",
            "Parking": "Yes",
            "Comment (needed for “Refuse”)": "With a view,\nplease.",
        }
        look_over(page)
        assert [] == [each for each in complaints if "WebSocket" not in each]


def test_nothing_is_kept_of_a_form_that_nobody_touched(house: House, ada: Program) -> None:
    token = ada.make_token(request=HALF)

    with looking(1280, "light") as page:
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        expect(page.locator("connection-status")).to_have_attribute("data-state", "live")
        ada.complete(token, {"decision": "refuse", "comment": "We are full."})

        expect(page.get_by_role("heading", level=1)).to_have_text("Answered: Refuse")
        expect(page.locator("#typed")).to_be_hidden()


def test_what_was_typed_before_a_mistake_stays_too(house: House, ada: Program) -> None:
    """The form was drawn again with it, so that it looks untouched."""
    token = ada.make_token(request=HALF)

    with looking(1280, "light") as page:
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        page.get_by_label("Nights").fill("many")
        page.get_by_role("button", name="Book").click()
        expect(page.get_by_role("heading", name="There is a problem")).to_be_visible()
        expect(page.locator("connection-status")).to_have_attribute("data-state", "live")
        ada.complete(token, {"decision": "refuse", "comment": "We are full."})

        expect(page.locator("#typed")).to_be_visible()
        assert "many" == _rows_of(page.locator("#typed"))["Nights"]


@pytest.mark.parametrize("is_live", [True, False])
def test_what_was_typed_for_one_step_stays_beside_the_next(house: House, ada: Program, *, is_live: bool) -> None:
    """And is not taken along into a field of the same name."""
    form = {"type": "object", "properties": {"note": {"type": "string"}}}
    asked = {"title": "First", "form": form, "journey": unique("j"), "step": {"index": 1, "of": 2}}
    first = ada.create(timeout="1d", request=asked).json()

    with looking(1280, "light") as page:
        if not is_live:
            page.route_web_socket(re.compile(".*"), _refuse)
        page.goto(first["journeyUrl"])
        expect(page.locator("connection-status")).to_have_attribute(
            "data-state", "live" if is_live else "asking", timeout=9000
        )
        page.get_by_label("Note").fill("half a thought")
        ada.create(timeout="1d", request=asked | {"title": "Second", "step": {"index": 2, "of": 2}})
        assert (
            200
            == ada.post(f"/api/v1/waitpoints/tokens/{first['id']}/complete", json={"data": {"note": "x"}}).status_code
        )

        expect(page.get_by_role("heading", name="Second")).to_be_visible(timeout=12_000)
        expect(page.get_by_label("Note")).to_have_value("")
        assert {"Note": "half a thought"} == _rows_of(page.locator("#typed"))
        look_over(page)


def _rows_of(section: Locator) -> dict[str, str]:
    rows: dict[str, str] = section.evaluate(
        "(it) => Object.fromEntries([...it.querySelectorAll('dl > div')].map((row) => [...row.children].map((part) => part.textContent)))"
    )
    return rows


def test_a_double_click_sends_once(house: House, ada: Program) -> None:
    """The second press of the same button is not another answer."""
    token = ada.make_token()
    sent: list[str] = []

    with looking(390, "light") as page:
        page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        page.wait_for_function("() => customElements.get('count-down')")
        page.get_by_role("button", name="Approve").dblclick()
        expect(page.get_by_role("heading", level=1)).to_have_text("Approved")

    assert len(sent) == 1


@pytest.mark.slow
def test_a_page_without_a_socket_asks(house: House, ada: Program) -> None:
    """It says that it is not live, asks every ten seconds, and shows what it hears."""
    token = ada.make_token()

    with looking(1280, "light") as page:
        page.route_web_socket(re.compile(".*"), _refuse)
        page.context.add_cookies([{"name": "waitpoint", "value": house.sign_in(), "url": house.url}])
        page.goto(f"{house.url}/tokens/{token.id}")
        page.get_by_label("Comment").fill("half a thought")
        expect(page.locator("connection-status .words")).to_have_text("not live: asking every 10 s", timeout=9000)
        expect(page.get_by_label("Comment")).to_have_value("half a thought")

        ada.complete(token, {"approved": True, "comment": "by another door"})

        expect(page.locator("#live .answer")).to_contain_text("by another door", timeout=12_000)
        expect(page.locator("#announcement")).to_have_text("This page was updated.")


@pytest.mark.parametrize("width", [320, 1280])
def test_a_colour_never_says_alone_that_a_page_is_live(house: House, ada: Program, width: int) -> None:
    """At the desk there is the word, on a phone, too; at the door nothing is said while all is well."""
    token = ada.make_token(timeout="1h")

    with looking(width, "light") as page:
        page.context.add_cookies([{"name": "waitpoint", "value": house.sign_in(), "url": house.url}])
        status = page.locator("connection-status")
        page.goto(f"{house.url}/tokens/{token.id}")
        expect(status).to_have_attribute("data-state", "live")
        assert page.locator("connection-status .words").evaluate(_IS_SEEN)
        assert page.evaluate(TOO_WIDE) <= 0

        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        expect(status).to_have_attribute("data-state", "live")
        assert not status.evaluate(_IS_SEEN)
        status.evaluate("(it) => { it.dataset.state = 'reconnecting' }")
        assert status.evaluate(_IS_SEEN)


_IS_SEEN = "(it) => it.getBoundingClientRect().width > 10"


def test_a_dead_connection_is_noticed(house: House, ada: Program) -> None:
    """A socket that is open and says nothing is dead: the page says so within 35 seconds, and asks."""
    token, opened = ada.make_token(), 0

    def say_nothing_more(socket: WebSocketRoute) -> None:
        nonlocal opened
        opened += 1
        if opened == 1:
            socket.send('{"ping":true}')
        else:
            socket.close(code=1011)

    with looking(1280, "light") as page:
        page.route_web_socket(re.compile(".*"), say_nothing_more)
        page.clock.install()
        page.context.add_cookies([{"name": "waitpoint", "value": house.sign_in(), "url": house.url}])
        page.goto(f"{house.url}/tokens/{token.id}")
        expect(page.locator("connection-status .words")).to_have_text("live")

        page.clock.run_for(20_000)
        expect(page.locator("connection-status .words")).to_have_text("live")
        page.clock.run_for(8000)
        expect(page.locator("connection-status .words")).not_to_have_text("live")


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 3000, 4000])
def test_a_closed_connection_is_opened_again(house: House, ada: Program, code: int) -> None:
    """Whatever the reason that the other end gave."""
    token, opened = ada.make_token(), 0

    def close_the_first(socket: WebSocketRoute) -> None:
        nonlocal opened
        opened += 1
        if opened == 1:
            socket.close(code=code)
        else:
            socket.send('{"ping":true}')

    with looking(1280, "light") as page:
        page.route_web_socket(re.compile(".*"), close_the_first)
        page.context.add_cookies([{"name": "waitpoint", "value": house.sign_in(), "url": house.url}])
        page.goto(f"{house.url}/tokens/{token.id}")
        expect(page.locator("connection-status .words")).to_have_text("live")
        page.wait_for_timeout(700)
        expect(page.locator("connection-status .words")).to_have_text("live")

    assert opened >= 2


def _refuse(socket: WebSocketRoute) -> None:
    socket.close(code=1011)
