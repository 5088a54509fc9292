"""The profile: what a person says of themselves, their password, and where they are signed in."""

from datetime import datetime
from typing import Any

import argon2
import pytest

from app.pages.words import moment_in
from app.people import passwords, people, sign_in
from app.people.people import Profile
from tests.cast import ADAS_KEY
from tests.makers import House, unique

NEW = "correct horse battery"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing as quick as it can be."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


class Mia:
    """An approver who is signed in: all that she needs is open to her."""

    def __init__(self, house: House, way: str = "link") -> None:
        self.house = house
        self.person: Profile = house.write(people.add, f"{unique()}@example.com", "Mia", "approver")
        self.session = house.write(sign_in.begin, self.person.id, way, "Firefox on Linux")

    def headers(self) -> dict[str, str]:
        cookie = f"waitpoint={self.session.cookie}"
        return {"cookie": cookie, "origin": self.house.url, "sec-fetch-site": "same-origin"}

    def open(self, path: str = "/profile") -> Any:
        return self.house.client.get(path, headers=self.headers())

    def send(self, path: str, **fields: str) -> Any:
        answer = self.house.client.post(path, headers=self.headers(), data=fields)
        self.house.client.cookies.clear()
        return answer

    def now(self) -> Profile:
        person = self.house.read(people.get, self.person.id)
        assert person is not None
        return person


@pytest.fixture
def mia(house: House) -> Mia:
    return Mia(house)


def test_a_person_says_who_they_are_and_where(mia: Mia) -> None:
    """Name, time zone and whether mails are wanted; a box that is not ticked is not sent."""
    answer = mia.send("/profile", name="Mia Musterfrau", time_zone="Europe/Berlin")

    assert 303 == answer.status_code
    now = mia.now()
    assert ("Mia Musterfrau", "Europe/Berlin", False) == (now.name, now.time_zone, now.notifications)
    assert "Mia Musterfrau" in mia.open().text
    mia.send("/profile", name="Mia", time_zone="", notifications="on")
    assert (None, True) == (mia.now().time_zone, mia.now().notifications)


def test_moments_are_told_in_the_time_zone_of_the_profile(mia: Mia, house: House) -> None:
    """As its mail does, the page of a question: at the door, too. Who has named no zone reads UTC."""
    ask = {"approvers": [mia.person.email]}
    token = house.program(ADAS_KEY).make_token(timeout="5h", request=ask)
    path = f"/approve/{token.id}"

    before = mia.open(path).text
    mia.send("/profile", name="Mia", time_zone="Asia/Tokyo")
    after = mia.open(path).text

    deadline = datetime.fromisoformat(house.program(ADAS_KEY).show(token)["timeoutAt"])
    assert moment_in(deadline, None) in before
    assert moment_in(deadline, "Asia/Tokyo") in after
    assert moment_in(deadline, "Asia/Tokyo") not in before
    assert "(Asia/Tokyo)" in mia.open("/profile").text


def test_moments_are_asked_for_in_the_time_zone_of_the_profile(mia: Mia, house: House) -> None:
    """A date and a time that is filled in is meant as the reader's own, where nobody has said otherwise."""
    form = {"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}}}
    ask = {"approvers": [mia.person.email], "form": form}
    token = house.program(ADAS_KEY).make_token(timeout="5h", request=ask)
    path = f"/approve/{token.id}"

    before = mia.open(path).text
    mia.send("/profile", name="Mia", time_zone="Asia/Tokyo")
    after = mia.open(path).text

    assert 'name="/when:zone" value="UTC"' in before
    assert 'name="/when:zone" value="Asia/Tokyo"' in after


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "A name is needed"),
        ({"name": "x" * 101}, "at most 100"),
        ({"name": "Mia\nBcc: evil@example.com"}, "on one line"),
        ({"name": "ben@example.com"}, "no mail address"),
        ({"name": "ben＠example.com"}, "no mail address"),
        ({"name": "Mia\u202e"}, "on one line"),
        ({"name": "Mia", "time_zone": "Mars/Olympus"}, "Choose a time zone"),
        ({"name": "Mia", "time_zone": "../../etc/passwd"}, "Choose a time zone"),
    ],
    ids=["no name", "long name", "two lines", "an address", "a wide address", "turned text", "no such zone", "a path"],
)
def test_what_cannot_be_is_said_at_the_field(mia: Mia, fields: dict[str, str], problem: str) -> None:
    """And nothing is stored."""
    answer = mia.send("/profile", **fields)

    assert 400 == answer.status_code
    assert problem in answer.text
    assert mia.now() == mia.person


