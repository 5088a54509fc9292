"""The mails of people, from the outbox to the page that their link opens."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

from app.notifications import outbox
from app.notifications.kinds import NotNeeded
from app.notifications.letters import Letter
from app.notifications.models import Mail
from app.pages.words import moment_in
from app.people import passwords, people, sign_in
from app.tokens.models import By
from tests.makers import House, unique

ADA = By(kind="person", door="page", id="person_ada", name="Ada <b>=?utf-8?q?x?=")


def mail_to(house: House, email: str) -> Mail:
    return next(mail for mail in house.read(outbox.latest, 1000) if mail.recipient == email)


def letter_of(house: House, mail: Mail) -> Letter | NotNeeded:
    deliverer = house.app.state["deliverer"]
    written = asyncio.run_coroutine_threadsafe(deliverer.letter_of(mail), house.database.loop)
    letter: Letter | NotNeeded = written.result(timeout=60)
    return letter


def link_in(house: House, letter: Letter | NotNeeded) -> str:
    """The path of the link, which text and HTML share."""
    assert isinstance(letter, Letter)
    (url,) = re.findall(rf"{house.url}/sign-in/\S+", letter.text.partition("It is good")[0])
    assert url.replace("&", "&amp;") in letter.html
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


@pytest.mark.parametrize("role", ["owner", "member", "approver"])
def test_an_invitation_lets_in_once_within_a_week(house: House, role: str) -> None:
    """Its link opens a page that says who is signed in; the button does it."""
    house.clock.move(minutes=1)
    email = f"{unique()}@example.com"
    house.write(people.invite, email, "Mia", role, ADA)

    letter = letter_of(house, mail_to(house, email))
    path = link_in(house, letter)
    house.clock.move(days=6)
    page = house.client.get(path)
    answer = house.client.post(path, headers={"origin": house.url, "sec-fetch-site": "same-origin"})
    house.client.cookies.clear()

    assert isinstance(letter, Letter)
    assert "invites you to Waitpoint" in letter.subject
    assert "=?" not in letter.subject.replace("= ?", "")
    assert "<b>" not in letter.html
    assert "as <strong>Mia</strong>" in page.text
    assert 303 == answer.status_code
    assert 410 == house.client.get(path).status_code


def test_another_password_is_told_by_mail(house: House) -> None:
    """Once for each change, in the person's zone; nothing in it signs anybody in."""
    house.clock.move(minutes=1)
    mia = house.write(people.add, f"{unique()}@example.com", "Mia", "approver")
    house.write(
        lambda db: people.change_profile(db, mia.id, name="Mia", time_zone="Asia/Tokyo", wants_mail=False, by=ADA)
    )
    for _ in range(2):
        house.write(passwords.change, mia.id, "a hash", ADA, "")
        house.clock.move(minutes=1)

    mails = [mail for mail in house.read(outbox.latest, 1000) if mail.recipient == mia.email]
    letter = letter_of(house, mails[0])

    assert ["password", "password"] == [mail.kind for mail in mails]
    assert isinstance(letter, Letter)
    assert "A new password" in letter.subject
    assert moment_in(mails[0].created_at, "Asia/Tokyo") in letter.text
    assert [] == re.findall(rf"{house.url}/sign-in/", letter.text + letter.html)


def test_a_mailed_link_leads_back_to_where_one_was(house: House) -> None:
    """Who wanted to see a page and had to sign in sees it afterwards. The link is good for an hour."""
    house.clock.move(minutes=3)
    mia = house.write(people.add, f"{unique()}@example.com", "Mia", "approver")
    house.write(sign_in.ask_for_link, mia.email, "/approve/waitpoint_1?a=b&c=d")

    path = link_in(house, letter_of(house, mail_to(house, mia.email)))
    page = house.client.get(path)
    ours = {"origin": house.url, "sec-fetch-site": "same-origin"}
    answer = house.client.post(path.partition("?")[0], headers=ours, data={"next": "/approve/waitpoint_1?a=b&c=d"})
    house.client.cookies.clear()

    assert 'name="next" value="/approve/waitpoint_1?a=b&amp;c=d"' in page.text
    assert (303, "/approve/waitpoint_1?a=b&c=d") == (answer.status_code, answer.headers["location"])

    late = link_in(house, letter_of(house, mail_to(house, mia.email)))
    house.clock.move(hours=1)
    assert 410 == house.client.get(late).status_code


def test_whoever_was_disabled_meanwhile_gets_no_mail(house: House) -> None:
    """And no link is made for them."""
    house.write(people.invite, email := f"{unique()}@example.com", "Mia", "member", ADA)
    mia = house.read(people.find, email)
    assert mia is not None

    house.write(sign_in.shut_out, mia.id, ADA)

    assert isinstance(letter_of(house, mail_to(house, email)), NotNeeded)
