"""Ada's program leads somebody through an onboarding, step after step."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.makers import House, Program, ada, cleo, house, nobody, unique
from tests.pages.conftest import Visitor, ben
from tests.runs.fake_worker import FakeWorker

__all__ = ["ada", "ben", "cleo", "house", "nobody"]

TASK = "onboarding"
COMPANY = {
    "type": "object",
    "properties": {"company": {"type": "string", "title": "Company"}, "people": {"type": "integer", "title": "People"}},
    "required": ["company"],
}
BANK = {"type": "object", "properties": {"iban": {"type": "string", "title": "Account number"}}, "required": ["iban"]}


def step(program: Program, journey: str, index: int, of: int | None = 2, **request: Any) -> SimpleNamespace:
    """The next step of a journey; `.journey` is the page of all, as the program is told it."""
    answer = program.create(timeout="1d", request=request_of(journey, index, of) | request)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    return SimpleNamespace(id=body["id"], path=f"/api/v1/waitpoints/tokens/{body['id']}", journey=body["journeyUrl"])


def request_of(journey: str, index: int, of: int | None) -> dict[str, Any]:
    return {
        "title": f"Question {index}",
        "form": COMPANY if index == 1 else BANK,
        "journey": journey,
        "step": {"index": index, **({"of": of} if of else {}), "title": "Your company" if index == 1 else "Your bank"},
    }


class OnboardingRun:
    """A run that leads somebody through a journey, as its worker has it. The worker knows `TASK`."""

    def __init__(self, worker: FakeWorker, journey: str = "") -> None:
        self._worker = worker
        self._journey = journey or a_journey()
        self._run = worker.hears("run")
        self.id = self._run["run"]

    def begins_another(self) -> "OnboardingRun":
        self._worker.ask("trigger", self._run, position="child", task=TASK, payload=None, options={})
        return OnboardingRun(self._worker, self._journey)

    def asks(self, index: int, of: int = 2) -> SimpleNamespace:
        """The next step; `.journey` is the page of all."""
        request = request_of(self._journey, index, of)
        made = self._worker.ask("create_token", self._run, position=str(index), options={"request": request})["token"]
        return SimpleNamespace(id=made["id"], journey=made["journeyUrl"])

    def ends(self, how: str) -> None:
        told: dict[str, dict[str, Any]] = {
            "finish": {"output": 1},
            "fail": {"error": {"type": "ValueError", "message": "no"}},
        }
        assert {"ok": True} == self._worker.ask(how, self._run, **told[how])


@pytest.fixture
def run(house: House, ada: Program) -> Iterator[OnboardingRun]:
    """A run of Ada's that has begun."""
    with FakeWorker(house, ada) as worker:
        worker.hello(TASK)
        assert ada.post(f"/api/v1/tasks/{TASK}/trigger", json={"payload": {}}).status_code == 200
        yield OnboardingRun(worker)


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
