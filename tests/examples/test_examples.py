"""The programs in docs/examples, each run as it is: one real server, one real worker, and stand-ins for the services."""

import json
import os
import re
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.databases import DatabaseMaker
from tests.fixtures import running
from tests.makers import unique
from tests.servers import WAITPOINT, RunningServer, without_our_settings
from tests.tasks.workers import eventually
from waitpoint import InvalidInput, Waitpoint

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
StandIn = runpy.run_path(str(EXAMPLES / "replicate_stand_in.py"), run_name="replicate_stand_in")["StandIn"]


class Transcoder(ThreadingHTTPServer):
    """Takes jobs, as often as it likes to; the test posts their results."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Jobs)
        self.jobs: list[dict[str, Any]] = []
        self.withdrawn: list[str] = []
        self.refusals: dict[str, int] = {}  # by file: how often it is still refused

    def jobs_of(self, file: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs if job["file"] == file]


class _Jobs(BaseHTTPRequestHandler):
    server: Transcoder
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        job = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.server.refusals.get(job["file"], 0) > 0:
            self.server.refusals[job["file"]] -= 1
            return self._answer(503, {"error": "busy"})
        job["id"] = f"job-{len(self.server.jobs)}"
        self.server.jobs.append(job)
        return self._answer(202, {"job": job["id"]})

    def do_DELETE(self) -> None:
        self.server.withdrawn.append(self.path.rpartition("/")[2])
        self._answer(200, {})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Nothing to say."""


class Stage:
    """Everything that runs, and Ada, who triggers and answers."""

    def __init__(
        self, server: RunningServer, replicate: Any, transcoder: Transcoder, log: Path, environment: dict[str, str]
    ) -> None:
        self.server, self.replicate, self.transcoder, self.log = server, replicate, transcoder, log
        self.environment = environment
        self.http = httpx.Client(
            base_url=server.url, headers={"Authorization": f"Bearer {server.key}"}, timeout=30, trust_env=False
        )
        self.waitpoint = Waitpoint(url=server.url, secret_key=server.key)
        self.tokens = self.waitpoint.tokens

    def trigger(self, task: str, **payload: Any) -> str:
        answer = self.http.post(f"/api/v1/tasks/{task}/trigger", json={"payload": payload})
        assert 200 == answer.status_code, answer.text
        return str(answer.json()["id"])

    def ended(self, run_id: str) -> dict[str, Any]:
        """The run, when it has ended."""

        def look() -> dict[str, Any] | None:
            run: dict[str, Any] = self.http.get(f"/api/v3/runs/{run_id}").json()
            return run if run["isCompleted"] else None

        found = eventually(look, f"the end of {run_id} ({self.log.read_text()})")
        assert found is not None
        return found

    def output(self, run_id: str) -> Any:
        run = self.ended(run_id)
        assert "COMPLETED" == run["status"], run
        return run.get("output")

    def answered(self, text: str, **form: str) -> tuple[str, httpx.Response]:
        """Open the link that was printed for this text, as a person would, and send the form on it."""
        link = eventually(
            lambda: re.search(rf"{re.escape(text)}.*?(http\S+)", self.log.read_text(), re.DOTALL), "the link"
        )
        assert link is not None
        with httpx.Client(follow_redirects=True, trust_env=False, timeout=30) as ben:
            page = ben.get(link[1], headers={"Accept": "text/html"}).text
            hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page))
            path = urlsplit(link[1]).path
            answer = ben.post(self.server.url + path, data={**hidden, **form}, headers={"Origin": self.server.url})
        return page, answer

    def jobs(self, file: str, count: int) -> list[dict[str, Any]]:
        """The jobs that the transcoder was given for a file, when there are so many."""

        def look() -> list[dict[str, Any]] | None:
            found = self.transcoder.jobs_of(file)
            return found if len(found) == count else None

        return eventually(look, f"{count} jobs for {file} ({self.log.read_text()})") or []

    def token_with(self, *tags: str) -> str:
        """The one token that waits with all of these tags."""

        def look() -> list[str] | None:
            waiting = self.tokens.list(tags=tags[0], status="WAITING")
            return [token.id for token in waiting if {*tags} <= {*token.tags}] or None

        (found,) = eventually(look, f"a token with {tags} ({self.log.read_text()})") or []
        return found

    def token_of(self, run_id: str) -> str:
        """The token that a run waits for, as its log says."""

        def look() -> str | None:
            events = self.http.get(f"/api/v1/runs/{run_id}/events").json()["events"]
            waits = [event["data"]["tokens"] for event in events if event["kind"] == "run.waits"]
            token: str | None = waits[-1][0] if waits else None
            return token if token and self.tokens.retrieve(token).is_waiting else None

        return eventually(look, f"a wait of {run_id} ({self.log.read_text()})") or ""


