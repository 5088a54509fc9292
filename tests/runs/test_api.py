"""Runs over HTTP."""

from typing import Any

import httpx
import pytest

from app.runs import inputs
from tests.makers import House, Program, unique
from tests.runs.fake_worker import FakeWorker

UNKNOWN = "run_" + "0" * 36


def trigger(program: Program, task: str = "moderation", payload: Any = None, **options: Any) -> dict[str, Any]:
    answer = program.post(f"/api/v1/tasks/{task}/trigger", json={"payload": payload, "options": options})
    assert answer.status_code == 200, answer.text
    triggered: dict[str, Any] = answer.json()
    return triggered


def show(program: Program, run_id: str) -> dict[str, Any]:
    answer = program.get(f"/api/v3/runs/{run_id}")
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [run["id"] for run in answer.json()["data"]]


@pytest.fixture
def dana(house: House) -> Program:
    """A program in an environment of its own."""
    return house.newcomer()


class TestTrigger:
    def test_a_run_is_queued_and_read(self, dana: Program) -> None:
        """Absent values are left out, and everything that the official SDK demands is there."""
        made = trigger(dana, payload={"a": [1]}, tags=["x", "y"])

        run = show(dana, made["id"])

        assert {"id": made["id"], "isCached": False} == made
        assert ("QUEUED", "moderation", {"a": [1]}, ["x", "y"]) == tuple(
            run[name] for name in ("status", "taskIdentifier", "payload", "tags")
        )
        assert (True, False, 0, {}) == tuple(run[name] for name in ("isQueued", "isCompleted", "depth", "relatedRuns"))
        assert not {"output", "error", "startedAt", "finishedAt", "delayedUntil"} & {*run}
        assert None not in run.values()

    def test_the_official_sdk_sends_its_payload_as_text(self, dana: Program) -> None:
        made = trigger(dana, payload='{"a":1}', payloadType="application/json", lockToVersion="1")
        rich = trigger(dana, payload='{"json":{"a":1},"meta":{}}', payloadType="application/super+json")
        plain = trigger(dana, payload='{"a":1}')

        payloads = [show(dana, run["id"])["payload"] for run in (made, rich, plain)]

        assert [{"a": 1}, {"a": 1}, '{"a":1}'] == payloads

    def test_the_same_key_gives_the_same_run(self, dana: Program) -> None:
        first = trigger(dana, idempotencyKey="k", idempotencyKeyTTL="1h")

        assert {"id": first["id"], "isCached": True} == trigger(dana, idempotencyKey="k")
        assert first["id"] != trigger(dana, "other", idempotencyKey="k")["id"]
        assert "k" == show(dana, first["id"])["idempotencyKey"]

    def test_a_repeated_request_makes_no_second_run(self, dana: Program) -> None:
        headers = {"x-trigger-request-idempotency-key": unique()}
        answers = [dana.post("/api/v1/tasks/t/trigger", json={}, headers=headers).json() for _ in range(2)]

        assert answers[0] == answers[1]

    def test_a_delay_is_shown(self, dana: Program) -> None:
        made = trigger(dana, delay="1h")

        assert "delayedUntil" in show(dana, made["id"])

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"options": 1}, "/options"),
            ({"options": {"delay": 5}}, "/options/delay"),
            ({"options": {"delay": "soon"}}, "/options/delay"),
            ({"options": {"delay": None}}, "/options/delay"),
            ({"options": {"idempotencyKeyTTL": None}}, "/options/idempotencyKeyTTL"),
            ({"options": None}, "/options"),
            ({"options": {"tags": {}}}, "/options/tags"),
            ({"options": {"tags": ["a\n"]}}, "/options/tags/0"),
            ({"options": {"idempotencyKey": 1}}, "/options/idempotencyKey"),
            ({"options": {"idempotencyKey": "k", "idempotencyKeyTTL": 1}}, "/options/idempotencyKeyTTL"),
        ],
    )
    def test_a_bad_option_is_named(self, dana: Program, body: Any, pointer: str) -> None:
        answer = dana.post("/api/v1/tasks/t/trigger", json=body)

        assert (400, pointer) == (answer.status_code, answer.json()["errors"][0]["pointer"])

    def test_strict_callers_hear_of_unknown_options(self, dana: Program) -> None:
        headers = {"x-waitpoint-strict": "true"}
        answer = dana.post("/api/v1/tasks/t/trigger", json={"options": {"colour": 1}}, headers=headers)

        assert (400, "/options/colour") == (answer.status_code, answer.json()["errors"][0]["pointer"])


