"""The conversation of a worker with the whole server, on both databases (docs/reference/worker-protocol.md)."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from app.database import Unit
from app.events import of_subject
from app.runs import dispatcher, handover, lifecycle
from app.runs.handover import Handover
from app.runs.lifecycle import NewRun
from app.runs.models import Run
from app.runs.workers import Workers
from tests.database.worlds import ADA
from tests.makers import House, Program
from tests.runs.fake_worker import PATIENCE, FakeWorker
from tests.tasks.workers import eventually

TASK = "moderation"


@pytest.fixture
def dana(house: House) -> Program:
    """A program in an environment of its own, where there are no other workers and runs."""
    return house.newcomer()


@pytest.fixture
def worker(house: House, dana: Program) -> Iterator[FakeWorker]:
    """A worker of that environment."""
    with FakeWorker(house, dana) as worker:
        worker.hello(TASK)
        yield worker


def trigger(house: House, program: Program, task: str = TASK, payload: Any = None, **options: Any) -> str:
    new = NewRun(task=task, payload=json.dumps(payload), **options)
    run: Run = house.write(lifecycle.trigger, program.environment_id, new, ADA).run
    return run.id


def read(house: House, program: Program, run_id: str) -> Run:
    found = house.read(lifecycle.retrieve, run_id, program.environment_id)
    assert isinstance(found, Run)
    return found


def parked_in(worker: FakeWorker, token_id: str) -> dict[str, Any]:
    """The run that the worker is given next, parked while it waits for this token."""
    run = worker.hears("run")
    assert {"waiting": True} == worker.ask("wait", run, position="0", tokens=[token_id])
    assert {"parked": True} == worker.ask("park", run, positions=["0"])
    return run


def test_a_run_from_its_beginning_to_its_end(house: House, dana: Program, worker: FakeWorker) -> None:
    """Triggered, executed, parked on a token, gone on with, finished."""
    run_id = trigger(house, dana, payload={"args": ["x"], "kwargs": {}}, tags=("t",))

    run = worker.hears("run")
    assert (run_id, 1, TASK, {"args": ["x"], "kwargs": {}}, 1, ["t"], []) == tuple(
        run[name] for name in ("run", "generation", "task", "payload", "attempt", "tags", "checkpoints")
    )
    token = worker.ask("create_token", run, position="0", options={"timeout": "24h", "tags": ["m"]})["token"]
    assert {"id", "url", "publicAccessToken", "isCached"} == {*token}
    step = worker.ask("step", run, position="1", name="send", result={"sent": 1})
    assert {"checkpoint": {"position": "1", "name": "send", "result": {"sent": 1}}} == step
    assert {"waiting": True} == worker.ask("wait", run, position="2", tokens=[token["id"]])
    assert {"parked": True} == worker.ask("park", run, positions=["2"])
    assert "WAITING" == read(house, dana, run_id).status

    dana.complete(token["id"], {"approved": True})
    resumed = worker.hears("resume")

    assert (run_id, 3) == (resumed["run"], resumed["generation"])
    ((ended,),) = [each["tokens"] for each in resumed["ended"]]
    assert (token["id"], "COMPLETED", '{"approved":true}') == (ended["id"], ended["status"], ended["output"])
    assert {"ok": True} == worker.ask("finish", resumed, output="published")
    finished = read(house, dana, run_id)
    assert ("COMPLETED", '"published"') == (finished.status, finished.output)


class TestTheJournal:
    def test_another_worker_is_given_everything_that_was_recorded(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        """The one that had parked the run is gone: the next begins anew, with the journal."""
        run = self._parked(house, dana, worker)
        worker.leave()
        with FakeWorker(house, dana) as other:
            other.hello(TASK)
            dana.complete(run["token"], 1)

            again = other.hears("run")

            assert (run["run"], 3) == (again["run"], again["generation"])
            made, waited = again["checkpoints"]
            assert ("0", "create_token", run["token"]) == (made["position"], made["name"], made["result"]["id"])
            assert ("1", "wait", ["1"]) == (waited["position"], waited["name"], [t["output"] for t in waited["tokens"]])
            assert made["result"]["publicAccessToken"].count(".") == 2
            whole = other.ask("journal", again)["checkpoints"]
            assert [each["position"] for each in whole] == ["0", "1"]
            assert waited == whole[1]

    def test_the_first_record_stays(self, house: House, dana: Program, worker: FakeWorker) -> None:
        trigger(house, dana)
        run = worker.hears("run")
        worker.ask("step", run, position="0", name="send", error={"type": "ValueError", "message": "no"})

        again = worker.ask("step", run, position="0", name="send", result=2)

        assert {"type": "ValueError", "message": "no"} == again["checkpoint"]["error"]
        assert "result" not in again["checkpoint"]

    def _parked(self, house: House, dana: Program, worker: FakeWorker) -> dict[str, Any]:
        trigger(house, dana)
        run = worker.hears("run")
        token = worker.ask("create_token", run, position="0", options={})["token"]["id"]
        worker.ask("wait", run, position="1", tokens=[token])
        worker.ask("park", run, positions=["1"])
        return {**run, "token": token}


class TestWaiting:
    def test_an_answer_that_came_before_is_returned(self, house: House, dana: Program, worker: FakeWorker) -> None:
        token = dana.make_token()
        dana.complete(token, "yes")
        trigger(house, dana)
        run = worker.hears("run")

        (ended,) = worker.ask("wait", run, position="0", tokens=[token.id])["ended"]

        assert '"yes"' == ended["output"]

    def test_an_answer_before_the_parking_keeps_the_run_here(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        token = dana.make_token()
        trigger(house, dana)
        run = worker.hears("run")
        worker.ask("wait", run, position="0", tokens=[token.id])
        dana.complete(token, "yes")

        (ended,) = worker.ask("park", run, positions=["0"])["ended"]

        assert ("0", '"yes"') == (ended["position"], ended["tokens"][0]["output"])

    def test_a_busy_run_is_told(self, house: House, dana: Program, worker: FakeWorker) -> None:
        """Another branch of it works on; its worker hears that the wait has ended."""
        token = dana.make_token()
        trigger(house, dana)
        run = worker.hears("run")
        worker.ask("wait", run, position="1.0", tokens=[token.id])
        dana.complete(token, "yes")

        woken = worker.hears("woken")

        assert (run["run"], 1) == (woken["run"], woken["generation"])
        assert [("1.0", [token.id])] == [(e["position"], [t["id"] for t in e["tokens"]]) for e in woken["ended"]]

    def test_a_sleep_ends_without_tokens(self, house: House, dana: Program, worker: FakeWorker) -> None:
        trigger(house, dana)
        run = worker.hears("run")
        until = "2400-01-01T00:00:00Z"
        assert {"waiting": True} == worker.ask("sleep", run, position="0", until=until)
        worker.ask("park", run, positions=["0"])
        assert [] == dana.find_ids()
        house.write(lambda db: db.connection.exec_driver_sql("UPDATE tokens SET timeout_at = 1 WHERE kind = 'SLEEP'"))
        house.sweep()

        assert [{"position": "0", "tokens": []}] == worker.hears("resume")["ended"]

    def test_a_sleep_that_is_over_does_not_wait(self, house: House, dana: Program, worker: FakeWorker) -> None:
        trigger(house, dana)

        assert {"ended": []} == worker.ask("sleep", worker.hears("run"), position="0", until="2001-01-01T00:00:00Z")

    def test_an_unknown_token_is_named(self, house: House, dana: Program, ada: Program, worker: FakeWorker) -> None:
        theirs = ada.make_token()
        trigger(house, dana)

        assert {"unknown": theirs.id} == worker.ask("wait", worker.hears("run"), position="0", tokens=[theirs.id])

    def test_a_child_wakes_its_parent(self, house: House, dana: Program) -> None:
        with FakeWorker(house, dana) as worker:
            worker.hello("parent", "child", slots=1)
            trigger(house, dana, "parent")
            run = worker.hears("run")
            made = worker.ask("trigger", run, position="0", task="child", payload={"a": 1}, options={"tags": ["c"]})
            worker.ask("wait", run, position="1", tokens=[made["token"]])
            worker.hears_nothing()  # its only slot is taken
            worker.ask("park", run, positions=["1"])
            child = worker.hears("run")
            assert (made["run"], {"a": 1}, ["c"]) == (child["run"], child["payload"], child["tags"])
            worker.ask("finish", child, output="done")

            resumed = worker.hears("resume")

            assert '"done"' == resumed["ended"][0]["tokens"][0]["output"]


class TestSlots:
    def test_a_worker_has_never_more_than_its_slots(self, house: House, dana: Program) -> None:
        runs = []
        for _ in range(3):
            runs.append(trigger(house, dana))
            house.clock.move(milliseconds=1)  # runs of one millisecond come in any order
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK, slots=2)
            given = [worker.hears("run"), worker.hears("run")]
            worker.hears_nothing()
            worker.ask("finish", given[0], output=None)

            given.append(worker.hears("run"))

            assert {*runs} == {run["run"] for run in given}

    def test_a_task_with_slots_leaves_room_for_others(self, house: House, dana: Program) -> None:
        """What has no slot of its task stays queued, and takes none of the worker's."""
        with FakeWorker(house, dana) as worker:
            worker.hello("slow", "fast", slots=3, taskSlots={"slow": 1})
            token = dana.make_token()
            for _ in range(4):
                trigger(house, dana, "slow")
            first = worker.hears("run")
            trigger(house, dana, "fast")
            assert ("slow", "fast") == (first["task"], worker.hears("run")["task"])
            worker.hears_nothing()
            worker.ask("wait", first, position="0", tokens=[token.id])
            worker.ask("park", first, positions=["0"])

            second = worker.hears("run")
            assert "slow" == second["task"]
            dana.complete(token)
            worker.hears_nothing()  # to go on, it needs a slot of its task, too
            worker.ask("finish", second, output=None)

            worker.hears("run")  # which has waited for longer

    def test_the_slots_of_a_task_hold_after_a_new_line(self, house: House, dana: Program) -> None:
        """What the worker executes is counted, wherever it was given."""
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK, taskSlots={TASK: 1})
            trigger(house, dana)
            run = worker.hears("run")
        with FakeWorker(house, dana, worker.name) as again:
            again.hello(TASK, taskSlots={TASK: 1}, executing=[[run["run"], 1]])
            trigger(house, dana)
            again.hears_nothing()
            again.ask("finish", run, output=None)

            again.hears("run")

    def test_a_worker_that_stops_is_given_nothing_more(self, house: House, dana: Program, worker: FakeWorker) -> None:
        """And what it gives up goes to another at once, whose turn it is then."""
        trigger(house, dana)
        begun = worker.hears("run")
        worker.socket.send('[{"type":"drain"}]')
        worker.ask("journal", begun)  # answered behind the drain
        trigger(house, dana)
        worker.hears_nothing()
        with FakeWorker(house, dana) as other:
            other.hello(TASK)
            other.hears("run")
            assert {"ok": True} == worker.ask("give_up", begun)

            again = other.hears("run")

            assert (begun["run"], 3) == (again["run"], again["generation"])
            assert {"fenced": True} == worker.ask("give_up", begun)

    def test_a_delayed_run_comes_when_its_time_has_come(self, house: House, dana: Program, worker: FakeWorker) -> None:
        trigger(house, dana, delay=timedelta(milliseconds=700))

        worker.hears_nothing()
        worker.hears("run")

    def test_a_retry_comes_after_its_backoff(self, house: House, dana: Program, worker: FakeWorker) -> None:
        trigger(house, dana)
        error = {"type": "ValueError", "message": "no", "traceback": "…"}
        worker.ask("fail", worker.hears("run"), error=error, retryIn=0.2)

        again = worker.hears("run")

        assert 2 == again["attempt"]
        worker.ask("fail", again, error=error, retryIn=None)
        assert "FAILED" == read(house, dana, again["run"]).status

    def test_two_workers_share_the_work(self, house: House, dana: Program, worker: FakeWorker) -> None:
        with FakeWorker(house, dana) as other:
            other.hello("another task")
            trigger(house, dana, "another task")
            trigger(house, dana)

            assert "another task" == other.hears("run")["task"]
            assert TASK == worker.hears("run")["task"]


