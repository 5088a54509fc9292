"""From triggered to its end: who may have a run, and whose word counts."""

from datetime import timedelta

import msgspec

from app.runs import lifecycle, waits
from app.runs.lifecycle import FENCED, PARKED_GRACE, NewRun, Unknown
from app.runs.models import Checkpoint, Owner
from tests.database.worlds import ADA
from tests.runs.worlds import LEASE, TASK, World


def test_a_run_is_queued_claimed_and_finished(world: World) -> None:
    """The ordinary life of a run, as its log tells it."""
    run = world.trigger(payload='{"args":[1]}', tags=("a",))

    (claimed,) = world.claim()
    finished = world.finish(claimed, '"published"')

    assert ("QUEUED", 0) == (run.status, run.generation)
    assert ("EXECUTING", 1, "w1", world.clock.now() + LEASE) == (
        claimed.status,
        claimed.generation,
        claimed.owner,
        claimed.lease_until,
    )
    assert ("COMPLETED", '"published"', world.clock.now()) == (finished.status, finished.output, finished.finished_at)
    assert ('{"args":[1]}', ("a",)) == (finished.payload, finished.tags)
    assert ["run.queued", "run.executing", "run.completed"] == world.kinds(run)


class TestClaim:
    def test_the_longest_waiting_come_first_and_no_more_than_there_are_slots(self, world: World) -> None:
        runs = []
        for task in (TASK, "other", TASK, "third"):
            runs.append(world.trigger(task))
            world.clock.move(seconds=1)

        claimed = world.claim(limit=2, tasks=(TASK, "other"))

        assert [runs[0].id, runs[1].id] == [run.id for run in claimed]
        assert [runs[2].id] == [run.id for run in world.claim(limit=2, tasks=(TASK, "other"))]
        assert [] == world.claim(tasks=(TASK, "other"))

    def test_nobody_is_given_runs_of_another_environment(self, world: World) -> None:
        world.trigger()

        assert [] == world.do(lifecycle.claim, "another", "w1", (TASK,), 10, LEASE)

    def test_a_delayed_run_waits_for_its_time(self, world: World) -> None:
        world.trigger(delay=timedelta(minutes=5))

        assert [] == world.claim()
        world.clock.move(minutes=5)
        assert 1 == len(world.claim())

    def test_a_run_that_goes_on_is_its_workers_for_a_moment(self, world: World) -> None:
        """It has the run in memory; if it does not come, another takes over."""
        token = world.token()
        run = world.start("w1")
        world.wait(run, "0", token.id)
        world.park(run, "0")
        world.complete(token.id)

        assert [] == world.claim("w2")
        world.clock.move(seconds=PARKED_GRACE.total_seconds())
        (claimed,) = world.claim("w2")

        assert (run.id, "w2") == (claimed.id, claimed.owner)

    def test_and_that_worker_has_it_at_once(self, world: World) -> None:
        token = world.token()
        run = world.start("w1")
        world.wait(run, "0", token.id)
        world.park(run, "0")
        world.complete(token.id)

        assert [run.id] == [claimed.id for claimed in world.claim("w1")]


class TestFencing:
    """Only the owner of the present generation is heard."""

    def test_a_worker_that_was_away_too_long_commits_nothing(self, world: World) -> None:
        token = world.token()
        stale = world.start("w1")
        world.clock.move(seconds=9)
        world.take_back()
        (run,) = world.claim("w2")

        said = [
            world.step(stale, "0", "1"),
            world.wait(stale, "1", token.id),
            world.sleep(stale, "2", seconds=1),
            world.park(stale, "1"),
            world.finish(stale),
            world.fail(stale),
            world.fail(stale, timedelta(0)),
            world.do(lifecycle.report_problem, world.owner(stale), "no"),
        ]

        assert [FENCED] * len(said) == said
        assert [world.owner(stale)] == world.do(lifecycle.renew, (world.owner(stale), world.owner(run)), LEASE)
        assert [] == world.journal(run)
        assert run == world.read(run)

    def test_a_worker_of_another_environment_is_nobody(self, world: World) -> None:
        run = world.start()
        theirs = Owner(run.id, run.generation, "another")

        assert FENCED == world.do(lifecycle.finish, theirs, None)
        assert FENCED == world.do(lifecycle.owned, theirs)
        assert [theirs] == world.do(lifecycle.renew, (theirs,), LEASE)

    def test_nobody_is_heard_after_the_end(self, world: World) -> None:
        run = world.start()
        world.finish(run, "1")

        assert FENCED == world.finish(run, "2")
        assert "1" == world.read(run).output


