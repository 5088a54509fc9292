"""Open pages are pushed the partials they were drawn with, and only our own pages are."""

import asyncio
import re
import threading
from contextlib import ExitStack
from types import SimpleNamespace

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.people import people, sign_in
from app.realtime import guests
from app.realtime.lists import OpenList
from tests.makers import House, Program, unique
from tests.realtime.listeners import showing

SAME_PORT_HOSTILE = (
    "null",
    "",
    "https://evil.example",
    "http://evil.example:{port}",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1",
    "http://127.0.0.1:1",
    "http://127.0.0.1:{port}1",
    "http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@evil.example",
    "http://127.0.0.1:{port}.evil.example",
    "http://127.0.0.1.evil.example:{port}",
    "http://evil127.0.0.1:{port}",
    "http://evil.example#http://127.0.0.1:{port}",
    "http://evil.example?http://127.0.0.1:{port}",
    "http://user@127.0.0.1:{port}",
    "HTTP://127.0.0.1:{port}",
    "http://127.1:{port}",
    "http://127.0.0.1.:{port}",
    "http://127.0.0.1:{port}, http://evil.example",
    "ws://127.0.0.1:{port}",
    "file://",
)


@pytest.fixture
def session(house: House) -> str:
    """The cookie of Ada, signed in."""
    return f"waitpoint={house.sign_in()}"


@pytest.fixture
def approval(ada: Program) -> tuple[SimpleNamespace, str]:
    """A waiting token, and the cookie of its approval page."""
    token = ada.make_token(timeout="1h")
    return token, f"approval={token.public_access_token}"


def drawn(house: House, path: str, session: str) -> str:
    """The address of the socket that a page opens, as the page says it."""
    page = httpx.get(house.url + path, headers={"Cookie": session, "Accept": "text/html"}, trust_env=False).text
    found = re.search(r'hx-ws:connect="([^"]+)"', page)
    assert found is not None
    return found[1].replace("&amp;", "&")


def environment(program: Program) -> str:
    return f"environment={program.environment_id}"


def test_a_row_flips_when_its_token_is_completed(house: House, newcomer: Program, session: str) -> None:
    token, other = newcomer.make_token(), newcomer.make_token()
    with showing(house.url, drawn(house, f"/tokens?{environment(newcomer)}", session), session) as page:
        page.until("waiting_count")
        newcomer.complete(token)
        html = page.until(f'id="token_{token.id}"')

    (row,) = re.findall(rf'<li[^>]*id="token_{token.id}"[^>]*>', html)
    assert 'hx-swap-oob="true"' in row
    assert "Completed" in html
    assert f'id="token_{other.id}"' not in html


def test_new_tokens_are_announced_and_move_nothing(house: House, newcomer: Program, session: str) -> None:
    newcomer.make_token()
    with showing(house.url, drawn(house, f"/tokens?{environment(newcomer)}", session), session) as page:
        page.until("waiting_count")
        for number in range(1, 4):
            token = newcomer.make_token()
            html = page.until(f"{number} new</a>")
            assert f'id="token_{token.id}"' not in html


def test_a_list_announces_only_what_its_filters_let_in(house: House, newcomer: Program, session: str) -> None:
    path = f"/tokens?{environment(newcomer)}&status=waiting&tags=refund"
    with showing(house.url, drawn(house, path, session), session) as page:
        page.until("waiting_count")
        newcomer.make_token(tags=["Refund"])
        shown = newcomer.make_token(tags=["eur", "refund"])
        assert "2 new" not in page.until("1 new</a>")

        newcomer.complete(shown)

        assert re.search(r"<new-arrivals[^>]*></new-arrivals>", page.until("<new-arrivals"))


def test_a_list_of_completed_tokens_announces_completions(house: House, newcomer: Program, session: str) -> None:
    token = newcomer.make_token()
    path = f"/tokens?{environment(newcomer)}&status=completed"
    with showing(house.url, drawn(house, path, session), session) as page:
        page.until("waiting_count")
        newcomer.complete(token)
        page.until("1 new</a>")


def test_a_list_of_one_key_is_drawn_anew(house: House, newcomer: Program, session: str) -> None:
    """Events do not tell the idempotency key, so the list looks."""
    key = unique("key")
    path = f"/tokens?{environment(newcomer)}&key={key}"
    with showing(house.url, drawn(house, path, session), session) as page:
        page.until("waiting_count")
        token = newcomer.make_token(idempotencyKey=key)
        page.until(f'id="token_{token.id}"')