def test_environments_take_turns(house: House, dana: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd in one environment does not keep another waiting: each round gives to all of them."""
    monkeypatch.setattr(dispatcher, "_BATCH", 1)
    erin = house.newcomer()

    def trigger_all(db: Unit) -> list[str]:
        crowd = [dana.environment_id] * 6
        new = NewRun(task=TASK, payload="{}")
        return [lifecycle.trigger(db, where, new, ADA).run.id for where in (*crowd, erin.environment_id)]

    with FakeWorker(house, dana) as busy, FakeWorker(house, erin) as idle:
        busy.hello(TASK, slots=10)
        idle.hello(TASK, slots=10)
        run_ids = house.write(trigger_all)
        assert {*run_ids[:-1]} == {busy.hears("run")["run"] for _ in range(6)}
        assert run_ids[-1] == idle.hears("run")["run"]

    begun = house.read(_begun_among, run_ids)
    assert run_ids[-1] in begun[:3]  # a round that began in between may have seen the crowd only


def _begun_among(db: Unit, run_ids: list[str]) -> list[str]:
    """In the order of the log."""
    told = [event for run_id in run_ids for event in of_subject(db, run_id) if event.kind == "run.executing"]
    return [event.subject for event in sorted(told, key=lambda event: event.seq)]


class TestFencing:
    def test_a_run_that_was_taken_away_is_fenced(self, house: House, dana: Program, worker: FakeWorker) -> None:
        """The lease ran out; whatever the stale worker says is answered, and changes nothing."""
        trigger(house, dana)
        run = worker.hears("run")
        worker.socket.send('[{"type":"drain"}]')
        worker.ask("journal", run)  # answered behind the drain: it is not given the run again
        house.write(lambda db: db.connection.exec_driver_sql("UPDATE runs SET lease_until = 1"))
        house.write(lifecycle.take_back_lost, 100)
        assert [[run["run"], 1]] == worker.hears("lost")["runs"]

        stale = {**run, "generation": 1}
        calls: list[tuple[str, dict[str, Any]]] = [
            ("step", {"position": "0", "name": "a", "result": 1}),
            ("create_token", {"position": "1", "options": {}}),
            ("trigger", {"position": "2", "task": "child", "payload": None}),
            ("sleep", {"position": "3", "until": "2400-01-01T00:00:00Z"}),
            ("park", {"positions": ["0"]}),
            ("finish", {"output": 1}),
            ("give_up", {}),
            ("fail", {"error": {}, "retryIn": None}),
            ("problem", {"text": "no"}),
            ("journal", {}),
        ]
        assert [{"fenced": True}] * len(calls) == [worker.ask(kind, stale, **fields) for kind, fields in calls]
        assert "QUEUED" == read(house, dana, run["run"]).status

    def test_heartbeats_tell_what_is_lost_and_keep_the_rest(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        kept, other = trigger(house, dana), trigger(house, dana)
        given = {(run := worker.hears("run"))["run"]: run for _ in range(2)}
        before = read(house, dana, kept).lease_until
        worker.socket.send(json.dumps([{"type": "heartbeat", "runs": [[kept, 1], [other, 7]]}]))

        assert [[other, 7]] == worker.hears("lost")["runs"]
        after = read(house, dana, kept).lease_until
        assert before is not None
        assert after is not None
        assert after > before
        assert {kept, other} == {*given}

    def test_a_late_heartbeat_takes_nothing_away(self, house: House, dana: Program, worker: FakeWorker) -> None:
        """It names the generation under which the run was parked; the worker has gone on with it since."""
        token = dana.make_token()
        run_id = trigger(house, dana)
        parked_in(worker, token.id)
        dana.complete(token)
        resumed = worker.hears("resume")
        worker.socket.send(json.dumps([{"type": "heartbeat", "runs": [[run_id, 1]]}]))

        worker.hears_nothing()
        assert {"ok": True} == worker.ask("finish", resumed, output=1)

    def test_a_parked_run_that_is_cancelled_and_retried_begins_anew(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        """However quickly: what its worker has in memory is of another life, and no late word ends the new one."""
        token = dana.make_token()
        run_id = trigger(house, dana)
        run = worker.hears("run")
        worker.ask("wait", run, position="0", tokens=[token.id])
        worker.ask("park", run, positions=["0"])

        def cancel_and_retry(db: Unit) -> None:
            lifecycle.cancel(db, run_id, dana.environment_id, ADA, house.service.rules)
            lifecycle.retry(db, run_id, dana.environment_id, ADA)

        house.write(cancel_and_retry)
        again = worker.hears_first("run", leaving_aside="cancel")

        assert (run_id, 2) == (again["run"], again["attempt"])
        assert {"waiting": True} == worker.ask("wait", again, position="0", tokens=[token.id])
        worker.hears_nothing()
        assert {"ok": True} == worker.ask("finish", again, output=1)

    def test_a_cancelled_run_is_called_off(self, house: House, dana: Program, worker: FakeWorker) -> None:
        run_id = trigger(house, dana)
        run = worker.hears("run")
        house.write(lifecycle.cancel, run_id, dana.environment_id, ADA, house.service.rules)

        assert run_id == worker.hears("cancel")["run"]
        assert {"fenced": True} == worker.ask("finish", run, output=1)
        assert "CANCELED" == read(house, dana, run_id).status


class TestComingBack:
    def test_a_worker_that_comes_back_goes_on_with_what_it_has(self, house: House, dana: Program) -> None:
        """Executing runs go on; a wait that ended meanwhile is told; parked ones are resumed where they are."""
        busy_token, parked_token = dana.make_token(), dana.make_token()
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            for _ in range(2):
                trigger(house, dana)
            busy, parked = worker.hears("run"), worker.hears("run")
            worker.ask("wait", busy, position="1.0", tokens=[busy_token.id])
            worker.ask("wait", parked, position="0", tokens=[parked_token.id])
            worker.ask("park", parked, positions=["0"])
        dana.complete(busy_token)
        with FakeWorker(house, dana, worker.name) as again:
            reply = again.hello(TASK, parked=[[parked["run"], 1], ["run_unknown", 1]])
            assert [["run_unknown", 1]] == reply["lost"]
            assert (8, 2) == (reply["lease"], reply["heartbeat"])
            assert busy["run"] == again.hears("woken")["run"]
            dana.complete(parked_token)

            assert parked["run"] == again.hears("resume")["run"]
            assert {"ok": True} == again.ask("finish", busy, output=1)

    def test_a_run_that_never_reached_its_worker_is_given_anew(self, house: House, dana: Program) -> None:
        """The server went down with the message under way: the worker does not name it, and waits for no lease."""
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            for _ in range(2):
                trigger(house, dana)
            begun, missed = worker.hears("run"), worker.hears("run")
        with FakeWorker(house, dana, worker.name) as again:
            again.hello(TASK, executing=[[begun["run"], 1]])

            given = again.hears("run")

            assert (missed["run"], 3) == (given["run"], given["generation"])
            assert {"fenced": True} == again.ask("finish", missed, output=1)
            assert {"ok": True} == again.ask("finish", begun, output=1)

    def test_a_run_that_never_heard_that_it_goes_on_is_told_again(self, house: House, dana: Program) -> None:
        """Its worker has it in memory: it need not begin anew, nor wait for a lease."""
        token = dana.make_token()
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            run_id = trigger(house, dana)
            parked_in(worker, token.id)
            dana.complete(token)
            eventually(lambda: read(house, dana, run_id).generation == 3)
        with FakeWorker(house, dana, worker.name) as again:
            assert [] == again.hello(TASK, parked=[[run_id, 1]], executing=[])["lost"]

            resumed = again.hears("resume")

            assert (run_id, 3, ["0"]) == (
                resumed["run"],
                resumed["generation"],
                [e["position"] for e in resumed["ended"]],
            )
            assert {"ok": True} == again.ask("finish", resumed, output=1)

    @pytest.mark.parametrize("names_it", [True, False])
    def test_parking_may_be_said_again(self, house: House, dana: Program, names_it: bool) -> None:
        """Whoever did not hear the answer hears the same one, and has the run in memory when it goes on."""
        token = dana.make_token()
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            run_id = trigger(house, dana)
            run = parked_in(worker, token.id)
        with FakeWorker(house, dana, worker.name) as again:
            again.hello(TASK, executing=[[run_id, 1]] if names_it else None)
            assert {"parked": True} == again.ask("park", run, positions=["0"])
            dana.complete(token)

            assert (run_id, 3) == ((resumed := again.hears("resume"))["run"], resumed["generation"])
            assert {"fenced": True} == again.ask("park", run, positions=["0"])
            assert {"ok": True} == again.ask("finish", resumed, output=1)

    def test_a_run_that_went_on_before_parking_was_answered(self, house: House, dana: Program) -> None:
        """Its worker executes it, as far as it knows; the server knows better, and lets it go on from there."""
        token = dana.make_token()
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            run_id = trigger(house, dana)
            parked_in(worker, token.id)
            worker.socket.send('[{"type":"drain"}]')
            worker.ask("journal", {"run": run_id, "generation": 1})  # answered behind the drain
            dana.complete(token)
        with FakeWorker(house, dana, worker.name) as again:
            again.hello(TASK, executing=[[run_id, 1]])

            assert (run_id, 3) == ((resumed := again.hears("resume"))["run"], resumed["generation"])

    def test_what_is_claimed_for_a_worker_that_has_just_left_is_given_back(
        self, house: House, dana: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nobody was told of it, so it would be left to its lease."""
        has_left, leaving = threading.Event(), FakeWorker(house, dana)
        remove, claim = Workers.remove, handover.claim

        def removed(workers: Workers, worker: Any) -> bool:
            is_gone = remove(workers, worker)
            if is_gone:
                has_left.set()
            return is_gone

        def claimed(*arguments: Any) -> list[Handover]:
            given = claim(*arguments)
            if given and not has_left.is_set():
                leaving.leave()
                assert has_left.wait(PATIENCE)
            return given

        monkeypatch.setattr(Workers, "remove", removed)
        monkeypatch.setattr(handover, "claim", claimed)
        with leaving, FakeWorker(house, dana) as other:
            leaving.hello(TASK)
            run_id = trigger(house, dana)
            assert has_left.wait(PATIENCE)
            other.hello(TASK)

            assert (run_id, 3) == ((again := other.hears("run"))["run"], again["generation"])
            assert [] == [
                event for event in house.read(of_subject, run_id) if (event.actor or {}).get("door") == "lease"
            ]

    def test_a_worker_that_is_gone_soon_loses_its_runs(self, house: House, dana: Program) -> None:
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK)
            run_id = trigger(house, dana)
            worker.hears("run")
        with FakeWorker(house, dana) as other:
            other.hello(TASK)

            again = other.hears("run")

            assert (run_id, 3) == (again["run"], again["generation"])

    def test_changed_code_is_tried_again_with_the_next_worker(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        run_id = trigger(house, dana)
        text = "step 3: expected `send`, found `charge`"
        worker.ask("problem", worker.hears("run"), text=text)
        stuck = read(house, dana, run_id)
        assert ("WAITING", text) == (stuck.status, stuck.problem)
        worker.hears_nothing()
        worker.leave()
        with FakeWorker(house, dana) as other:
            other.hello(TASK)

            assert run_id == other.hears("run")["run"]


class TestByHttp:
    """A call that is too large for a frame is the same call."""

    def test_a_call_is_carried_out(self, house: House, dana: Program, worker: FakeWorker) -> None:
        """And frees the worker's slot, as on the websocket."""
        trigger(house, dana)
        run = worker.hears("run")
        large = "x" * 1_500_000

        said = self._post(dana, worker.name, "step", run, position="0", name="send", result=large)
        assert large == said["checkpoint"]["result"]
        assert {"ok": True} == self._post(dana, worker.name, "finish", run, output=large)
        assert {"fenced": True} == self._post(dana, worker.name, "finish", run, output=large)
        assert f'"{large}"' == read(house, dana, run["run"]).output

    def test_another_process_may_be_asked(self, house: House, dana: Program) -> None:
        """The one that has the worker on the line hears of it from the log."""
        with FakeWorker(house, dana) as worker:
            worker.hello(TASK, slots=1)
            first = trigger(house, dana)
            run = worker.hears("run")
            second = trigger(house, dana)
            assert {"ok": True} == self._post(dana, "nobody-here", "finish", run, output=None)

            assert (first, second) == (run["run"], worker.hears("run")["run"])

    def test_only_calls_come_so(self, dana: Program) -> None:
        hello = {"type": "hello", "id": 1, "worker": "w", "tasks": [], "slots": 1}
        bodies: list[Any] = [hello, {"type": "drain"}, [], {}]
        answers = [dana.post("/api/v1/workers/w/calls", json=body) for body in bodies]

        assert [400] * 4 == [answer.status_code for answer in answers]

    def _post(self, program: Program, worker: str, kind: str, run: dict[str, Any], **fields: Any) -> dict[str, Any]:
        of_run = {"run": run["run"], "generation": run["generation"]}
        answer = program.post(f"/api/v1/workers/{worker}/calls", json={"id": 1, "type": kind, **of_run, **fields})
        assert answer.status_code == 200, answer.text
        reply: dict[str, Any] = answer.json()
        return reply


class TestBadMessages:
    @pytest.mark.parametrize(
        ("message", "code"),
        [
            ({"type": "step"}, "invalid-message"),
            ({"type": "unheard-of"}, "invalid-message"),
            ({"type": "hello", "worker": "x", "tasks": [], "slots": 1}, "invalid-message"),
            ({"type": "step", "run": "run_1", "generation": 1, "position": "a\x00", "name": "b"}, "invalid-message"),
            ({"type": "sleep", "run": "run_1", "generation": 1, "position": "a", "until": "soon"}, "invalid-date"),
            (
                {"type": "create_token", "run": "run_1", "generation": 1, "position": "a", "options": {"timeout": 5}},
                "invalid-duration",
            ),
            ({"type": "trigger", "run": "run_1", "generation": 1, "position": "a", "task": " "}, "invalid-task"),
        ],
    )
    def test_a_call_that_means_nothing_is_answered_with_its_reason(
        self, worker: FakeWorker, message: dict[str, Any], code: str
    ) -> None:
        fields = {name: value for name, value in message.items() if name not in {"type", "run", "generation"}}
        reply = worker.ask(message["type"], message if "run" in message else None, **fields)

        assert code == reply["error"]["code"]

    def test_parking_where_nothing_is_waited_for_is_refused(
        self, house: House, dana: Program, worker: FakeWorker
    ) -> None:
        trigger(house, dana)

        assert "not-waiting" == worker.ask("park", worker.hears("run"), positions=["9"])["error"]["code"]

    def test_a_frame_that_is_none_is_complained_about(self, worker: FakeWorker) -> None:
        worker.socket.send("{")

        assert "invalid-frame" == worker.hears("error")["error"]["code"]

    def test_who_does_not_say_hello_is_shown_out(self, house: House, dana: Program) -> None:
        with FakeWorker(house, dana) as rude:
            rude.socket.send('[{"id":1,"type":"journal","run":"run_1","generation":1}]')
            with pytest.raises(ConnectionClosed):
                rude.socket.recv(timeout=5)

    @pytest.mark.parametrize("scope", ["create", "complete", "read"])
    def test_other_keys_open_no_socket(self, house: House, scope: str) -> None:
        with pytest.raises(InvalidStatus):
            FakeWorker(house, house.program(house.make_key(scope).secret, house.dev))

    def test_a_key_for_workers_does(self, house: House) -> None:
        with FakeWorker(house, house.program(house.make_key("worker").secret, house.dev)) as worker:
            assert [] == worker.hello()["lost"]


def test_looking_ahead_needs_no_table_scan(house: House, dana: Program) -> None:
    """What the dispatcher asks at every ring is answered by indexes."""
    trigger(house, dana)
    outlook = house.read(handover.look, {dana.environment_id: {TASK, "other"}})

    assert {dana.environment_id} == {*outlook.queued}
    assert outlook.queued[dana.environment_id] <= outlook.now
