"""People and groups, as owners look after them."""

from typing import Any

import pytest

from app.database import Unit
from app.notifications import outbox
from app.people import group_pages, groups, people, sign_in
from app.people.people import LAST_OWNER, Profile
from app.tokens.models import By
from tests.makers import House, unique

ADA = By(kind="person", door="page", id="person_ada", name="Ada")


class Owner:
    """An owner at the desk."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.headers = {
            "cookie": f"waitpoint={house.sign_in()}",
            "origin": house.url,
            "sec-fetch-site": "same-origin",
        }

    def open(self, path: str) -> Any:
        return self.house.client.get(path, headers=self.headers)

    def send(self, path: str, **fields: str) -> Any:
        return self.house.client.post(path, headers=self.headers, data=fields)


@pytest.fixture
def owner(house: House) -> Owner:
    return Owner(house)


def made_person(house: House, role: str = "member") -> Profile:
    return house.write(people.add, f"{unique()}@example.com", "Mia", role)


def mails_to(house: House, email: str) -> list[str]:
    return [mail.kind for mail in house.read(outbox.latest, 1000) if mail.recipient == email]


def said(answer: Any) -> str:
    """The cookie with which an answer has the next page say something."""
    return str(answer.headers["set-cookie"].partition(";")[0])


def now(house: House, person: Profile) -> Profile:
    found = house.read(people.get, person.id)
    assert found is not None
    return found


def test_whoever_is_invited_is_mailed_a_link_once(house: House, owner: Owner) -> None:
    """Inviting somebody who is here changes nothing: not their role, and no second mail."""
    email = f"{unique()}@example.com"

    first = owner.send("/people", email=f" {email.upper()} ", role="approver")
    again = owner.send("/people", email=email, role="owner", name="Somebody else")

    person = house.read(people.find, email)
    assert person is not None
    assert ("approver", email.partition("@")[0]) == (person.role, person.name)
    assert [first.headers["location"]] * 2 == [again.headers["location"], f"/people/{person.id}"]
    assert ["invitation"] == mails_to(house, email)
    assert email in owner.open(f"/people?q={email}").text


def test_without_a_mail_server_an_invitation_says_how_they_get_in(house: House, owner: Owner) -> None:
    """No page says that a mail is on its way: the person's and the mail's give the command that makes a link."""
    email = f"{unique()}@example.com"

    invited = owner.send("/people", email=email, role="member")
    path = invited.headers["location"]
    person = house.client.get(path, headers=owner.headers | {"cookie": owner.headers["cookie"] + f"; {said(invited)}"})
    (mail,) = [mail for mail in house.read(outbox.latest, 1000) if mail.recipient == email]
    mailed = owner.open(f"/settings/outbox/{mail.id}")

    assert "No mail server is set, so make their sign-in link" in person.text
    assert f"waitpoint people link {email}" in person.text
    assert "Mail a sign-in link" not in person.text
    assert f"waitpoint people link {email}" in mailed.text
    assert f'href="{path}"' in mailed.text
    assert 200 == owner.open(path).status_code


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "", "role": "member"}, "mail address is needed"),
        ({"email": "ada@example.com\nBcc: evil@example.com", "role": "member"}, "mail address is needed"),
        ({"email": "new@example.com", "role": "king"}, "Choose what they may do"),
        ({"email": "new@example.com", "role": "member", "name": "x" * 101}, "at most 100"),
    ],
    ids=["nothing", "a header", "no such role", "long name"],
)
def test_what_is_wrong_with_an_invitation_is_said(
    house: House, owner: Owner, fields: dict[str, str], problem: str
) -> None:
    """And nobody is invited."""
    answer = owner.send("/people", **fields)

    assert 400 == answer.status_code
    assert problem in answer.text
    assert house.read(people.find, "new@example.com") is None


def test_a_role_can_be_another_in_one_environment(house: House, owner: Owner) -> None:
    """And the same again."""
    mia = made_person(house, "approver")

    owner.send(f"/people/{mia.id}/role", role="approver", role_in_prod="member", role_in_dev="same")
    assert {house.prod.id: "member"} == house.read(people.roles_of, mia.id)

    owner.send(f"/people/{mia.id}/role", role="member", role_in_prod="same")
    assert {} == house.read(people.roles_of, mia.id)
    assert "member" == now(house, mia).role

    refused = owner.send(f"/people/{mia.id}/role", role="member", role_in_prod="owner")
    assert 400 == refused.status_code
    assert "An owner is an owner in every environment" in refused.text


def test_the_last_owner_stays(house: House) -> None:
    """Neither made less nor shut out: nobody could ever make an owner again."""
    mia = made_person(house, "owner")

    class TakeBack(Exception):
        """What the claim needs is true only in this house of many tests if everything is taken back."""

    def alone(db: Unit) -> None:
        for other in people.every(db):
            if other.role == "owner" and other.id != mia.id:
                assert people.change_role(db, other.id, "member", ADA) is None
        assert LAST_OWNER == people.change_role(db, mia.id, "member", ADA)
        assert LAST_OWNER == sign_in.shut_out(db, mia.id, ADA)
        raise TakeBack

    with pytest.raises(TakeBack):
        house.write(alone)
    assert "owner" == now(house, mia).role


def test_whoever_is_disabled_is_out_and_stays_out(house: House, owner: Owner) -> None:
    """Sessions and links end at once, new ones do not help, and nothing old comes back with them."""
    mia = made_person(house)
    session, link = house.write(sign_in.begin, mia.id), house.write(sign_in.make_link, mia.id)

    owner.send(f"/people/{mia.id}/shutting-out")
    late = house.write(sign_in.make_link, mia.id)
    house.write(sign_in.ask_for_link, mia.email, None)

    assert now(house, mia).is_disabled
    assert [False, False] == [house.read(sign_in.is_link_good, each) for each in (link, late)]
    assert house.read(sign_in.person_of, session.person.session_id) is None
    assert [] == mails_to(house, mia.email)

    owner.send(f"/people/{mia.id}/letting-in")

    assert not now(house, mia).is_disabled
    assert house.read(sign_in.is_link_good, link) is False
    assert house.read(sign_in.person_of, session.person.session_id) is None


def test_nobody_disables_themselves(house: House, owner: Owner) -> None:
    me = house.read(people.find, "owner@example.com")
    assert me is not None

    assert 409 == owner.send(f"/people/{me.id}/shutting-out").status_code
    assert not now(house, me).is_disabled


def test_a_link_is_mailed_once_in_two_minutes(house: House, owner: Owner) -> None:
    """Whoever asks again and again floods nobody, and the links that were mailed stay good."""
    mia = made_person(house)
    with house.clock.standing():
        for _ in range(3):
            owner.send(f"/people/{mia.id}/sign-in-link")
        assert ["sign-in"] == mails_to(house, mia.email)

        house.clock.move(minutes=2)
        owner.send(f"/people/{mia.id}/sign-in-link")
        assert ["sign-in", "sign-in"] == mails_to(house, mia.email)


def test_a_person_is_put_into_a_group_by_their_address(house: House, owner: Owner) -> None:
    """Where there are too many to choose from; an address of nobody is said to be one."""
    mia, slug = made_person(house), "g" + unique()
    owner.send("/groups", name="Editors", slug=slug)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(group_pages, "_MOST_CHOICES", 0)

        page = owner.open(f"/groups/{slug}")
        unknown = owner.send(f"/groups/{slug}/members", person="nobody@example.com")
        joined = owner.send(f"/groups/{slug}/members", person=f" {mia.email.upper()}")

    assert "Their mail address" in page.text
    assert "<select" not in page.text.partition('id="members"')[2]
    assert (400, 303) == (unknown.status_code, joined.status_code)
    assert "Choose somebody who is here." in unknown.text
    assert [mia] == house.read(groups.members, slug)


def test_groups_are_made_filled_and_taken_away(house: House, owner: Owner) -> None:
    """From the group's side and from the person's."""
    mia, tom, slug = made_person(house), made_person(house), "g" + unique()

    assert 303 == owner.send("/groups", name="Editors", slug=slug).status_code
    assert "already" in owner.send("/groups", name="Editors", slug=slug).text
    assert "small letters" in owner.send("/groups", name="Editors", slug="No Slug").text
    joined = owner.send(f"/groups/{slug}/members", person=mia.id)
    assert "flash=group-joined" == said(joined)
    owner.send(f"/people/{tom.id}/groups", **{f"in_{slug}": "on"})
    assert [mia, tom] == house.read(groups.members, slug)
    assert slug in owner.open(f"/people?q={mia.email}").text
    assert mia.email in owner.open(f"/groups/{slug}").text

    owner.send(f"/groups/{slug}/members/{mia.id}/removal")
    owner.send(f"/people/{tom.id}/groups")
    assert [] == house.read(groups.members, slug)
    assert 400 == owner.send(f"/groups/{slug}/members", person="nobody").status_code

    owner.send(f"/groups/{slug}/removal")
    assert 404 == owner.open(f"/groups/{slug}").status_code


@pytest.mark.parametrize(
    "path", ["/people/unknown", "/people/%00", "/people/" + "x" * 200, "/groups/unknown", "/groups/%00"]
)
def test_what_is_not_there_is_not_found(owner: Owner, path: str) -> None:
    assert 404 == owner.open(path).status_code


def test_a_sign_in_ends_the_one_before_it_on_the_same_browser(house: House) -> None:
    """A session's id is never used on for somebody who has just shown who they are."""
    mia = made_person(house)
    before = house.write(sign_in.begin, mia.id)
    ours = {"origin": house.url, "sec-fetch-site": "same-origin", "cookie": f"waitpoint={before.cookie}"}
    house.clock.move(minutes=1)

    answer = house.client.post(f"/sign-in/{house.write(sign_in.make_link, mia.id)}", headers=ours)
    house.client.cookies.clear()

    assert 303 == answer.status_code
    assert house.read(sign_in.person_of, before.person.session_id) is None
    assert 1 == len(house.read(sign_in.sessions_of, mia.id))
