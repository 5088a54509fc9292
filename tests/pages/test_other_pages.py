"""Signing in, environments and keys, errors, static files."""

import re
from typing import Any

import pytest

from app.pages.files import version
from app.people import people, sign_in
from tests.makers import TOKENS, House, Program, unique
from tests.pages.conftest import Visitor, text_of


@pytest.fixture
def new_link(house: House) -> str:
    """A sign-in link of the owner."""
    owner = house.write(people.add, "owner@example.com", "Owner", "owner")
    return f"/sign-in/{house.write(sign_in.make_link, owner.id)}"


def test_a_sign_in_link_shows_and_its_button_signs_in(ben: Visitor, new_link: str) -> None:
    """Opening signs nobody in and uses nothing up; the button does both, once."""
    for _ in range(3):
        page = ben.open(new_link)
        assert page.status_code == 200
        assert not ben.client.cookies

    signed_in = ben.send(new_link)
    assert signed_in.url.path == "/inbox"
    assert signed_in.status_code == 200

    again = ben.send(new_link)
    assert again.status_code == 410
    assert "no longer works" in text_of(again)


def test_the_cookie_of_a_sign_in_is_guarded(ben: Visitor, new_link: str) -> None:
    """No script reads it, and no other site sends it with a form."""
    answer = ben.knock("POST", new_link, headers={"Origin": ben.house.url})

    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("waitpoint=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/" in cookie


def test_another_site_signs_nobody_in(ben: Visitor, new_link: str) -> None:
    """Signing somebody in as somebody else would be an attack, too."""
    assert ben.send(new_link, headers={"Origin": "https://evil.example"}).status_code == 403
    assert ben.open(new_link).status_code == 200


def test_an_unknown_link_is_late(ben: Visitor) -> None:
    """The same page for used, old and invented links."""
    page = ben.open("/sign-in/" + "x" * 43)

    assert page.status_code == 410
    assert 'href="/sign-in">Get a new sign-in link' in page.text
    assert "waitpoint people link" in text_of(page)


def test_without_a_mail_server_nobody_is_told_to_wait_for_a_mail(ben: Visitor) -> None:
    """Whoever asks for a sign-in link hears that none is mailed, and who makes one."""
    page = ben.send("/sign-in", email="ben@example.com", password="")

    assert "Look at your mail" not in text_of(page)
    assert "No mail server is set" in text_of(page)


def test_signing_out_ends_the_session(ben: Visitor, new_link: str) -> None:
    """The cookie is taken away, and worthless to whoever kept it."""
    ben.send(new_link)
    kept = ben.client.cookies["waitpoint"]

    page = ben.send("/sign-out")
    assert "You are signed out." in text_of(page)

    ben.client.cookies.set("waitpoint", kept)
    assert ben.open("/tokens").status_code == 401


def test_a_key_is_shown_once(house: House, desk: Visitor) -> None:
    """Made, copied, used; the list shows its end only."""
    page = desk.send("/settings/environments/dev/keys", name_dev="the shop", scope_dev="create")

    assert page.status_code == 201
    found = re.search(r'<code id="api_key">(tr_dev_sk_[0-9A-Za-z]{24})</code>', page.text)
    assert found is not None
    program = house.program(found[1])
    assert program.create().status_code == 200
    assert program.get(TOKENS).status_code == 403
    listing = desk.open("/settings/environments")
    assert found[1] not in listing.text
    assert f"…{found[1][-4:]}" in text_of(listing)
    assert "the shop create tokens" in text_of(listing)


def test_a_revoked_key_is_refused_at_once(house: House, desk: Visitor) -> None:
    """A page asks first; the button acts."""
    key = house.make_key()
    path = f"/settings/environments/dev/keys/{key.id}/revocation"
    program = house.program(key.secret)
    assert program.create().status_code == 200

    question = desk.open(path)
    assert "refused at once" in text_of(question)
    assert program.create().status_code == 200

    page = desk.send(path)
    assert "The key was revoked." in text_of(page)
    assert program.create().status_code == 401
    assert desk.open(path).status_code == 404


def test_an_environment_is_made(house: House, desk: Visitor) -> None:
    """With a name for people and a short one for its keys; each once."""
    slug = "e" + house.make_environment().slug[1:9]

    made = desk.send("/settings/environments", name="A new world", slug=slug)
    twice = desk.send("/settings/environments", name="A new world", slug=slug)
    bad = desk.send("/settings/environments", name="", slug="Not So")

    assert "The environment was created." in text_of(made)
    assert f"tr_{slug}_sk_" in text_of(made)
    assert twice.status_code == 400
    assert f"There is an environment {slug} already." in text_of(twice)
    assert bad.status_code == 400
    assert 'id="name_error"' in bad.text
    assert 'value="Not So"' in bad.text


@pytest.mark.parametrize(
    "path",
    [
        "/settings/environments/nowhere/keys/key_1/revocation",
        "/settings/environments/dev/keys/key_1/revocation",
        "/settings/environments/%00/keys/key_1/revocation",
        "/settings/environments/dev/keys/%00/revocation",
        "/nothing/here",
    ],
)
def test_what_is_not_there_is_a_page(desk: Visitor, path: str) -> None:
    """A person who is lost is told so in words, and shown the way back."""
    page = desk.open(path)

    assert page.status_code == 404
    assert "text/html" in page.headers["content-type"]
    assert "There is nothing here" in text_of(page)
    assert 'href="/inbox"' in page.text


def test_the_wrong_method_is_a_page(desk: Visitor) -> None:
    """And says which one is right."""
    page = desk.knock("DELETE", "/tokens")

    assert page.status_code == 405
    assert "text/html" in page.headers["content-type"]
    assert "allow" in page.headers


def test_a_theme_is_drawn_from_the_first_byte(desk: Visitor) -> None:
    """The cookie chooses between two words; anything else is ignored."""
    for value, drawn in {"dark": ' data-theme="dark"', "light": ' data-theme="light"', '"><script>': ""}.items():
        html = desk.knock("GET", "/sign-in", headers={"Cookie": f"theme={value}"}).text
        assert f'<html lang="en"{drawn}>' in html


def test_nobody_puts_words_into_a_page(ben: Visitor) -> None:
    """What a page says once comes from a list; a made-up code says nothing."""
    page = ben.knock("GET", "/sign-in", headers={"Cookie": "flash=Your account was stolen"})

    assert "stolen" not in page.text


def test_static_files_are_kept_for_ever_under_their_fingerprint(ben: Visitor) -> None:
    """And asked for again under their plain name. They are packed for who can unpack them."""
    versioned = ben.open(f"/static/{version()}/css/application.css")
    plain = ben.open("/static/css/application.css")
    unpacked = ben.knock("GET", "/static/vendor/htmx.js", headers={"Accept-Encoding": "identity"})

    assert versioned.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in versioned.headers["cache-control"]
    assert plain.headers["cache-control"] == "no-cache"
    assert versioned.text == plain.text
    assert ben.open("/static/vendor/htmx.js").headers["content-encoding"] == "gzip"
    assert "content-encoding" not in unpacked.headers
    same = ben.knock("GET", "/static/css/application.css", headers={"If-None-Match": plain.headers["etag"]})
    assert same.status_code == 304


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "..%2fpyproject.toml", "css", "", "css/../../app/asgi.py", "x.css"]
)
def test_nothing_but_static_files_is_static(ben: Visitor, path: str) -> None:
    """No path leads out of the folder."""
    answer: Any = ben.knock("GET", f"/static/{path}")

    assert answer.status_code == 404


def test_the_api_reference_leads_on_for_whoever_is_signed_in(ben: Visitor, desk: Visitor) -> None:
    """Open to everybody; who has signed in does not lose their way around."""
    signed_in, signed_out = desk.open("/docs/api"), ben.open("/docs/api")

    assert 'aria-label="Main"' in signed_in.text
    assert (200, False) == (signed_out.status_code, 'aria-label="Main"' in signed_out.text)


def test_a_mail_in_a_timeline_looks_like_one(house: House, desk: Visitor, ada: Program) -> None:
    address = f"{unique()}@example.com"
    token = ada.make_token(request={"title": "Publish?", "approvers": [address]})
    house.deliver()

    page = desk.open(f"/tokens/{token.id}")

    assert f"Mail to {address} printed" in page.text
    assert "mark--mail" in page.text
