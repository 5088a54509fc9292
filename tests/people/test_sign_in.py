"""Signing in: a link opens a page, its button makes a session; a session is a row and can be ended."""

from datetime import timedelta

import jwt
import pytest

from app.environments.signing_keys import PUBLIC_ACCESS, SESSION, ensure, rotate
from app.people import people, sign_in
from tests.makers import House, unique


def made_person(house: House, role: str = "member") -> people.Profile:
    return house.write(people.add, f"{unique()}@example.com", "Mia", role)


def opened(house: House, cookie: str | None) -> int:
    """What the list of tokens answers to this cookie."""
    house.forget()
    return house.client.get("/tokens", headers={"cookie": f"waitpoint={cookie}"} if cookie else {}).status_code


def test_a_link_is_good_for_one_sign_in(house: House) -> None:
    """Looking at its page as often as one likes uses nothing up; the button does."""
    secret = house.write(sign_in.make_link, made_person(house).id)
    ours = {"origin": house.url, "sec-fetch-site": "same-origin"}

    for _ in range(3):
        page = house.client.get(f"/sign-in/{secret}")
        assert 200 == page.status_code
        assert "set-cookie" not in page.headers
    first = house.client.post(f"/sign-in/{secret}", headers=ours)
    second = house.client.post(f"/sign-in/{secret}", headers=ours)

    assert (303, "/inbox") == (first.status_code, first.headers["location"])
    cookie = first.headers["set-cookie"]
    assert all(part in cookie.lower() for part in ("httponly", "samesite=lax", "path=/", "max-age="))
    assert "secure" not in cookie.lower()  # this house has no https
    assert 410 == second.status_code
    assert 200 == opened(house, cookie.split("=", 1)[1].split(";")[0])
    assert 410 == house.client.get(f"/sign-in/{secret}").status_code


def test_a_link_is_good_for_a_day(house: House) -> None:
    """To the millisecond, and not longer."""
    person = made_person(house)
    with house.clock.standing():
        early, late = house.write(sign_in.make_link, person.id), house.write(sign_in.make_link, person.id)
        house.clock.move(milliseconds=sign_in.LINK_LIFETIME / timedelta(milliseconds=1) - 1)
        assert house.write(sign_in.sign_in, early) is not None
        house.clock.move(milliseconds=1)
        assert house.read(sign_in.is_link_good, late) is False
        assert house.write(sign_in.sign_in, late) is None


@pytest.mark.parametrize("secret", ["", "x", "x" * 5000, "é", "%00", "' OR 1=1 --"])
def test_a_guess_is_no_link(house: House, secret: str) -> None:
    house.clock.move(minutes=1)

    assert house.write(sign_in.sign_in, secret) is None
    assert house.client.get(f"/sign-in/{secret}").status_code in {200, 404, 410}  # 200 is the page without a link


def test_the_first_owners_link_ends_with_the_next_one_and_with_the_owner(house: House) -> None:
    """A server that is started again prints another link; once somebody is in, none is printed any more."""
    if not house.read(people.are_there_any):
        first, second = house.write(sign_in.first_link), house.write(sign_in.first_link)
        assert first is not None
        assert second is not None
        assert [False, True] == [house.read(sign_in.is_link_good, link) for link in (first, second)]
        house.write(people.add, "owner@example.com", "Owner", "owner")
        assert house.read(sign_in.is_link_good, second) is False

    assert house.write(sign_in.first_link) is None


def test_signing_out_ends_the_session_for_good(house: House) -> None:
    """The cookie is worthless afterwards, whoever has kept it; other sessions go on, until all are ended."""
    person = made_person(house)
    here, there = house.write(sign_in.begin, person.id), house.write(sign_in.begin, person.id)
    ours = {"origin": house.url, "sec-fetch-site": "same-origin", "cookie": f"waitpoint={here.cookie}"}
    assert [200, 200] == [opened(house, here.cookie), opened(house, there.cookie)]

    house.client.post("/sign-out", headers=ours)
    assert [401, 200] == [opened(house, here.cookie), opened(house, there.cookie)]

    house.write(sign_in.sign_out_everywhere, person.id)
    assert [401, 401] == [opened(house, here.cookie), opened(house, there.cookie)]


def test_a_session_ends_by_itself(house: House) -> None:
    """After thirty days by the server's clock."""
    session = house.write(sign_in.begin, made_person(house).id)
    assert 200 == opened(house, session.cookie)

    house.clock.move(seconds=sign_in.SESSION_LIFETIME.total_seconds() + 1)

    assert 401 == opened(house, session.cookie)


def test_a_forged_cookie_opens_nothing(house: House) -> None:
    """Signed by another key, for another purpose, without a signature, of an unknown session."""
    session = house.write(sign_in.begin, made_person(house).id)
    key = house.write(ensure, SESSION)
    claims = jwt.decode(session.cookie, options={"verify_signature": False})
    access = house.write(ensure, PUBLIC_ACCESS, house.dev.id)

    def signed(secret: str, **changed: object) -> str:
        return jwt.encode({**claims, **changed}, secret, algorithm="HS256", headers={"kid": key.id})

    forged = [
        signed("x" * 43),
        signed(access.secret),
        signed(key.secret, sid="session_unknown"),
        signed(key.secret, sid=1),
        signed(key.secret, aud="https://api.trigger.dev"),
        signed(key.secret, exp=1),
        jwt.encode({"sid": claims["sid"], "aud": claims["aud"]}, key.secret, algorithm="HS256"),
        jwt.encode(claims, "", algorithm="none"),
        session.cookie[:-3],
        session.cookie + "x",
        house.mint("admin"),
        "..",
        "%00",
        "x" * 5000,
    ]

    assert 200 == opened(house, signed(key.secret))
    assert [401] * len(forged) == [opened(house, cookie) for cookie in forged]


def test_a_rotated_session_key_ends_what_it_signed(house: House) -> None:
    """The way out when a secret has leaked: everybody signs in again."""
    session = house.write(sign_in.begin, made_person(house).id)

    house.write(rotate, SESSION, None, timedelta(0))

    assert 401 == opened(house, session.cookie)
    assert 200 == opened(house, house.write(sign_in.begin, made_person(house).id).cookie)


def test_a_person_is_known_by_their_address_in_any_case(house: House) -> None:
    """One address, one person."""
    name = unique()
    person = house.write(people.add, f"{name}@Example.com", "Mia", "member")

    assert person == house.write(people.add, f" {name.upper()}@example.COM ", "Else", "owner")
    assert person == house.read(people.find, f"{name}@EXAMPLE.com")