class TestLeases:
    def test_a_lost_run_is_anybodys(self, world: World) -> None:
        run = world.start("w1")
        world.step(run, "0", "1")

        assert [] == world.take_back()
        world.clock.move(seconds=8)
        (taken,) = world.take_back()
        (again,) = world.claim("w2")

        assert ("QUEUED", 2, None) == (taken.status, taken.generation, taken.owner)
        assert (run.id, 3, 1) == (again.id, again.generation, again.attempt)
        assert [Checkpoint("0", "step", "1")] == world.journal(again)

    def test_a_heartbeat_keeps_it(self, world: World) -> None:
        run = world.start("w1")
        world.clock.move(seconds=7)
        assert [] == world.do(lifecycle.renew, (world.owner(run),), LEASE)
        world.clock.move(seconds=7)

        assert [] == world.take_back()


class TestFailing:
    def test_a_failure_ends_the_run(self, world: World) -> None:
        failed = world.fail(world.start())

        assert ("FAILED", '{"type":"ValueError","message":"no"}') == (failed.status, failed.error)

    def test_a_retry_comes_after_its_backoff_and_keeps_the_journal(self, world: World) -> None:
        run = world.start("w1")
        world.step(run, "0", "1")
        retried = world.fail(run, timedelta(seconds=30))

        assert ("QUEUED", 2) == (retried.status, retried.attempt)
        assert [] == world.claim("w1")
        world.clock.move(seconds=30)
        (again,) = world.claim("w2")
        assert 2 == again.attempt
        assert Checkpoint("0", "step", "1") == world.step(again, "0", "2")

    def test_changed_code_keeps_the_run_resumable(self, world: World) -> None:
        """It waits with its problem, and is tried again by the next worker that comes."""
        run = world.start("w1")
        world.do(lifecycle.report_problem, world.owner(run), "step 3: expected `send`, found `charge`")
        stuck = world.read(run)

        assert ("WAITING", None) == (stuck.status, stuck.owner)
        assert "expected `send`" in (stuck.problem or "")
        assert [] == world.do(lifecycle.try_again, world.environment_id, ("other",))
        assert [run.id] == [again.id for again in world.do(lifecycle.try_again, world.environment_id, (TASK,))]
        (again,) = world.claim("w2")
        assert None is again.problem

    def test_runs_that_stay_broken_leave_others_their_turn(self, world: World) -> None:
        """However many they are: those that were tried longest ago come first."""
        runs = [world.start() for _ in range(3)]
        tried = []
        for run in runs:
            world.do(lifecycle.report_problem, world.owner(run), "no")
        for _ in range(3):
            world.clock.move(seconds=1)
            world.do(lifecycle.try_again, world.environment_id, (TASK,), 1)
            (again,) = world.claim()
            world.do(lifecycle.report_problem, world.owner(again), "no")
            tried.append(again.id)

        assert {run.id for run in runs} == {*tried}


class TestCancel:
    def test_a_run_is_cancelled_wherever_it_is(self, world: World) -> None:
        token = world.token()
        executing = world.start()
        queued = world.trigger()
        waiting, *_ = world.claim("w1")
        assert waiting.id == queued.id
        world.wait(waiting, "0", token.id)
        world.park(waiting, "0")
        queued = world.trigger()

        ended = [world.cancel(run) for run in (executing, waiting, queued)]

        assert ["CANCELED"] * 3 == [run.status for run in ended]
        assert FENCED == world.finish(executing)
        world.complete(token.id)
        assert [] == world.claim()
        assert {} == world.broken_rules()

    def test_a_finished_run_stays_as_it_is(self, world: World) -> None:
        run = world.start()
        world.finish(run, "1")

        assert ("COMPLETED", "1") == ((ended := world.cancel(run)).status, ended.output)

    def test_another_environments_run_is_unknown(self, world: World) -> None:
        run = world.trigger()

        assert Unknown() == world.do(lifecycle.cancel, run.id, "another", ADA)
        assert Unknown() == world.do(lifecycle.cancel, "run_1", world.environment_id, ADA)

    def test_what_it_asks_is_withdrawn_in_the_same_transaction(self, world: World) -> None:
        """Unless another run waits for it; and the log says by whom."""
        run, other = world.start(), world.start()
        asked, shared = world.asked(run, "0"), world.asked(run, "1")
        world.wait(run, "2", asked.id, shared.id)
        world.park(run, "2")
        world.wait(other, "0", shared.id)

        world.cancel(run)

        withdrawn = world.settled(asked.id)
        assert "The run that asked was cancelled." == withdrawn.cancel_reason
        assert withdrawn.cancelled_at == world.read(run).finished_at
        assert ["token.created", "token.cancelled"] == world.kinds(asked)
        assert ["token.created"] == world.kinds(shared)
        assert {} == world.broken_rules()
        assert "CANCELED" == world.cancel(run).status

    def test_a_write_that_cancels_is_put_in_order_by_what_it_locks_first(self, world: World) -> None:
        run = world.start()
        answered, first, second = (world.asked(run, str(number)) for number in range(3))
        world.cancel_token(answered.id)

        assert min(first.id, second.id) == world.do(lifecycle.first_asked, run.id)
        assert world.do(lifecycle.first_asked, world.trigger().id) is None


