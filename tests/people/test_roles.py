"""Roles: what a person is everywhere, and what they are in one environment."""

import pytest
from sqlalchemy import delete, insert, update

from app.access.principals import Person
from app.database import Unit
from app.database.tables import table_of
from app.people import people, sign_in
from app.people.models import EnvironmentRoleRow, PersonRow
from tests.cast import ADAS_KEY, CLEOS_KEY
from tests.makers import House, unique

_roles = table_of(EnvironmentRoleRow)
_people = table_of(PersonRow)


def person(role: str, **roles: str) -> Person:
    return Person("person_1", "mia@example.com", "Mia", role, "session_1", roles)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        (person("owner"), (True, True)),
        (person("member"), (True, True)),
        (person("approver"), (False, False)),
        (person("approver", env_1="member"), (True, False)),
        (person("member", env_2="approver"), (True, False)),
        (person("owner", env_1="approver"), (True, True)),
    ],
    ids=["owner", "member", "approver", "approver who is a member here", "member who approves there", "owner"],
)
def test_the_role_in_an_environment_decides_about_its_desk(who: Person, expected: tuple[bool, bool]) -> None:
    """The role everywhere counts where none is given. Owners are owners everywhere."""
    assert expected == (who.may_see_desk_of("env_1"), who.may_see_desk_of("env_2"))
    assert any(expected) == who.is_member


def test_a_person_sees_the_desks_of_their_environments_only(house: House) -> None:
    """Another environment's token is answered like one that does not exist, and its name is nowhere."""
    mia = house.write(people.add, f"{unique()}@example.com", "Mia", "approver")
    house.write(_give_role, mia.id, house.prod.id, "member")
    cookie = {"cookie": f"waitpoint={house.write(sign_in.begin, mia.id).cookie}"}
    theirs = house.program(ADAS_KEY).make_token(timeout="1h")
    hers = house.program(CLEOS_KEY).make_token(timeout="1h")

    page = house.client.get("/tokens?environment=dev", headers=cookie)

    assert 200 == page.status_code
    assert hers.id in page.text
    assert theirs.id not in page.text
    assert "Development" not in page.text
    seen = [house.client.get(f"/tokens/{token.id}", headers=cookie).status_code for token in (hers, theirs)]
    assert [200, 404] == seen
    ours = cookie | {"origin": house.url, "sec-fetch-site": "same-origin"}
    assert 404 == house.client.post(f"/tokens/{theirs.id}/cancellation", headers=ours).status_code
    assert "WAITING" == house.program(ADAS_KEY).show(theirs.id)["status"]

    house.write(_give_role, mia.id, house.prod.id, None)
    assert 403 == house.client.get("/tokens", headers=cookie).status_code


def test_whoever_is_disabled_is_signed_out_at_once(house: House) -> None:
    """The next request already, by a session that was good until then."""
    mia = house.write(people.add, f"{unique()}@example.com", "Mia", "member")
    session = house.write(sign_in.begin, mia.id)
    session_id = session.person.session_id
    assert house.read(sign_in.person_of, session_id) is not None

    house.write(lambda db: db.execute(update(_people).where(_people.c.id == mia.id).values(disabled_at=db.now)))

    assert house.read(sign_in.person_of, session_id) is None


def _give_role(db: Unit, person_id: str, environment_id: str, role: str | None) -> None:
    mine = (_roles.c.person_id == person_id) & (_roles.c.environment_id == environment_id)
    db.execute(delete(_roles).where(mine))
    if role is not None:
        db.execute(insert(_roles), {"person_id": person_id, "environment_id": environment_id, "role": role})
