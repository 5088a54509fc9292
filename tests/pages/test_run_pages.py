"""Runs, as seen at the desk."""

import re
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from app.runs import journal, lifecycle, waits
from app.runs.lifecycle import NewRun
from app.runs.models import Checkpoint, Owner, Run
from app.runs.views import snippets
from app.tokens.lifecycle import NewToken
from tests.database.worlds import ADA
from tests.makers import House, Program, unique
from tests.pages.conftest import Visitor, text_of
from tests.pages.test_list_page import where
from waitpoint.testing import Rehearsal

LEASE = timedelta(minutes=5)


class Work:
    """Runs of one environment, and a worker's hand for them."""

    def __init__(self, house: House, program: Program) -> None:
        self.house, self.program = house, program

    def trigger(self, task: str = "moderation", payload: Any = None, **options: Any) -> Run:
        new = NewRun(task=task, payload=msgspec.json.encode(payload).decode(), **options)
        return self.house.write(lifecycle.trigger, self.program.environment_id, new, ADA).run

    def start(self, task: str | None = None, **options: Any) -> Run:
        """A run that a worker executes."""
        task = task or unique("task")
        self.trigger(task, **options)
        return self.claim(task)

    def claim(self, task: str) -> Run:
        """The one run of this task that is queued, executed from now on."""
        (claimed,) = self.house.write(lifecycle.claim, self.program.environment_id, "w1", (task,), 1, LEASE)
        return claimed

    def step(self, run: Run, position: str, name: str, **values: Any) -> None:
        self.house.write(journal.record_step, self.owner(run), Checkpoint(position, name, **values))

    def wait(self, run: Run, position: str, *token_ids: str) -> None:
        """It waits for these, and is parked."""
        self.house.write(waits.open_wait, self.owner(run), position, token_ids, "all")
        self.house.write(waits.park, self.owner(run), (position,))

    def finish(self, run: Run, output: str = "null") -> None:
        self.house.write(lifecycle.finish, self.owner(run), output, self.house.service.rules)

    def fail(self, run: Run, **error: str) -> None:
        text = msgspec.json.encode(error).decode()
        self.house.write(lifecycle.fail, self.owner(run), text, None, self.house.service.rules)

    def owner(self, run: Run) -> Owner:
        return Owner(run.id, run.generation, run.environment_id)

    def read(self, run: Run) -> Run:
        found = self.house.read(lifecycle.retrieve, run.id, run.environment_id)
        assert found is not None
        return found


@pytest.fixture
def work(house: House, newcomer: Program) -> Work:
    return Work(house, newcomer)


def rows_in(html: str) -> list[str]:
    return re.findall(r'<li class="row run-row[^"]*" id="run_row_([^"]+)"', html)


