"""The approval page: Ben has a link, and no account."""

from typing import Any

import pytest
from playwright.sync_api import expect

from tests.makers import UNKNOWN_ID, House, Program
from tests.pages.conftest import Visitor, text_of
from tests.pages.test_gallery import looking

Link = tuple[Any, str]


def test_a_link_shows_and_a_button_acts(ben: Visitor, ada: Program, link: Link) -> None:
    """The whole way: open, approve with a comment, and read that it was recorded."""
    token, url = link

    question = ben.open(url)
    assert question.status_code == 200
    assert question.url.path == f"/approve/{token.id}"
    assert question.url.query == b""
    assert "Do you approve?" in text_of(question)
    assert "If nobody answers by" in text_of(question)
    assert ada.show(token)["status"] == "WAITING"

    done = ben.send(f"/approve/{token.id}", decision="approve", comment="Looks good")
    assert done.history[0].status_code == 303
    assert "Your answer was recorded. Approved Approved by somebody with the approval link" in text_of(done)
    assert "Looks good" in text_of(done)
    assert ada.show(token)["output"] == '{"approved":true,"comment":"Looks good"}'


def test_nobody_at_the_door_is_told_of_programs(ben: Visitor, link: Link) -> None:
    """What answers come to is said in words for whoever has the link."""
    _, url = link

    said = text_of(ben.open(url))

    assert "program" not in said
    assert "It goes ahead." in said
    assert "It does not go ahead; your comment is passed on." in said
    assert "the question closes without an answer." in said


def test_sending_back_needs_no_comment(ben: Visitor, ada: Program, link: Link) -> None:
    """The comment is always there for the program, empty when none was given."""
    token, url = link
    ben.open(url)

    ben.send(f"/approve/{token.id}", decision="reject")

    assert ada.show(token)["output"] == '{"approved":false,"comment":""}'


def test_the_secret_lives_in_a_cookie_of_this_page_alone(ben: Visitor, link: Link) -> None:
    """HttpOnly, for this path, a month longer than the link opens anything; and the page forbids to be kept or framed."""
    token, url = link

    answer = ben.knock("GET", url)

    assert answer.status_code == 303
    assert answer.headers["location"] == f"/approve/{token.id}"
    assert answer.headers["referrer-policy"] == "same-origin"
    cookie = answer.headers["set-cookie"]
    assert f"Path=/approve/{token.id}" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert 31 * 86_400 - 10 <= int(cookie.partition("Max-Age=")[2].partition(";")[0]) <= 31 * 86_400
    page = ben.open(f"/approve/{token.id}")
    assert page.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert token.public_access_token not in page.text


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_opening_changes_nothing(house: House, ben: Visitor, ada: Program, link: Link, method: str) -> None:
    """However often a mail scanner opens the link, nothing is written and the link stays good."""
    token, url = link
    before = house.read(_last_event)

    for path in (url, f"/approve/{token.id}"):
        ben.client.request(method, path, headers={"Purpose": "prefetch"})

    assert house.read(_last_event) == before
    assert ada.show(token)["status"] == "WAITING"
    assert ben.open(url).status_code == 200


def _last_event(db: Any) -> int:
    from app.events import log  # noqa: PLC0415

    return log.head(db)[0]


@pytest.mark.parametrize("fields", [{}, {"decision": ""}, {"decision": "maybe"}, {"data": '{"approved":true}'}])
def test_a_bad_decision_comes_back(ben: Visitor, ada: Program, link: Link, fields: dict[str, Any]) -> None:
    """The form again, with what was typed, and a sentence that leads to the buttons."""
    token, url = link
    ben.open(url)

    page = ben.send(f"/approve/{token.id}", comment="half a <thought>", **fields)

    assert page.status_code == 400
    assert "Choose Approve or Send back." in text_of(page)
    assert '<a href="#decision">' in page.text
    assert "half a &lt;thought&gt;" in page.text
    assert ada.show(token)["status"] == "WAITING"


def test_a_long_comment_comes_back(ben: Visitor, ada: Program, link: Link) -> None:
    """The limit is said, and nothing is cut off behind anybody's back."""
    token, url = link
    ben.open(url)

    page = ben.send(f"/approve/{token.id}", decision="approve", comment="x" * 10_001)

    assert page.status_code == 400
    assert "A comment has at most 10,000 characters; this one has 10,001." in text_of(page)
    assert ada.show(token)["status"] == "WAITING"


def test_the_second_is_told_who_was_first(ben: Visitor, ada: Program, link: Link) -> None:
    """Who, when and what; and that their own choice was not recorded."""
    token, url = link
    ben.open(url)
    ada.complete(token, {"approved": False, "comment": "The price is wrong."})

    page = ben.send(f"/approve/{token.id}", decision="approve")

    assert page.status_code == 409
    assert "Sent back by a program on" in text_of(page)
    assert "The price is wrong." in text_of(page)
    assert "Your answer was not recorded" in text_of(page)
    assert "WAITPOINT_SECRET_KEY" not in page.text


def test_the_same_choice_twice_is_no_quarrel(ben: Visitor, ada: Program, link: Link) -> None:
    """A double click without scripts shows what was recorded, not an error."""
    token, url = link
    ben.open(url)
    ben.send(f"/approve/{token.id}", decision="approve")

    page = ben.send(f"/approve/{token.id}", decision="approve")

    assert page.status_code == 409
    assert "That is what you answered, too." in text_of(page)
    assert "not recorded" not in text_of(page)
    assert ada.show(token)["output"] == '{"approved":true,"comment":""}'
    other = ben.send(f"/approve/{token.id}", decision="approve", comment="Only at 10.")
    assert "Your answer was not recorded" in text_of(other)