class TestRetry:
    def test_a_failed_run_is_queued_once_more_with_its_journal(self, world: World) -> None:
        stale = world.start()
        world.step(stale, "1", "1")
        world.fail(stale)

        run = world.retry(stale)

        assert ("QUEUED", 2, None, None) == (run.status, run.attempt, run.finished_at, run.owner)
        assert ["1"] == [checkpoint.position for checkpoint in world.journal(run)]
        assert FENCED == world.finish(stale)
        (claimed,) = world.claim("w2")
        assert "COMPLETED" == world.finish(claimed).status
        assert {} == world.broken_rules()

    def test_a_cancelled_run_opens_its_waits_again(self, world: World) -> None:
        token = world.token()
        run = world.start()
        world.wait(run, "1", token.id)
        world.park(run, "1")
        world.cancel(run)

        world.retry(run)

        (claimed,) = world.claim()
        world.wait(claimed, "1", token.id)
        world.park(claimed, "1")
        world.complete(token.id)
        assert "QUEUED" == world.read(run).status

    def test_any_other_run_stays_as_it_is(self, world: World) -> None:
        executing = world.start()
        assert executing == world.retry(executing)
        world.finish(executing, "1")
        queued = world.trigger()

        assert queued == world.retry(queued)
        assert ("COMPLETED", "1") == ((ended := world.retry(executing)).status, ended.output)

    def test_what_a_parent_was_told_stands(self, world: World) -> None:
        """The token of the child's end was settled by its first end."""
        parent = world.start()
        new = NewRun(task="child", payload="{}")
        made = world.do(waits.trigger_child, world.owner(parent), "1", new, ADA)
        assert isinstance(made, Checkpoint)
        child_id, token_id = msgspec.json.decode(made.result or "").values()
        (child,) = world.claim(tasks=("child",))
        world.fail(child)

        world.retry(child)
        world.finish(world.claim(tasks=("child",))[0], '"late"')

        assert "COMPLETED" == world.read(child_id).status
        assert world.settled(token_id).output_is_error

    def test_another_environments_run_is_unknown(self, world: World) -> None:
        run = world.trigger()

        assert Unknown() == world.do(lifecycle.retry, run.id, "another", ADA)


class TestKeys:
    def test_the_same_key_gives_the_same_run_of_a_task(self, world: World) -> None:
        first = self._trigger(world, idempotency_key="k")
        world.finish(world.claim()[0])
        second = self._trigger(world, idempotency_key="k")
        other = self._trigger(world, "other", idempotency_key="k")

        assert (first.run.id, True, "COMPLETED") == (second.run.id, second.is_cached, second.run.status)
        assert (False, False) == (first.is_cached, other.is_cached)

    def test_a_key_expires(self, world: World) -> None:
        first = self._trigger(world, idempotency_key="k", idempotency_key_ttl=timedelta(minutes=1))
        world.clock.move(minutes=1)
        second = self._trigger(world, idempotency_key="k")

        assert first.run.id != second.run.id
        assert second.run.id == self._trigger(world, idempotency_key="k").run.id

    def test_a_repeated_request_makes_no_second_run(self, world: World) -> None:
        first = self._trigger(world, request_key="r", idempotency_key="k")
        second = self._trigger(world, request_key="r", idempotency_key="k")

        assert (first.run.id, False) == (second.run.id, second.is_cached)

    def _trigger(self, world: World, task: str = TASK, **options: object) -> lifecycle.Triggered:
        new = NewRun(task=task, payload="{}", **options)  # type: ignore[arg-type]
        return world.do(lifecycle.trigger, world.environment_id, new, ADA)
