"""An inbox that is open: rows change in place, new ones are announced, and nothing moves under the finger."""

import re

from tests.inbox.conftest import Asked, ask
from tests.makers import House, Program
from tests.realtime.listeners import showing


def socket_of(mia: Asked, path: str = "/inbox") -> str:
    """The address of the socket that the page opens, as the page says it."""
    found = re.search(r'hx-ws:connect="([^"]+)"', mia.open(path).text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_an_answered_row_stays_where_it_is(house: House, newcomer: Program, mia: Asked) -> None:
    """It says so, and the numbers follow."""
    first, token, other = (ask(newcomer, mia.email) for _ in range(3))
    with showing(house.url, socket_of(mia), mia.cookie) as page:
        newcomer.complete(first, {"approved": True})
        page.until("asked_count")  # now it is certain that the page is drawn, and what it shows
        newcomer.complete(token, {"approved": True})
        html = page.until(f'id="request_{token.id}"')
        numbers = html if "asked_count" in html else page.until("asked_count")

    assert "Answered" in html
    assert f'id="request_{other.id}"' not in html
    assert 'value="1"' in numbers


def test_a_page_whose_socket_comes_late_shows_the_number_of_now(house: House, newcomer: Program, mia: Asked) -> None:
    """Beside "Inbox", too: what happened between the page and its socket is told by nobody else."""
    token = ask(newcomer, mia.email)
    address = socket_of(mia)
    with showing(house.url, address, mia.cookie) as early:
        newcomer.complete(token, {"approved": True})
        early.until("asked_count")

    with showing(house.url, address, mia.cookie) as late:
        shown = late.next()

    assert re.search(r'id="asked_count"[^>]* value="0"', shown)


def test_new_requests_are_announced(house: House, newcomer: Program, mia: Asked, max_: Asked) -> None:
    """Those for me; not those for others, and not those that the filters leave out."""
    ask(newcomer, mia.email, tags=["eu"])
    with showing(house.url, socket_of(mia, "/inbox?tags=eu"), mia.cookie) as page:
        ask(newcomer, max_.email, tags=["eu"])
        ask(newcomer, mia.email, tags=["us"])
        newcomer.make_token(tags=["eu"])
        token = ask(newcomer, f"group:{mia.group}", tags=["eu"])
        html = page.until("new</a>")

        assert "1 new</a>" in html
        assert f'id="request_{token.id}"' not in html

        newcomer.cancel(token)
        assert re.search(r"<new-arrivals[^>]*></new-arrivals>", page.until("<new-arrivals"))


def test_what_happened_before_the_socket_opened_is_drawn(house: House, newcomer: Program, mia: Asked) -> None:
    """A page that was slow to connect is brought up to date."""
    token = ask(newcomer, mia.email)
    address = socket_of(mia)
    newcomer.complete(token, {"approved": True})

    with showing(house.url, address, mia.cookie) as page:
        html = page.until('id="live"')

    assert f'id="request_{token.id}"' not in html
    assert "Nothing waits for you" in html


def test_an_amended_request_is_drawn_anew(house: House, newcomer: Program, mia: Asked) -> None:
    """With its new title, in its place."""
    token = ask(newcomer, mia.email)
    with showing(house.url, socket_of(mia), mia.cookie) as page:
        changed = {"title": "Publish it now?", "approvers": [mia.email]}
        assert 200 == newcomer.ask("PATCH", f"{token.path}/request", json=changed).status_code
        html = page.until(f'id="request_{token.id}"')

    assert "Publish it now?" in html
    assert 'name="version" value="2"' in html
