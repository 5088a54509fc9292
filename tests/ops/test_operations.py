"""What commands ask of a server, seen from inside."""

from typing import Any

import pytest

from app.admin.operations import OPERATIONS
from app.database import Unit
from app.people import groups, people
from app.tokens.models import By
from tests.makers import House, house, unique
from tests.statements import number_asked

__all__ = ["house"]

BY = By(kind="system", door="command")


@pytest.mark.parametrize(
    ("name", "arguments"), [("keys.list", {"environment": None}), ("people.list", {}), ("groups.list", {})]
)
def test_a_list_is_as_many_statements_however_long_it_is(house: House, name: str, arguments: dict[str, Any]) -> None:
    """Everybody with their roles and groups, every group with its people, the keys of all environments."""

    def listed(db: Unit) -> Any:
        return OPERATIONS[name].run(db, **arguments)

    house.write(groups.add, unique("g"), "Editors", BY)
    before = house.read(number_asked, listed)
    environment = house.make_environment()
    house.make_key("full", environment)
    person, slug = house.write(people.add, f"{unique()}@example.com", "Mia", "member"), unique("g")
    house.write(people.change_role_in, person.id, environment.id, "approver", BY)
    house.write(groups.add, slug, "Editors", BY)
    house.write(groups.join, slug, person.id, BY)

    assert before == house.read(number_asked, listed)
    shown = {
        "keys.list": ("environment", environment.slug),
        "people.list": ("roles", {environment.slug: "approver"}),
        "groups.list": ("members", [person.email]),
    }
    column, value = shown[name]
    assert value in [getattr(each, column) for each in house.read(listed)]
