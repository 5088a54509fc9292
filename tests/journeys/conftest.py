"""Ada's program leads somebody through an onboarding, step after step."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.makers import House, Program, ada, cleo, house, nobody, unique
from tests.pages.conftest import Visitor, ben

__all__ = ["ada", "ben", "cleo", "house", "nobody"]

COMPANY = {
    "type": "object",
    "properties": {"company": {"type": "string", "title": "Company"}, "people": {"type": "integer", "title": "People"}},
    "required": ["company"],
}
BANK = {"type": "object", "properties": {"iban": {"type": "string", "title": "Account number"}}, "required": ["iban"]}


def step(program: Program, journey: str, index: int, of: int | None = 2, **request: Any) -> SimpleNamespace:
    """The next step of a journey; `.journey` is the page of all, as the program is told it."""
    given = {
        "title": f"Question {index}",
        "form": COMPANY if index == 1 else BANK,
        "journey": journey,
        "step": {"index": index, **({"of": of} if of else {}), "title": "Your company" if index == 1 else "Your bank"},
    }
    answer = program.create(timeout="1d", request=given | request)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return SimpleNamespace(id=body["id"], path=f"/api/v1/waitpoints/tokens/{body['id']}", journey=body["journeyUrl"])


def at(house: House, url: str) -> str:
    """The path of an address of this house."""
    assert url.startswith(house.url)
    return url.removeprefix(house.url)


@pytest.fixture
def other(house: House) -> Iterator[Visitor]:
    """Another device, with nothing in it."""
    visitor = Visitor(house)
    yield visitor
    visitor.client.close()


def a_journey() -> str:
    """A journey that no other test uses."""
    return unique("onboarding:")