def test_late_pages_say_what_happened(house: House, ben: Visitor, ada: Program) -> None:
    """Timed out and cancelled: what, when, why, and that nothing is needed."""
    overdue, withdrawn = ada.make_token(timeout="30s"), ada.make_token()
    ada.cancel(withdrawn, "The order was withdrawn.")
    for token in (overdue, withdrawn):
        ben.open(f"/approve/{token.id}?token={token.public_access_token}")
    house.clock.move(seconds=31)

    late, cancelled = ben.open(f"/approve/{overdue.id}"), ben.open(f"/approve/{withdrawn.id}")

    assert "The time is over Nobody answered by" in text_of(late)
    assert "This question was withdrawn" in text_of(cancelled)
    assert "The order was withdrawn." in text_of(cancelled)
    for page in (late, cancelled):
        assert page.status_code == 200
        assert "Nothing more is needed from you." in text_of(page)
    too_late = ben.send(f"/approve/{overdue.id}", decision="approve")
    assert too_late.status_code == 409
    assert "Your answer was not recorded" in text_of(too_late)


def test_an_expired_link_says_so(house: House, ben: Visitor, ada: Program) -> None:
    """The link and the cookie end together; whoever has them is told to ask for a new one."""
    token = ada.make_token(timeout="3d")
    access = house.mint(f"write:waitpoints:{token.id}", minutes=5)
    ben.open(f"/approve/{token.id}?token={access}")
    house.clock.move(minutes=6)

    for page in (
        ben.open(f"/approve/{token.id}?token={access}"),
        ben.open(f"/approve/{token.id}"),
        ben.send(f"/approve/{token.id}", decision="approve"),
    ):
        assert page.status_code == 410
        assert "This link has expired" in text_of(page)
    assert ada.show(token)["status"] == "WAITING"


def test_links_that_open_nothing(house: House, ben: Visitor, ada: Program, link: Link) -> None:
    """Another token's secret, a broken one, one that only reads, another environment's, none at all."""
    token, _ = link
    other = ada.make_token()
    secrets = {
        other.public_access_token: 403,
        house.mint(f"read:waitpoints:{token.id}"): 403,
        token.public_access_token[:-3]: 401,
        "a.b.c": 401,
        "": 401,
    }

    for secret, status in secrets.items():
        page = ben.open(f"/approve/{token.id}?token={secret}")
        assert page.status_code == status
        assert "This link does not work" in text_of(page)
    foreign = ben.open(
        f"/approve/{token.id}?token={house.mint(f'write:waitpoints:{token.id}', environment=house.prod)}"
    )
    assert foreign.status_code == 404
    everything = house.mint("write:waitpoints")
    for text in ("a%0d%0aSet-Cookie:%20x=1", "%00", "x;%20Path=%2f"):
        assert ben.open(f"/approve/{text}?token={everything}").status_code == 403
    assert ben.open(f"/approve/{token.id}?token={everything}").status_code == 200
    ben.client.cookies.clear()
    assert ben.open(f"/approve/{token.id}").status_code == 401
    assert ben.open(f"/approve/{UNKNOWN_ID}").text.replace(UNKNOWN_ID, "") == ben.open(
        f"/approve/{token.id}"
    ).text.replace(token.id, "")
    assert ben.send(f"/approve/{token.id}", decision="approve").status_code == 401
    assert ada.show(token)["status"] == "WAITING"


def test_another_site_cannot_answer_for_ben(ben: Visitor, ada: Program, link: Link) -> None:
    """His cookie does not help whoever makes his browser send a form."""
    token, url = link
    ben.open(url)

    for origin in ("https://evil.example", "null", "http://127.0.0.1", f"{ben.house.url}.evil.example"):
        page = ben.send(f"/approve/{token.id}", headers={"Origin": origin}, decision="approve")
        assert page.status_code == 403

    assert ada.show(token)["status"] == "WAITING"


def test_a_clicked_callback_url_explains_itself(house: House, ben: Visitor, ada: Program, link: Link) -> None:
    """405 for people and programs alike; people are shown the way to the approval page."""
    token, _ = link

    page = ben.open(token.callback)
    program = ada.get(token.callback)

    assert page.status_code == program.status_code == 405
    assert page.headers["allow"] == program.headers["allow"] == "POST"
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert "This address is for a service" in text_of(page)
    assert f'href="{house.url}/approve/{token.id}?token=' in page.text
    assert program.json()["error"]
    assert f'href="/approve/{token.id}' not in ben.open(token.callback[:-4] + "0000").text
    assert ada.show(token)["status"] == "WAITING"


def test_a_question_on_paper_is_whole_and_dark_on_white(house: House, ada: Program) -> None:
    """What can be answered, and what is folded on a screen, are on it; whoever has chosen dark pages reads it, too."""
    token = ada.make_token(request={"title": "Publish?", "body": "Soon.", "context": {"shop": "Berlin"}})

    with looking(1280, "light") as page:
        page.context.add_cookies([{"name": "theme", "value": "dark", "url": house.url}])
        page.goto(f"{house.url}/approve/{token.id}?token={token.public_access_token}")
        expect(page.get_by_text("Berlin")).to_be_hidden()
        page.emulate_media(media="print")

        expect(page.get_by_role("button", name="Approve")).to_be_visible()
        expect(page.get_by_text("Berlin")).to_be_visible()
        assert "light" == page.evaluate("() => getComputedStyle(document.documentElement).colorScheme")