class TestList:
    def test_it_shows_the_newest_first_each_with_its_own_word(self, house: House, desk: Visitor, work: Work) -> None:
        runs = [work.trigger(), work.start(), work.start()]
        work.fail(runs[2], type="ValueError", message="no")

        page = desk.open(f"/runs?{where(work.program, house)}")

        assert sorted((run.id for run in runs), reverse=True) == rows_in(page.text)
        for word in ("Queued", "Executing", "Failed"):
            assert word in text_of(page)

    def test_filters_narrow_the_list(self, house: House, desk: Visitor, work: Work) -> None:
        """Status, task, tags, id and period, alone and together, from the URL; each has a chip that takes it away."""
        a = work.trigger(tags=("red", "large"))
        b = work.trigger("orders", tags=("blue",))
        c = work.start(tags=("red",))
        here = f"/runs?{where(work.program, house)}"

        def found(query: str) -> set[str]:
            return {*rows_in(desk.open(here + query).text)}

        assert {b.id, a.id} == found("&status=queued")
        assert {c.id} == found("&status=executing")
        assert {a.id} == found("&task=moderation")
        assert set() == found("&task=Moderation")
        assert {c.id, a.id} == found("&tags=red")
        assert {b.id, a.id} == found("&tags=large,blue")
        assert {a.id} == found("&tags=red&status=queued")
        assert {a.id} == found(f"&id={a.id.removeprefix('run_')}")
        assert {c.id, b.id, a.id} == found("&period=1h")
        page = desk.open(f"{here}&task=orders&tags=blue&period=1h")
        assert 3 == len(re.findall(r'<a class="chip chip--filter"', page.text))

    def test_tabs_count_under_the_other_filters(self, house: House, desk: Visitor, work: Work) -> None:
        work.trigger(tags=("red",))
        work.trigger()
        work.start()

        def counts(query: str) -> dict[str, str]:
            page = desk.open(f"/runs?{where(work.program, house)}{query}").text
            return dict(re.findall(r'>(\w+) <span class="count">([^<]*)</span></a>', page))

        everything = {"Completed": "0", "Failed": "0", "Cancelled": "0", "Waiting": "0"}
        assert {"Queued": "2", "Executing": "1", **everything} == counts("")
        assert {"Queued": "1", "Executing": "0", **everything} == counts("&tags=red&status=failed")

    def test_values_that_mean_nothing_are_left_aside(self, house: House, desk: Visitor, work: Work) -> None:
        run = work.trigger()

        page = desk.open(
            f"/runs?{where(work.program, house)}&status=maybe&period=soon&after=x&before=%00&tags=%00&task=%00"
        )

        assert 200 == page.status_code
        assert [run.id] == rows_in(page.text)

    def test_pages_lead_there_and_back(self, house: House, desk: Visitor, work: Work) -> None:
        made = sorted((work.trigger().id for _ in range(30)), reverse=True)

        first = desk.open(f"/runs?{where(work.program, house)}")
        older = re.search(r'href="([^"]+)" rel="next"', first.text)
        assert older is not None
        second = desk.open(older[1].replace("&amp;", "&"))
        newer = re.search(r'href="([^"]+)" rel="prev"', second.text)
        assert newer is not None

        assert made == rows_in(first.text) + rows_in(second.text)
        assert rows_in(first.text) == rows_in(desk.open(newer[1].replace("&amp;", "&")).text)

    def test_an_empty_list_says_what_to_paste(self, house: House, desk: Visitor, work: Work) -> None:
        """A task, the lines that start a worker, and a curl with the real address."""
        here = where(work.program, house)
        page = text_of(desk.open(f"/runs?{here}"))

        assert "No runs yet" in page
        assert "waitpoint worker first" in page
        assert f"{house.url}/api/v1/tasks/greet/trigger" in page
        assert "No run matches" in text_of(desk.open(f"/runs?{here}&task=x"))
        assert "Nothing has failed" in text_of(desk.open(f"/runs?{here}&status=failed"))

    def test_what_is_pasted_works(self, work: Work) -> None:
        """The task of the empty page, rehearsed."""
        names: dict[str, Any] = {"__name__": "first"}
        exec(compile(snippets("http://x", work.house.dev)["code"], "first.py", "exec", dont_inherit=True), names)

        with Rehearsal() as rehearsal:
            run = rehearsal.start(names["greet"], name="Ada")
            rehearsal.complete(run.token, "hello")
            assert "Ada: hello" == run.output


