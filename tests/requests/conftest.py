"""The cast around a request: Ada asks with an API key; Ben, Cora and others answer by the doors that they have."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from app.people import groups, people
from app.tokens import api, lifecycle
from app.tokens.lifecycle import Answer, Settlement
from app.tokens.models import By
from tests.makers import House, Program, ada, cleo, house, nobody, unique

__all__ = ["ada", "cleo", "house", "nobody"]

SYSTEM = By(kind="system", door="command")


class Doors:
    """Every way to answer a token, as somebody would: each gives the status that they are told."""

    def __init__(self, house: House, ada: Program) -> None:
        self.house = house
        self.ada = ada

    def key(self, token: SimpleNamespace, output: Any, **headers: str) -> int:
        """The program that asked, with its key."""
        return self.ada.complete(token, output, headers=headers).status_code

    def other_key(self, token: SimpleNamespace, output: Any) -> int:
        """Another program of the same environment."""
        return self.house.program(self.house.make_key("complete").secret).complete(token, output).status_code

    def public_access_token(self, token: SimpleNamespace, output: Any) -> int:
        return self.house.program(token.public_access_token).complete(token, output).status_code

    def callback(self, token: SimpleNamespace, output: Any) -> int:
        return self.ada.post(token.callback, json=output).status_code

    def link_of(self, address: str) -> Callable[[SimpleNamespace, Any], int]:
        """The own link of somebody who was written to."""
        return lambda token, output: self._inside(
            token, output, By(kind="link", door="approval", id="l1", name=address)
        )

    def person(self, address: str, role: str = "member") -> Callable[[SimpleNamespace, Any], int]:
        """Somebody who has signed in."""
        person = self.house.write(people.add, address, address.partition("@")[0].capitalize(), role)
        by = By(kind="person", door="page", id=person.id, name=person.name)
        return lambda token, output: self._inside(token, output, by)

    def _inside(self, token: SimpleNamespace, output: Any, by: By) -> int:
        """Through the function that every page goes through."""
        settlement = settle(self.house, token.id, self.ada.environment_id, output, by)
        return {"Settled": 200, "AlreadySettled": 200, "Refused": 403, "Changed": 409}[type(settlement).__name__]


def settle(house: House, token_id: str, environment_id: str, output: Any, by: By, **more: Any) -> Settlement:
    """Answer as the handlers do: checked outside, decided inside. Raises the Problem that a handler would."""
    answer = Answer(output=msgspec.json.encode(output).decode(), **more)
    result: Settlement = house._on_loop(lambda: api.settle(house.service, token_id, environment_id, answer, by))
    return result


@pytest.fixture
def doors(house: House, ada: Program) -> Doors:
    return Doors(house, ada)


@pytest.fixture
def make_group(house: House) -> Callable[..., str]:
    """A group of people with these addresses; gives its slug."""

    def make(*addresses: str) -> str:
        slug = unique("g")
        house.write(groups.add, slug, "A group", SYSTEM)
        for address in addresses:
            person = house.write(people.add, address, "Somebody", "approver")
            house.write(groups.join, slug, person.id, SYSTEM)
        return slug

    return make


def ask(program: Program, **request: Any) -> SimpleNamespace:
    """A token with a request."""
    return program.make_token(request=request)


def address(name: str) -> str:
    """An address that no other test uses."""
    return f"{unique(name)}@example.com"


def rules_of(house: House) -> lifecycle.Rules:
    return house.service.rules