@pytest.fixture
def owner(house: House) -> Mia:
    """The first owner, as a new server makes them."""
    owner = Mia(house)
    owner.person = house.write(people.add, f"{unique()}@localhost", "Owner", "owner")
    owner.session = house.write(sign_in.begin, owner.person.id, "link", "Firefox on Linux")
    return owner


def test_the_first_owner_says_their_address_once(owner: Mia) -> None:
    """Until then no mail reaches them, and their pages say so; afterwards it is theirs."""
    address = f"{unique()}@example.com"
    before = owner.open("/inbox").text

    assert 303 == owner.send("/profile", name="Ada", time_zone="").status_code
    assert owner.now().email == owner.person.email
    assert 303 == owner.send("/profile", name="Ada", email=address.upper()).status_code
    assert 303 == owner.send("/profile", name="Ada", email=f"{unique()}@example.com").status_code

    assert "No mail reaches you" in before
    assert "No mail reaches you" not in owner.open("/inbox").text
    assert 'name="email"' not in owner.open("/profile").text
    assert address == owner.now().email


@pytest.mark.parametrize("address", ["ada", "ada@localhost", "taken"])
def test_an_address_is_a_mailbox_of_ones_own(owner: Mia, mia: Mia, address: str) -> None:
    """Nothing that is no address, that no mail reaches, or that somebody else has; it is said at the field."""
    answer = owner.send("/profile", name="Ada", email=mia.person.email if address == "taken" else address)

    assert 400 == answer.status_code
    assert 'id="email_error"' in answer.text
    assert owner.now() == owner.person


def test_nobody_else_gives_themselves_an_address(mia: Mia) -> None:
    mia.send("/profile", name="Mia", email=f"{unique()}@example.com")

    assert mia.now().email == mia.person.email


def test_a_first_password_is_set_without_another(mia: Mia, house: House) -> None:
    """It signs in, and every other session has ended."""
    elsewhere = house.write(sign_in.begin, mia.person.id)

    assert 400 == mia.send("/profile/password", new_password="short").status_code
    answer = mia.send("/profile/password", new_password=NEW)

    assert 303 == answer.status_code
    assert passwords._verify(str(house.read(passwords._stored, mia.person.id)), NEW)
    assert house.read(sign_in.person_of, elsewhere.person.session_id) is None
    assert 200 == mia.open().status_code


def test_another_password_needs_the_one_before(house: House) -> None:
    """Whoever finds an open session cannot take the account; who came by a mailed link an hour ago has shown enough."""
    mia = Mia(house, "password")
    mia.send("/profile/password", new_password=NEW)

    refused = mia.send("/profile/password", new_password="another horse", current_password="wrong")
    accepted = mia.send("/profile/password", new_password="another horse", current_password=NEW)
    assert [400, 303] == [refused.status_code, accepted.status_code]
    assert "This is not your password" in refused.text

    mia.session = house.write(sign_in.begin, mia.person.id)
    assert 303 == mia.send("/profile/password", new_password="a third horse").status_code
    house.clock.move(hours=1)
    assert 400 == mia.send("/profile/password", new_password="a fourth horse").status_code


def test_signing_out_everywhere_means_here_too(mia: Mia, house: House) -> None:
    elsewhere = house.write(sign_in.begin, mia.person.id, "password", "Safari on iPhone")
    page = mia.open().text
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page

    answer = mia.send("/profile/sign-out-everywhere")

    assert (303, "/sign-in") == (answer.status_code, answer.headers["location"])
    assert 401 == mia.open().status_code
    assert house.read(sign_in.person_of, elsewhere.person.session_id) is None
