"""Ada asks with an API key; Mia is asked, by her address and in a group of hers."""

from types import SimpleNamespace
from typing import Any

import pytest

from app.access.principals import Person
from app.database import Unit
from app.inbox.filters import Filters
from app.inbox.search import Page, count, reach_of, search
from app.people import groups, people, sign_in
from app.tokens.models import By
from tests.makers import House, Program, house, newcomer, unique

__all__ = ["house", "newcomer"]

COMMAND = By(kind="system", door="command")


class Asked:
    """Somebody who is asked: an approver, unless told otherwise, with a group of their own."""

    def __init__(self, house: House, role: str = "approver") -> None:
        self.house = house
        profile = house.write(people.add, f"{unique()}@example.com", "Mia", role)
        self.email, self.group = profile.email, "g" + unique()
        house.write(groups.add, self.group, "Editors", COMMAND)
        house.write(groups.join, self.group, profile.id, COMMAND)
        self.session = house.write(sign_in.begin, profile.id)

    @property
    def person(self) -> Person:
        found = self.house.read(sign_in.person_of, self.session.person.session_id)
        assert found is not None
        return found

    def person_for(self, db: Unit) -> Person:
        """The same, inside a function that has the database."""
        found = sign_in.person_of(db, self.session.person.session_id)
        assert found is not None
        return found

    @property
    def cookie(self) -> str:
        return f"waitpoint={self.session.cookie}"

    def open(self, path: str = "/inbox") -> Any:
        return self.house.client.get(path, headers={"cookie": self.cookie})

    def send(self, path: str, **fields: str) -> Any:
        ours = {"cookie": self.cookie, "origin": self.house.url, "sec-fetch-site": "same-origin"}
        answer = self.house.client.post(path, headers=ours, data=fields)
        self.house.client.cookies.clear()
        return answer

    def page(self, **filters: Any) -> Page:
        """A page of the inbox, as the domain finds it."""
        return self.house.read(_page, self.person, Filters(**filters))

    def ids(self, **filters: Any) -> list[str]:
        return [entry.token_id for entry in self.page(**filters).entries]

    def count(self, **filters: Any) -> int:
        return self.house.read(_count, self.person, Filters(**filters))


def _page(db: Unit, person: Person, filters: Filters) -> Page:
    return search(db, reach_of(db, person), filters)


def _count(db: Unit, person: Person, filters: Filters) -> int:
    return count(db, reach_of(db, person), filters)


def ask(program: Program, *approvers: str, timeout: str = "1h", tags: Any = (), **request: Any) -> SimpleNamespace:
    """A token that asks these people."""
    asked = {"title": "Publish the autumn sale?", **({"approvers": [*approvers]} if approvers else {}), **request}
    return program.make_token(timeout=timeout, tags=[*tags], request=asked)


@pytest.fixture
def mia(house: House) -> Asked:
    """An approver."""
    return Asked(house)


@pytest.fixture
def max_(house: House) -> Asked:
    """A member."""
    return Asked(house, "member")