def test_the_numbers_follow(house: House, newcomer: Program, session: str) -> None:
    newcomer.make_token()
    with showing(house.url, drawn(house, f"/tokens?{environment(newcomer)}", session), session) as page:
        page.until('>1<span class="visually-hidden"> waiting')

        newcomer.make_token()

        html = page.until('>2<span class="visually-hidden"> waiting')
        html = html if "token_tabs" in html else html + page.until("token_tabs")
        assert re.search(r'Waiting <span class="count">2</span>', html)


def test_a_page_that_shows_how_things_stand_is_left_alone(house: House, newcomer: Program, session: str) -> None:
    newcomer.make_token()
    path = drawn(house, f"/tokens?{environment(newcomer)}", session)
    with showing(house.url, path, session) as page:
        assert 'id="live"' not in page.next()
        assert page.is_quiet()


def test_a_page_that_comes_back_is_shown_what_it_missed(house: House, newcomer: Program, session: str) -> None:
    token = newcomer.make_token()
    path = drawn(house, f"/tokens?{environment(newcomer)}", session)
    newcomer.complete(token)

    with showing(house.url, path, session) as page:
        html = page.until('id="live"')

    assert 'hx-swap-oob="outerMorph"' in html
    assert "Completed" in html


@pytest.fixture
def slow_drawing(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """A list takes its time between the reading and the page; set when it has read."""
    draw, has_read = OpenList._draw, threading.Event()

    async def draw_slowly(self: OpenList) -> object:
        drawn = await draw(self)
        has_read.set()
        await asyncio.sleep(0.3)
        return drawn

    monkeypatch.setattr(OpenList, "_draw", draw_slowly)
    return has_read


def test_what_happens_while_a_page_is_drawn_is_not_lost(
    house: House, newcomer: Program, session: str, slow_drawing: threading.Event
) -> None:
    """The reading was too early for it, and nobody knew yet that the page shows this row."""
    token = newcomer.make_token()
    path = drawn(house, f"/tokens?{environment(newcomer)}", session)
    with showing(house.url, path, session) as page:
        assert slow_drawing.wait(5)
        newcomer.complete(token)
        assert "Completed" in page.until(f'id="token_{token.id}"')


def test_a_page_that_is_just_drawn_is_announced_only_what_it_does_not_show(
    house: House, newcomer: Program, session: str, slow_drawing: threading.Event
) -> None:
    path = drawn(house, f"/tokens?{environment(newcomer)}", session)
    with showing(house.url, path, session) as earlier:
        assert slow_drawing.wait(5)
        newcomer.make_token()
        earlier.until("1 new</a>")
        path = drawn(house, f"/tokens?{environment(newcomer)}", session)
        slow_drawing.clear()
        with showing(house.url, path, session) as later:
            assert slow_drawing.wait(5)
            newcomer.make_token()
            earlier.until("2 new</a>")
            newcomer.make_token()
            assert "3 new</a>" not in later.until("2 new</a>")


def test_nothing_of_another_environment_is_pushed(house: House, ada: Program, newcomer: Program, session: str) -> None:
    with showing(house.url, drawn(house, f"/tokens?{environment(newcomer)}", session), session) as page:
        page.until("waiting_count")
        ada.complete(ada.make_token())
        assert page.is_quiet()


def test_the_page_of_a_token_tells_how_it_ended(house: House, ada: Program, session: str) -> None:
    token = ada.make_token(timeout="1h")
    with showing(house.url, drawn(house, f"/tokens/{token.id}", session), session) as page:
        page.until("waiting_count")  # a page that waits is left alone: somebody may be writing on it

        ada.cancel(token, "The order was withdrawn.")

        assert "The order was withdrawn." in page.until('id="live"')


def test_the_page_of_a_token_hears_of_its_deadline(house: House, ada: Program, session: str) -> None:
    token = ada.make_token(timeout="1s")
    with showing(house.url, drawn(house, f"/tokens/{token.id}", session), session) as page:
        house.clock.move(seconds=2)
        house.sweep()
        assert "No answer came" in page.until('id="live"')


def test_an_approval_page_hears_that_somebody_else_was_first(
    house: House, ada: Program, approval: tuple[SimpleNamespace, str]
) -> None:
    token, cookie = approval
    with showing(house.url, f"/approve/{token.id}/live?version=x", cookie) as page:
        ada.complete(token, {"approved": False, "comment": "Not this week."})
        html = page.until('id="live"')

    assert "Sent back" in html
    assert "Not this week." in html
    assert "a Full key" not in html


def test_many_pages_are_drawn_once(house: House, newcomer: Program, session: str) -> None:
    """Fifty pages show the same bytes: a change is read and drawn for all of them together."""
    token = newcomer.make_token()
    path = drawn(house, f"/tokens?{environment(newcomer)}", session)
    with ExitStack() as stack:
        pages = [stack.enter_context(showing(house.url, path, session)) for _ in range(50)]
        for page in pages:
            page.until("waiting_count")
        newcomer.complete(token)
        rows = [re.search(r"<li.*?</li>", page.until(token.id), re.DOTALL) for page in pages]

    assert 1 == len({row[0] for row in rows if row})


@pytest.mark.parametrize("origin", SAME_PORT_HOSTILE)
def test_no_other_site_opens_our_sockets(
    house: House, session: str, approval: tuple[SimpleNamespace, str], origin: str
) -> None:
    """A browser sends our cookies along with any socket; the origin tells whose page it is (threat 10)."""
    token, cookie = approval
    foreign = origin.format(port=house.port)
    for path, sent in (
        ("/live/tokens", session),
        (f"/live/tokens/{token.id}", session),
        (f"/approve/{token.id}/live", cookie),
    ):
        assert 403 == refusal(house, path, sent, foreign)


def test_a_socket_without_an_origin_is_refused(house: House, session: str) -> None:
    """Browsers always send one."""
    request = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Cookie": session,
    }
    assert 403 == httpx.get(f"{house.url}/live/tokens", headers=request, trust_env=False).status_code
    twice = [*request.items(), ("Origin", house.url), ("Origin", house.url)]
    assert 400 == httpx.get(f"{house.url}/live/tokens", headers=twice, trust_env=False).status_code