class TestEnds:
    def test_an_output_is_any_json(self, house: House, dana: Program) -> None:
        run = self._run(house, dana, "finish", output={"b": [None]})

        assert ("COMPLETED", True, {"b": [None]}) == (run["status"], run["isSuccess"], run["output"])
        assert {"startedAt", "finishedAt"} < {*run}

    def test_an_error_is_what_the_task_raised(self, house: House, dana: Program) -> None:
        error = {"type": "ValueError", "message": "no", "traceback": "Traceback…"}
        run = self._run(house, dana, "fail", error=error, retryIn=None)

        assert ("FAILED", True) == (run["status"], run["isFailed"])
        assert {"name": "ValueError", "message": "no", "stackTrace": "Traceback…"} == run["error"]

    def test_a_run_is_cancelled(self, dana: Program) -> None:
        made = trigger(dana)
        answers = [dana.post(f"/api/v2/runs/{made['id']}/cancel") for _ in range(2)]

        assert [(200, {"id": made["id"]})] * 2 == [(answer.status_code, answer.json()) for answer in answers]
        assert ("CANCELED", True) == ((run := show(dana, made["id"]))["status"], run["isCancelled"])
        events = dana.get(f"/api/v1/runs/{made['id']}/events").json()["events"]
        assert ["run.queued", "run.canceled"] == [event["kind"] for event in events]

    def _run(self, house: House, dana: Program, end: str, **fields: Any) -> dict[str, Any]:
        made = trigger(dana)
        with FakeWorker(house, dana) as worker:
            worker.hello("moderation")
            worker.ask(end, worker.hears("run"), **fields)
        return show(dana, made["id"])


class TestList:
    def test_newest_first_and_page_by_page(self, dana: Program) -> None:
        made = [trigger(dana)["id"] for _ in range(5)]
        newest_first = [*reversed(made)]

        first = dana.get("/api/v1/runs", params={"page[size]": 2})
        second = dana.get("/api/v1/runs", params={"page[size]": 2, "page[after]": first.json()["pagination"]["next"]})
        back = dana.get("/api/v1/runs", params={"page[size]": 2, "page[before]": second.json()["data"][0]["id"]})

        assert [newest_first[:2], newest_first[2:4], newest_first[:2]] == [ids(first), ids(second), ids(back)]
        assert "previous" not in first.json()["pagination"]
        assert not {"payload", "output"} & {*first.json()["data"][0]}
        assert {"id", "name"} == {*first.json()["data"][0]["env"]}

    def test_filters_combine(self, dana: Program) -> None:
        one = trigger(dana, "a", tags=["x", 'q"uote'])["id"]
        two = trigger(dana, "b", tags=["X"])["id"]
        dana.post(f"/api/v2/runs/{two}/cancel")

        def find(**query: str) -> list[str]:
            return ids(dana.get("/api/v1/runs", params={f"filter[{name}]": value for name, value in query.items()}))

        assert [two] == find(status="CANCELED,FAILED")
        assert [one] == find(taskIdentifier="a")
        assert [one] == find(tag="x")
        assert [one] == find(tag='q"uote')
        assert [two, one] == find(tag="X,x")
        assert [] == find(tag="X", status="QUEUED")
        assert [two, one] == ids(dana.get("/api/v1/runs", params={"filter[createdAt][period]": "1d"}))

    @pytest.mark.parametrize(
        ("name", "value"),
        [("filter[status]", "ASLEEP"), ("page[size]", "0"), ("page[after]", "waitpoint_1"), ("filter[tag]", "a\x00")],
    )
    def test_a_bad_query_is_named(self, dana: Program, name: str, value: str) -> None:
        answer = dana.get("/api/v1/runs", params={name: value})

        assert (400, "Query Error", name) == (
            answer.status_code,
            answer.json()["error"],
            answer.json()["details"][0]["parameter"],
        )


def test_cleo_sees_nothing_of_adas_runs(ada: Program, cleo: Program) -> None:
    """Another environment's run is answered as one that is nowhere."""
    made = trigger(ada, unique())["id"]

    for method, path in (
        ("GET", "/api/v3/runs/{}"),
        ("GET", "/api/v1/runs/{}/events"),
        ("POST", "/api/v2/runs/{}/cancel"),
        ("POST", "/api/v1/runs/{}/retry"),
        ("POST", "/api/v1/runs/{}/inputs/approval"),
    ):
        theirs, nowhere = (cleo.ask(method, path.format(run_id)) for run_id in (made, UNKNOWN))
        assert 404 == theirs.status_code
        assert theirs.json()["error"] == nowhere.json()["error"] == "Run not found"
    assert made not in ids(cleo.get("/api/v1/runs"))
    assert "QUEUED" == show(ada, made)["status"]