class TestRun:
    def test_a_waiting_run_leads_to_its_token_and_back(self, desk: Visitor, work: Work) -> None:
        """Both pages name the other; the token's timeline names the run that made it."""
        run = work.start(tags=("order:1",), payload={"content": "Hello"})
        new = NewToken(timeout=timedelta(hours=1))
        made = work.house.write(waits.create_token, work.owner(run), "1", new, lifecycle.WORKER)
        assert isinstance(made, Checkpoint)
        token_id = msgspec.json.decode(made.result or "")["id"]
        work.step(run, "2", "send_to_moderators", result='{"sent":2}')
        work.wait(run, "3", token_id)

        page = desk.open(f"/runs/{run.id}")
        token_page = desk.open(f"/tokens/{token_id}")

        assert f'href="/tokens/{token_id}"' in page.text
        assert {"Waiting", "send_to_moderators", "order:1"} <= set(text_of(page).split())
        assert "Hello" in text_of(page)
        assert 2 <= token_page.text.count(f'href="/runs/{run.id}"')
        assert f"by a run of {run.task}" in text_of(token_page)

    def test_what_a_run_asks_is_named_by_its_title(self, desk: Visitor, work: Work) -> None:
        """The id of a token says nothing to a person."""
        token = work.program.make_token(request={"title": "Publish <this>?"})
        run = work.start()
        work.wait(run, "1", token.id)

        page = desk.open(f"/runs/{run.id}").text

        assert f'<a href="/tokens/{token.id}">Publish &lt;this&gt;?</a>' in page

    def test_the_picture_is_drawn_with_attributes_alone(self, desk: Visitor, work: Work) -> None:
        """The page's policy lets no style through, so there is none."""
        run = work.start()
        work.step(run, "1", "count")

        page = desk.open(f"/runs/{run.id}").text

        assert "<svg" in page
        assert "run-picture" in page
        assert 'class="stretch stretch--executing"' in page
        assert "style=" not in page
        assert "1 step recorded" in page

    def test_an_error_is_shown_with_its_traceback(self, desk: Visitor, work: Work) -> None:
        run = work.start()
        trace = 'Traceback (most recent call last):\n  File "orders.py", line 7, in charge\nCardDeclined: <no>\n'
        work.fail(run, type="CardDeclined", message="<no>", traceback=trace)

        page = desk.open(f"/runs/{run.id}")

        assert "CardDeclined: <no>" in text_of(page)
        assert 'File "orders.py", line 7, in charge' in text_of(page)
        assert "<no>" not in page.text

    def test_a_problem_is_told_in_words(self, desk: Visitor, work: Work) -> None:
        run = work.start()
        work.house.write(lifecycle.report_problem, work.owner(run), "step 3: expected `send`, found `charge`")

        page = desk.open(f"/runs/{run.id}")

        assert "step 3: expected send , found charge" in text_of(page)
        assert "put the code right" in text_of(page)

    def test_parent_and_child_name_each_other(self, desk: Visitor, work: Work) -> None:
        parent = work.start("parent")
        made = work.house.write(
            waits.trigger_child, work.owner(parent), "1", NewRun(task="child", payload="1"), lifecycle.WORKER
        )
        assert isinstance(made, Checkpoint)
        child = msgspec.json.decode(made.result or "")
        work.wait(parent, "2", child["token"])

        assert f'href="/runs/{child["run"]}"' in desk.open(f"/runs/{parent.id}").text
        assert f'href="/runs/{parent.id}"' in desk.open(f"/runs/{child['run']}").text

    def test_payload_and_output_are_there_whole(self, desk: Visitor, work: Work) -> None:
        run = work.start(payload={"content": "x" * 9000})
        assert 404 == desk.open(f"/runs/{run.id}/output").status_code
        work.finish(run, '"<b>done</b>"')

        payload, output = desk.open(f"/runs/{run.id}/payload"), desk.open(f"/runs/{run.id}/output")

        assert run.payload == payload.text
        assert '"<b>done</b>"' == output.text
        assert "text/plain; charset=utf-8" == output.headers["content-type"]
        assert "Open it whole" in text_of(desk.open(f"/runs/{run.id}"))

    @pytest.mark.parametrize("path", ["/runs/run_1", "/runs/x", f"/runs/run_{'0' * 36}", "/runs/run_1/payload"])
    def test_what_is_not_there_is_said(self, desk: Visitor, path: str) -> None:
        assert 404 == desk.open(path).status_code


class TestButtons:
    def test_a_run_is_cancelled(self, desk: Visitor, work: Work) -> None:
        """And told so; the timeline knows by whom."""
        run = work.start()

        page = desk.send(f"/runs/{run.id}/cancellation")

        assert "CANCELED" == work.read(run).status
        assert "The run was cancelled." in text_of(page)
        assert "Cancelled by Owner" in text_of(page)

    def test_one_that_has_ended_stays_as_it_is(self, desk: Visitor, work: Work) -> None:
        run = work.start()
        work.finish(run, "1")

        page = desk.send(f"/runs/{run.id}/cancellation")

        assert "COMPLETED" == work.read(run).status
        assert "Nothing was changed" in text_of(page)
        assert "Retry the run" not in text_of(page)

    def test_a_failed_run_is_retried(self, desk: Visitor, work: Work) -> None:
        run = work.start()
        work.step(run, "1", "count")
        work.fail(run, type="ValueError", message="no")

        page = desk.send(f"/runs/{run.id}/retry")

        assert ("QUEUED", 2) == (work.read(run).status, work.read(run).attempt)
        assert "The run is queued once more." in text_of(page)
        assert "Retried by Owner" in text_of(page)

    def test_any_other_run_is_not(self, desk: Visitor, work: Work) -> None:
        run = work.start()

        page = desk.send(f"/runs/{run.id}/retry")

        assert "EXECUTING" == work.read(run).status
        assert "Nothing was changed" in text_of(page)

    @pytest.mark.parametrize("button", ["cancellation", "retry"])
    def test_other_sites_press_no_button(self, desk: Visitor, work: Work, button: str) -> None:
        run = work.start()

        answer = desk.client.post(f"/runs/{run.id}/{button}", headers={"Origin": "https://evil.example"})

        assert 403 == answer.status_code
        assert "EXECUTING" == work.read(run).status

    @pytest.mark.parametrize("button", ["cancellation", "retry"])
    def test_what_is_not_there_has_no_buttons(self, desk: Visitor, button: str) -> None:
        assert 404 == desk.send(f"/runs/run_{'0' * 36}/{button}").status_code