@pytest.fixture(scope="module")
def stage(make_database: DatabaseMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Started once for all examples."""
    folder = tmp_path_factory.mktemp("examples")
    with ExitStack() as stack:
        url = stack.enter_context(make_database("sqlite", migrated=True))
        server = stack.enter_context(running(RunningServer(url, folder)))
        replicate, transcoder = stack.enter_context(StandIn(0)), stack.enter_context(Transcoder())
        for service in (replicate, transcoder):
            threading.Thread(target=service.serve_forever, daemon=True).start()
            stack.callback(service.shutdown)
        log = folder / "worker.log"
        environment = {
            **without_our_settings(os.environ),
            "WAITPOINT_URL": server.url,
            "WAITPOINT_SECRET_KEY": server.key,
            "REPLICATE_URL": replicate.url,
            "TRANSCODER_URL": f"http://127.0.0.1:{transcoder.server_port}",
            "PYTHONPATH": str(EXAMPLES),
        }
        command = [str(WAITPOINT), "worker", "all_examples"]
        with log.open("wb") as out:
            worker = subprocess.Popen(
                command, cwd=Path(__file__).parent, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            eventually(lambda: "Working on" in log.read_text() or worker.poll() is not None, "the worker")
            assert worker.poll() is None, log.read_text()
            stage = Stage(server, replicate, transcoder, log, environment)
            with stage.http, stage.waitpoint:
                yield stage
            worker.send_signal(signal.SIGTERM)
            assert 0 == worker.wait(timeout=30), log.read_text()
        finally:
            worker.kill()
            worker.wait()


class TestModeration:
    def test_what_is_clear_needs_nobody(self, stage: Stage) -> None:
        assert {"published": True, "comment": "nothing suspicious"} == stage.output(
            stage.trigger("moderation", text="A walk in the park")
        )

    @pytest.mark.parametrize(
        ("button", "comment", "published"), [("publish", "", True), ("hold", "This is an advertisement.", False)]
    )
    def test_a_person_decides_on_the_page_that_is_printed(
        self, stage: Stage, button: str, comment: str, published: bool
    ) -> None:
        """By the link alone, without an account."""
        text = f"Buy {unique()}!!!"
        run_id = stage.trigger("moderation", text=text)

        page, answer = stage.answered(text, decision=button, comment=comment)

        for words in ("Publish this post?", "Everybody can read it at once.", "Hold back", text):
            assert words in page
        assert 200 == answer.status_code, answer.text
        output = stage.output(run_id)
        assert (published, comment) == (output["published"], output.get("comment", ""))


class TestReplicate:
    @pytest.mark.parametrize("prompt", ["a kite", "a kite, as a form", "a kite, twice"])
    def test_the_first_word_of_the_service_counts(self, stage: Stage, prompt: str) -> None:
        """As JSON and as a form; what is said again is accepted and changes nothing."""
        prompt = f"{prompt} {unique()}"

        picture = stage.output(stage.trigger("draw", prompt=prompt))

        assert re.fullmatch(r"https://replicate\.delivery/\d+\.png", picture)
        times = 2 if "twice" in prompt else 1
        eventually(lambda: [each for each in stage.replicate.posted if each == (prompt, 200)][times - 1 :] or None)

    def test_a_failure_is_an_answer(self, stage: Stage) -> None:
        assert "no picture: out of paint" == stage.output(stage.trigger("draw", prompt=f"fail {unique()}"))

    def test_what_comes_too_late_is_accepted_and_changes_nothing(self, stage: Stage) -> None:
        prompt = f"late {unique()}"
        run_id = stage.trigger("draw", prompt=prompt, patience="1s")

        assert "no picture within 1s" == stage.output(run_id)
        eventually(lambda: (prompt, 200) in stage.replicate.posted or None, "the late word")
        assert "no picture within 1s" == stage.output(run_id)


class TestOnboarding:
    def test_three_steps_one_after_the_other(self, stage: Stage) -> None:
        """Each with a form of its own; a company that nobody knows is asked for again."""
        customer = unique("acme-")
        run_id = stage.trigger("onboarding", customer=customer)
        answers = [
            ("step:1", {"name": "Atlantis Ltd", "country": "AT"}),
            ("step:1", {"name": "Kites Ltd", "country": "AT"}),
            ("step:2", {"email": "ada@example.com"}),
            ("step:3", {"accepted": True}),
        ]

        for step, answer in answers:
            token = stage.token_with(f"onboarding:{customer}", step)
            with pytest.raises(InvalidInput):  # it does not fit the form, and the token keeps waiting
                stage.tokens.complete(token, {"nonsense": True})
            stage.tokens.complete(token, answer)

        expected = {"customer": customer, "welcome": True, "company": "Kites Ltd", "email": "ada@example.com"}
        assert expected == stage.output(run_id)

    def test_the_program_plays_the_page(self, stage: Stage) -> None:
        """As a reader of the docs runs it, typing the answers."""
        customer = unique("typed-")
        typed = '{"name": "Kites Ltd"}\n{"name": "Kites Ltd", "country": "AT"}\n{"email": "ada@example.com"}\n{"accepted": false}\n'

        done = subprocess.run(
            [sys.executable, "onboarding_form.py", customer],
            cwd=EXAMPLES,
            env=stage.environment,
            input=typed,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert 0 == done.returncode, done.stderr
        assert done.stdout.endswith(f"{{'customer': '{customer}', 'welcome': False}}\n")


class TestThirdPartyJob:
    def test_a_refused_job_is_submitted_again_and_its_callback_ends_the_wait(self, stage: Stage) -> None:
        file = unique("film-")
        stage.transcoder.refusals[file] = 2
        run_id = stage.trigger("transcode", file=file)
        (job,) = stage.jobs(file, 1)

        assert 200 == httpx.post(job["callback"], json={"url": "https://cdn.example/film.mp4"}).status_code

        assert "https://cdn.example/film.mp4" == stage.output(run_id)

    def test_a_job_that_nobody_waits_for_any_more_is_withdrawn_and_begun_again(self, stage: Stage) -> None:
        """Under another key and with another callback; the answer of the first one comes to nothing."""
        file = unique("film-")
        run_id = stage.trigger("transcode", file=file, pause="1s", attempts=2)
        (first,) = stage.jobs(file, 1)
        stage.tokens.cancel(stage.token_of(run_id), "as if its hour were over")
        _, second = stage.jobs(file, 2)

        late = httpx.post(first["callback"], json={"url": "https://cdn.example/late.mp4"})
        in_time = httpx.post(second["callback"], json={"url": "https://cdn.example/film.mp4"})

        assert [200, 200] == [late.status_code, in_time.status_code]
        assert first["key"] != second["key"]
        assert "https://cdn.example/film.mp4" == stage.output(run_id)
        assert first["id"] in stage.transcoder.withdrawn

    def test_after_the_last_attempt_the_run_fails_with_words(self, stage: Stage) -> None:
        run = stage.ended(stage.trigger("transcode", file=unique("film-"), patience="1s", attempts=1))

        assert "FAILED" == run["status"]
        assert "GaveUp" == run["error"]["name"]
        assert "in 1 attempts of 1s" in run["error"]["message"]


class TestAgent:
    def test_an_approved_call_is_made_as_the_form_says(self, stage: Stage) -> None:
        """The form is filled with what the model wants."""
        run_id = stage.trigger("agent", request="Order 8812 arrived broken")

        stage.tokens.complete(stage.token_of(run_id), {"approved": True, "order": 8812, "amount": 120})

        assert "I have dealt with it: refunded 120 EUR." == stage.output(run_id)

    def test_a_person_may_change_it(self, stage: Stage) -> None:
        run_id = stage.trigger("agent", request="Order 8812 arrived broken")

        stage.tokens.complete(stage.token_of(run_id), {"approved": True, "order": 8812, "amount": 60})

        assert "I have dealt with it: refunded 60 EUR." == stage.output(run_id)

    def test_a_refusal_goes_back_to_the_model(self, stage: Stage) -> None:
        run_id = stage.trigger("agent", request="Order 8812 arrived broken")
        token = stage.token_of(run_id)
        with pytest.raises(InvalidInput):  # a reason is needed
            stage.tokens.complete(token, {"approved": False})

        stage.tokens.complete(token, {"approved": False, "comment": "It is older than a year"})

        assert "I have dealt with it: refused: It is older than a year." == stage.output(run_id)


def test_every_example_is_on_its_page() -> None:
    """And what the page says to type is what the programs say themselves."""
    guide = (EXAMPLES.parent / "how-to" / "run-the-examples.md").read_text()
    for path in sorted(EXAMPLES.glob("*.py")):
        assert path.name in guide
        assert re.search(rf"python {path.name}", path.read_text())
        assert re.search(rf"python {path.name}", guide)
