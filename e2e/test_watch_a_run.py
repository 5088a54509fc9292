"""A run goes its way while somebody looks on: queued, at work, waiting, answered, failed, tried once more."""

import re
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from e2e.cast import AdasProgram, is_live
from e2e.looking import look_over
from tests.makers import unique
from tests.runs.fake_worker import FakeWorker
from tests.servers import RunningServer

PATIENCE = 20_000  # milliseconds: a worker, a server and a browser share a busy machine


@pytest.fixture
def worker(shared_server: RunningServer) -> Iterator[FakeWorker]:
    """A worker that does what the story tells it to."""
    program: Any = SimpleNamespace(credential=shared_server.key)
    server: Any = shared_server
    with FakeWorker(server, program) as worker:
        yield worker


def state(page: Page) -> Any:
    """How the run stands, as the head of its page says it."""
    return page.locator(".page-head [role=status]")


def test_a_run_from_the_queue_to_its_end(desk: Page, program: AdasProgram, worker: FakeWorker) -> None:
    """The page is opened once, and follows; its token is a click away."""
    task = unique("refund-")
    desk.goto(f"/runs?task={task}")
    is_live(desk)
    program.trigger(task, {"order": 8812})
    desk.get_by_role("link", name=task, exact=True).click()
    is_live(desk)
    expect(state(desk)).to_have_text("Queued")

    worker.hello(task)
    run = worker.hears("run")
    expect(state(desk)).to_have_text("Executing", timeout=PATIENCE)
    worker.ask("step", run, position="1", name="look_up", result={"paid": 120})
    expect(desk.get_by_text("look_up")).to_be_visible(timeout=PATIENCE)
    token = worker.ask("create_token", run, position="2", options={"tags": ["refund"]})["token"]
    worker.ask("wait", run, position="3", tokens=[token["id"]])
    worker.ask("park", run, positions=["3"])
    expect(state(desk)).to_have_text("Waiting", timeout=PATIENCE)
    expect(desk).to_have_title(f"Waiting: {task} · Waitpoint")
    look_over(desk)

    desk.get_by_role("link", name=token["id"]).click()
    desk.get_by_role("button", name="Approve").click()
    desk.get_by_role("link", name=f"a run of {task}").click()
    is_live(desk)
    resumed = worker.hears("resume")
    worker.ask("finish", resumed, output={"refunded": 120})

    expect(state(desk)).to_have_text("Completed", timeout=PATIENCE)
    expect(desk).to_have_title(f"Completed: {task} · Waitpoint")
    expect(desk.locator("#run_output")).to_contain_text('"refunded": 120')
    expect(desk.get_by_text(re.compile("Woken by Owner"))).to_be_visible()


def test_a_failed_run_is_retried_with_a_button(desk: Page, program: AdasProgram, worker: FakeWorker) -> None:
    task = unique("charge-")
    run_id = program.trigger(task, None)
    worker.hello(task)
    run = worker.hears("run")
    trace = 'Traceback (most recent call last):\n  File "shop.py", line 7, in charge\nConnectionError: no\n'
    worker.ask("fail", run, error={"type": "ConnectionError", "message": "no", "traceback": trace}, retryIn=None)

    desk.goto(f"/runs/{run_id}")
    is_live(desk)
    expect(desk.get_by_text('File "shop.py", line 7, in charge')).to_be_visible()
    desk.get_by_role("button", name="Retry the run").click()
    again = worker.hears("run")
    worker.ask("finish", again, output=None)

    assert (run_id, 2) == (again["run"], again["attempt"])
    expect(state(desk)).to_have_text("Completed", timeout=PATIENCE)
    expect(desk.get_by_text(re.compile("Retried by Owner"))).to_be_visible()
