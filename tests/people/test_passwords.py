"""Passwords: who tries learns nothing but yes or no, is slowed down, and keeps nobody out."""

from typing import Any

import argon2
import pytest

from app.people import passwords, people, sign_in
from app.people.people import Profile
from app.tokens.models import By
from tests.makers import House, unique

RIGHT = "correct horse battery"
MIA = By(kind="person", door="page")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing as in life takes a tenth of a second; here it is as quick as it can be."""
    monkeypatch.setattr(passwords, "_hasher", argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    passwords._nobodys.cache_clear()


def made_person(house: House, password: str | None = RIGHT) -> Profile:
    person = house.write(people.add, f"{unique()}@example.com", "Mia", "member")
    if password is not None:
        hashed = passwords._hasher.hash(password)
        house.write(passwords.change, person.id, hashed, MIA, "")
    return person


def tried(house: House, email: str, password: str, **fields: str) -> Any:
    """The answer to the sign-in form."""
    ours = {
        "origin": house.url,
        "sec-fetch-site": "same-origin",
        "user-agent": "Mozilla/5.0 (X11; Linux) Firefox/140.0",
    }
    answer = house.client.post("/sign-in", headers=ours, data={"email": email, "password": password, **fields})
    house.client.cookies.clear()
    return answer


def test_the_right_password_signs_in(house: House) -> None:
    """Whatever the letter case of the address; the session says how, and on what."""
    house.clock.move(minutes=1)
    person = made_person(house)

    answer = tried(house, person.email.upper(), RIGHT)

    assert (303, "/inbox") == (answer.status_code, answer.headers["location"])
    assert "httponly" in answer.headers["set-cookie"].lower()
    (session,) = house.read(sign_in.sessions_of, person.id)
    assert ("password", "Firefox on Linux") == (session.way, session.device)


def test_signing_in_leads_to_where_one_was_and_nowhere_else(house: House) -> None:
    """A page of ours; what would lead to another site is left aside."""
    house.clock.move(minutes=1)
    person = made_person(house)
    elsewhere = ["https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil", "/a\nb", "javascript:x", "x"]

    places = [tried(house, person.email, RIGHT, next=path).headers["location"] for path in ["/a?b=c", *elsewhere]]

    assert ["/a?b=c"] + ["/inbox"] * len(elsewhere) == places


def test_nobody_learns_who_is_here(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wrong password, no password, disabled, unknown: the same answer, after the same work."""
    house.clock.move(minutes=1)
    known, without, disabled = made_person(house), made_person(house, None), made_person(house)
    house.write(sign_in.shut_out, disabled.id, MIA)
    work: list[str] = []
    verify = passwords._verify

    def watched(stored: str, given: str) -> bool:
        work.append(stored.rpartition("$")[0].rpartition("$")[0])
        return verify(stored, given)

    monkeypatch.setattr(passwords, "_verify", watched)

    emails = [known.email, without.email, disabled.email, f"{unique()}@example.com"]
    answers = [tried(house, email, "not this one") for email in emails]

    assert 1 == len({answer.text.replace(email, "") for answer, email in zip(answers, emails, strict=True)})
    assert {400} == {answer.status_code for answer in answers}
    assert 1 == len({tuple(sorted(answer.headers.keys())) for answer in answers})
    assert 4 == len(work)
    assert 1 == len({*work})  # with the same parameters


def test_asking_for_a_link_tells_nobody_who_is_here_either(house: House) -> None:
    """Known and unknown: the same answer, and one row in the log each."""
    house.clock.move(minutes=3)
    person = made_person(house)

    known, unknown = tried(house, person.email, ""), tried(house, f"{unique()}@example.com", "")

    assert (303, "/sign-in?mailed=yes") == (known.status_code, known.headers["location"])
    assert (known.status_code, known.headers["location"], known.content) == (
        unknown.status_code,
        unknown.headers["location"],
        unknown.content,
    )
    assert "If that address belongs to somebody here" in house.client.get("/sign-in?mailed=yes").text


def test_guessing_is_slowed_down_and_keeps_nobody_out(house: House) -> None:
    """After ten wrong tries from one place even the right one is not looked at, and a link still lets its owner in."""
    house.clock.move(minutes=20)
    person = made_person(house)
    with house.clock.standing():
        wrong = [tried(house, person.email, "not this one").status_code for _ in range(11)]
        right = tried(house, person.email, RIGHT)

    assert [400] * 10 + [429] == wrong
    assert 429 == right.status_code
    assert "mailed to you" in right.text
    assert house.write(sign_in.sign_in, house.write(sign_in.make_link, person.id)) is not None
    house.clock.move(minutes=10)
    assert 303 == tried(house, person.email, RIGHT).status_code


def test_a_hash_with_older_parameters_is_renewed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the parameters grow stronger, so does what is stored, with the next sign-in."""
    house.clock.move(minutes=20)
    person = made_person(house)
    before = house.read(passwords._stored, person.id)
    stronger = argon2.PasswordHasher(time_cost=2, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", stronger)

    assert 303 == tried(house, person.email, RIGHT).status_code

    after = house.read(passwords._stored, person.id)
    assert before != after
    assert "t=2" in str(after)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("short", "at least 10"),
        ("x" * 1001, "at most 1,000"),
        ("ada@example.com", "too easy"),
        ("ababababababab", "too easy"),
        ("correct horse", None),
        ("zwölf Boxkämpfer", None),
        ("ﬁﬁﬁﬁﬁabcd", None),
    ],
    ids=["short", "long", "the address", "two letters", "words", "umlauts", "ligatures"],
)
def test_what_a_password_has_to_be(password: str, problem: str | None) -> None:
    ada = Profile("person_1", "ada@example.com", "Ada", "owner")

    said = passwords.what_is_wrong(password, ada)

    assert (problem or "") in (said or "")
    assert (problem is None) == (said is None)


def test_a_password_is_the_same_however_it_is_typed() -> None:
    """Composed or not, the letters are the same."""
    stored = passwords._hasher.hash(passwords._normal("zwo\u0308lf Boxka\u0308mpfer"))

    assert passwords._verify(stored, "zwölf Boxkämpfer")
    assert not passwords._verify(stored, "zwolf Boxkampfer")
    assert not passwords._verify("no hash", "zwölf Boxkämpfer")