class TestRetry:
    def test_a_cancelled_run_is_queued_once_more(self, dana: Program) -> None:
        made = trigger(dana)["id"]
        dana.post(f"/api/v2/runs/{made}/cancel")

        answers = [dana.post(f"/api/v1/runs/{made}/retry") for _ in range(2)]

        assert [(200, {"id": made})] * 2 == [(answer.status_code, answer.json()) for answer in answers]
        assert "QUEUED" == show(dana, made)["status"]

    def test_a_completed_run_is_not(self, house: House, dana: Program) -> None:
        made = completed(house, dana)

        answer = dana.post(f"/api/v1/runs/{made}/retry")

        assert (409, "run-ended") == (answer.status_code, answer.json()["code"])


class TestInputs:
    def test_a_value_is_sent(self, house: House, dana: Program) -> None:
        """Before the wait and after it has begun."""
        made = trigger(dana)["id"]
        assert {"success": True} == self._send(dana, made, {"data": 0.10}).json()
        with FakeWorker(house, dana) as worker:
            worker.hello("moderation")
            run = worker.hears("run")
            ask = {"name": "an approval", "timeout": "1h"}
            (early,) = worker.ask("input", run, position="0", **ask)["ended"]
            assert {"waiting": True} == worker.ask("input", run, position="1", **ask)
            worker.ask("park", run, positions=["1"])

            assert 200 == self._send(dana, made, {"data": [1]}).status_code

            ((late,),) = [each["tokens"] for each in worker.hears("resume")["ended"]]
            assert ["0.1", "[1]"] == [early["output"], late["output"]]
            assert {"input an approval"} == {
                each["name"] for each in worker.ask("journal", {**run, "generation": 3})["checkpoints"]
            }
        events = dana.get(f"/api/v1/runs/{made}/events").json()["events"]
        assert ["an approval"] * 2 == [event["data"]["input"] for event in events if "input" in event["data"]]
        assert [] == dana.find_ids()

    def test_the_same_request_again_sends_nothing_more(self, house: House, dana: Program) -> None:
        made, headers = trigger(dana)["id"], {"x-trigger-request-idempotency-key": unique()}
        for _ in range(2):
            assert 200 == self._send(dana, made, {"data": 1}, headers=headers).status_code
        with FakeWorker(house, dana) as worker:
            worker.hello("moderation")
            run = worker.hears("run")
            worker.ask("input", run, position="0", name="an approval")

            assert {"waiting": True} == worker.ask("input", run, position="1", name="an approval")

    def test_an_ended_run_takes_nothing_more(self, house: House, dana: Program) -> None:
        answer = self._send(dana, completed(house, dana), {"data": 1})

        assert (409, "run-ended") == (answer.status_code, answer.json()["code"])

    @pytest.mark.parametrize(
        ("name", "body", "status"),
        [("x" * 129, {}, 400), ("%0A", {}, 400), ("a", {"value": 1}, 422), ("a", [], 400), ("a", {"data": None}, 200)],
    )
    def test_a_bad_value_is_named(self, dana: Program, name: str, body: Any, status: int) -> None:
        made = trigger(dana)["id"]

        assert status == dana.post(f"/api/v1/runs/{made}/inputs/{name}", json=body).status_code

    def test_a_run_that_does_not_read_is_not_flooded(self, dana: Program, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(inputs, "MOST_UNREAD", 2)
        made = trigger(dana)["id"]

        answers = [self._send(dana, made, {"data": number}) for number in range(3)]

        assert [200, 200, 422] == [answer.status_code for answer in answers]
        assert "too-many-inputs" == answers[-1].json()["code"]

    def _send(self, program: Program, run_id: str, body: Any, **options: Any) -> Any:
        return program.post(f"/api/v1/runs/{run_id}/inputs/an%20approval", json=body, **options)


def completed(house: House, program: Program) -> str:
    made: str = trigger(program)["id"]
    with FakeWorker(house, program) as worker:
        worker.hello("moderation")
        worker.ask("finish", worker.hears("run"), output=None)
    return made
