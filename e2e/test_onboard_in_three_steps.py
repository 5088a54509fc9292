"""An onboarding in three steps, left half-way on one device and finished on another."""

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.cast import AdasProgram, is_live
from e2e.looking import complaints_of, look_over
from tests.makers import unique
from tests.servers import RunningServer

pytestmark = pytest.mark.timeout(180)

FORMS: dict[int, tuple[str, dict[str, Any]]] = {
    1: ("Your company", {"company": {"type": "string", "title": "Company"}}),
    2: ("Your bank", {"account": {"type": "string", "title": "Account number"}}),
    3: ("Your people", {"people": {"type": "integer", "title": "How many you are", "minimum": 1}}),
}


def ask(program: AdasProgram, journey: str, index: int) -> SimpleNamespace:
    """The run goes on, and asks the next step."""
    title, fields = FORMS[index]
    form: dict[str, Any] = {"type": "object", "properties": fields, "required": [*fields]}
    step = {"index": index, "of": 3, "title": title}
    return program.ask(timeout="7d", request={"title": title, "form": form, "journey": journey, "step": step})


def test_onboard_in_three_steps(new_context: Callable[..., BrowserContext], shared_server: RunningServer) -> None:
    program, journey = AdasProgram(shared_server), unique("onboarding:")
    first = ask(program, journey, 1)
    laptop = new_context().new_page()
    complaints = complaints_of(laptop)

    laptop.goto(first.journey_url)
    assert "link=" not in laptop.url
    expect(laptop.get_by_text("Step 1 of 3: Your company")).to_be_visible()
    look_over(laptop)
    laptop.get_by_label("Company").fill("Acme")
    laptop.get_by_role("button", name="Send").click()
    expect(laptop.get_by_role("heading", name="We are checking what you sent")).to_be_visible()
    is_live(laptop)
    look_over(laptop)

    second = ask(program, journey, 2)
    expect(laptop.get_by_text("Step 2 of 3: Your bank")).to_be_visible()
    laptop.get_by_label("Account number").fill("DE02 1203")
    expect(laptop.get_by_text("Saved", exact=True)).to_be_visible(timeout=15_000)
    laptop.context.close()
    assert [] == complaints

    phone = new_context(viewport={"width": 375, "height": 667}, java_script_enabled=False).new_page()
    phone.goto(first.journey_url)
    expect(phone.get_by_label("Account number")).to_have_value("DE02 1203")
    phone.get_by_label("Account number").fill("DE02 1203 0000")
    phone.get_by_role("button", name="Save and go on later").click()
    expect(phone.get_by_text("Saved. Go on whenever you like")).to_be_visible()
    expect(phone.get_by_label("Account number")).to_have_value("DE02 1203 0000")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("heading", name="We are checking what you sent")).to_be_visible()

    third = ask(program, journey, 3)
    phone.get_by_role("link", name="what is next?").click()
    expect(phone.get_by_text("Step 3 of 3: Your people")).to_be_visible()
    phone.get_by_label("How many you are").fill("0")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("heading", name="There is a problem")).to_be_visible()
    phone.get_by_label("How many you are").fill("12")
    phone.get_by_role("button", name="Send").click()

    expect(phone.get_by_role("heading", name="Thank you. That was all.")).to_be_visible()
    phone.get_by_text("Your answers so far").click()
    expect(phone.get_by_text("DE02 1203 0000")).to_be_visible()
    outputs = [json.loads(program.look(token)["output"]) for token in (first, second, third)]
    assert [{"company": "Acme"}, {"account": "DE02 1203 0000"}, {"people": 12}] == outputs