@pytest.mark.parametrize("cookie", ["", "waitpoint=", "waitpoint=x", "waitpoint=a.b.c", "approval=a.b.c"])
def test_a_socket_needs_its_cookie(house: House, approval: tuple[SimpleNamespace, str], cookie: str) -> None:
    token, _ = approval
    for path in ("/live/tokens", f"/live/tokens/{token.id}", f"/approve/{token.id}/live"):
        assert 403 == refusal(house, path, cookie)


def test_an_approval_cookie_opens_one_page_only(
    house: House, ada: Program, approval: tuple[SimpleNamespace, str]
) -> None:
    _, cookie = approval
    other = ada.make_token()
    for path in (f"/approve/{other.id}/live", "/live/tokens", f"/live/tokens/{other.id}"):
        assert 403 == refusal(house, path, cookie)


def test_a_token_that_is_not_there_has_no_socket(house: House, session: str) -> None:
    assert 403 == refusal(house, "/live/tokens/waitpoint_" + "0" * 32, session)


def test_who_signs_out_is_shown_nothing_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The socket was opened with a sign-in that has ended since, perhaps on another server."""
    cookie = house.sign_in()
    monkeypatch.setattr(guests, "ASK_AGAIN", 0.05)
    house.database.loop.call_soon_threadsafe(house.app.state["live"].guests.stop)
    house.database.loop.call_soon_threadsafe(house.app.state["live"].guests.start)
    with showing(house.url, "/live/tokens", f"waitpoint={cookie}") as page:
        page.until("waiting_count")
        for person in house.read(people.every):
            house.write(sign_in.sign_out_everywhere, person.id)
        with pytest.raises(ConnectionClosed) as closed:
            page.until("never")
    assert closed.value.rcvd is not None
    assert 1008 == closed.value.rcvd.code


def refusal(house: House, path: str, cookie: str, origin: str | None = None) -> int:
    """With which status a socket is refused, before it is accepted."""
    with pytest.raises(InvalidStatus) as refused, showing(house.url, path, cookie, origin=origin):
        pass
    return refused.value.response.status_code
