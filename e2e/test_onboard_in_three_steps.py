"""An onboarding in three steps, left half-way on one device and finished on another."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, expect

from e2e.cast import AdasProgram, is_live
from e2e.looking import complaints_of, look_over
from tests.makers import unique
from tests.servers import RunningServer
from tests.tasks.workers import RunningWorker, eventually

pytestmark = pytest.mark.timeout(180)

EXAMPLES = Path(__file__).resolve().parents[1] / "docs" / "examples"
PATIENCE = 30_000  # milliseconds: a worker, a server and a browser share a busy machine

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


def test_a_step_that_changed_is_read_again(
    new_context: Callable[..., BrowserContext], shared_server: RunningServer
) -> None:
    """The open page is told and left alone; what was typed is saved, and there when it is read again."""
    program = AdasProgram(shared_server)
    first = ask(program, unique("onboarding:"), 1)
    page = new_context().new_page()
    complaints = complaints_of(page)
    page.goto(first.journey_url)
    is_live(page)
    page.get_by_label("Company").fill("Acme")
    expect(page.get_by_text("Saved", exact=True)).to_be_visible(timeout=15_000)

    program.amend(first, title="The company that pays")
    expect(page.get_by_text("This question was changed just now.").first).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Company")).to_have_value("Acme")
    look_over(page)
    page.get_by_role("link", name="Read it again").click()

    expect(page.get_by_role("heading", name="The company that pays")).to_be_visible()
    expect(page.get_by_label("Company")).to_have_value("Acme")
    assert [] == complaints


def test_a_run_leads_through_its_steps(
    new_context: Callable[..., BrowserContext], shared_server: RunningServer, tmp_path: Path
) -> None:
    """The example of the docs with a real worker: it checks each answer, and asks again where it must."""
    program, customer = AdasProgram(shared_server), unique("acme-")
    worker = RunningWorker(shared_server.url, shared_server.key, tmp_path, module=EXAMPLES / "onboarding_form.py")
    run_id = program.trigger("onboarding", {"customer": customer})
    link = eventually(lambda: re.search(rf"{customer}, Your company: (\S+)", worker.log), "the first step")[1]
    laptop = new_context().new_page()

    laptop.goto(link)
    laptop.get_by_label("Name").fill("Atlantis Ltd")
    laptop.get_by_label("Country").fill("AT")
    laptop.get_by_role("button", name="Send").click()
    expect(laptop.get_by_text("We cannot find this company there.")).to_be_visible(timeout=PATIENCE)
    laptop.get_by_label("Name").fill("Kites Ltd")
    laptop.get_by_label("Country").fill("AT")
    expect(laptop.get_by_text("Saved", exact=True)).to_be_visible(timeout=PATIENCE)
    laptop.context.close()

    phone = new_context(viewport={"width": 375, "height": 667}).new_page()
    phone.goto(link)
    expect(phone.get_by_label("Name")).to_have_value("Kites Ltd")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_text("Step 2 of 3: Whom we write to")).to_be_visible(timeout=PATIENCE)
    phone.get_by_label("Email").fill("ada@example.com")
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_text("Step 3 of 3: Our terms")).to_be_visible(timeout=PATIENCE)
    phone.get_by_label("Yes").check()
    phone.get_by_role("button", name="Send").click()
    expect(phone.get_by_role("heading", name="Thank you. That was all.")).to_be_visible(timeout=PATIENCE)

    output = eventually(lambda: program.run(run_id).get("output"), "the end of the run")
    worker.stop()
    assert {"customer": customer, "welcome": True, "company": "Kites Ltd", "email": "ada@example.com"} == output
