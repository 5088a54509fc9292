"""Waiting, alone and for several: whenever the answer comes, the run goes on, once."""

from datetime import timedelta

import msgspec
import pytest

from app.runs import waits
from app.runs.lifecycle import FENCED, NewRun
from app.runs.models import Checkpoint, Run
from app.runs.waits import Ended, NoSuchToken, NotWaiting, Parked, Waiting
from app.tokens.lifecycle import NewToken
from app.tokens.models import Token
from app.tokens.search import Page, Search, count, search
from tests.database.worlds import ADA
from tests.runs.worlds import World


def ids(ended: Ended) -> list[str]:
    return [token.id for token in ended.tokens]


class TestAnAnswer:
    """Before, during and after the wait begins."""

    def test_before_it_is_simply_returned(self, world: World) -> None:
        token = world.token()
        run = world.start()
        world.complete(token.id, '{"approved":true}')

        ended = world.wait(run, "0", token.id)

        assert ['{"approved":true}'] == [token.output for token in ended.tokens]
        assert FENCED != world.finish(run)

    def test_between_the_wait_and_the_parking_it_keeps_the_run_where_it_is(self, world: World) -> None:
        token = world.token()
        run = world.start()
        assert Waiting() == world.wait(run, "0", token.id)
        world.complete(token.id)

        going_on = world.park(run, "0")

        assert [("0", [token.id])] == [(position, [t.id for t in tokens]) for position, tokens in going_on.ended]
        assert run == world.read(run)

    def test_after_the_parking_it_queues_the_run(self, world: World) -> None:
        token = world.token()
        run = world.start()
        world.wait(run, "0", token.id)
        assert Parked() == world.park(run, "0")
        assert "WAITING" == world.read(run).status
        world.complete(token.id)

        (again,) = world.claim()

        assert (run.id, run.generation + 2) == (again.id, again.generation)
        assert [token.id] == ids(world.wait(again, "0", token.id))
        assert ["run.queued", "run.executing", "run.waits", "run.waiting", "run.woken", "run.executing"] == world.kinds(
            run
        )

    @pytest.mark.parametrize("end", ["cancel", "deadline"])
    def test_a_token_that_ends_otherwise_is_an_answer_too(self, world: World, end: str) -> None:
        token = world.token(timeout=timedelta(minutes=1))
        run = world.start()
        world.wait(run, "0", token.id)
        world.park(run, "0")
        if end == "cancel":
            world.cancel_token(token.id)
        else:
            world.clock.move(minutes=1)
            world.sweep()

        (again,) = world.claim()
        (seen,) = world.wait(again, "0", token.id).tokens

        assert ("TIMED_OUT", True) == (seen.status, seen.output_is_error)

    def test_an_overdue_token_has_timed_out_before_the_sweeper_comes(self, world: World) -> None:
        token = world.token(timeout=timedelta(minutes=1))
        run = world.start()
        world.clock.move(minutes=1)

        (seen,) = world.wait(run, "0", token.id).tokens

        assert "TIMED_OUT" == seen.status
        world.sweep()
        assert "QUEUED" != world.read(run).status

    def test_while_another_branch_is_busy_the_run_stays_with_its_worker(self, world: World) -> None:
        token = world.token()
        run = world.start()
        world.wait(run, "1.0", token.id)
        world.complete(token.id)

        assert Checkpoint("2.0", "step", "1") == world.step(run, "2.0", "1")
        assert ["EXECUTING", run.generation] == [(now := world.read(run)).status, now.generation]

    def test_after_a_crash_it_is_in_the_journal(self, world: World) -> None:
        token = world.token()
        run = world.start("w1")
        world.wait(run, "0", token.id)
        world.clock.move(seconds=9)
        world.take_back()
        world.complete(token.id)
        (again,) = world.claim("w2")

        (checkpoint,) = world.journal(again)

        assert ("0", "wait", (token.id,)) == (checkpoint.position, checkpoint.name, checkpoint.token_ids)


class TestSeveral:
    def test_all_wake_the_run_with_the_last(self, world: World) -> None:
        """In the order in which they were named, not in which they came."""
        first, second = world.token(), world.token()
        run = self._parked(world, second, first, mode="all")

        world.complete(first.id)
        assert [] == world.claim()
        world.complete(second.id)
        (again,) = world.claim()

        assert [second.id, first.id] == ids(world.wait(again, "0", second.id, first.id))
        assert run.id == again.id

    def test_any_wakes_the_run_with_the_first_and_remembers_which(self, world: World) -> None:
        first, second = world.token(), world.token()
        self._parked(world, first, second, mode="any")

        world.complete(second.id)
        (again,) = world.claim()
        world.complete(first.id)

        assert [second.id] == ids(world.wait(again, "0", first.id, second.id, mode="any"))
        assert {} == world.broken_rules()

    def test_two_runs_may_wait_for_one_token(self, world: World) -> None:
        token = world.token()
        runs = {self._parked(world, token, mode="all").id, self._parked(world, token, mode="all").id}

        world.complete(token.id)

        assert runs == {run.id for run in world.claim()}

    def test_one_token_twice_is_one_token(self, world: World) -> None:
        token = world.token()
        run = world.start()
        assert Waiting() == world.wait(run, "0", token.id, token.id)
        world.complete(token.id)

        assert [token.id] == ids(world.wait(run, "0", token.id, token.id))

    def test_an_unknown_token_is_named(self, world: World) -> None:
        run, token = world.start(), world.token()

        assert NoSuchToken("waitpoint_1") == world.wait(run, "0", token.id, "waitpoint_1")

    def _parked(self, world: World, *tokens: Token, mode: str) -> Run:
        run = world.start()
        world.wait(run, "0", *(token.id for token in tokens), mode=mode)
        world.park(run, "0")
        return run


class TestReplay:
    def test_a_wait_that_is_open_is_opened_again(self, world: World) -> None:
        token = world.token()
        run = world.start("w1")
        world.wait(run, "0", token.id)
        world.clock.move(seconds=9)
        world.take_back()
        (again,) = world.claim("w2")

        assert Waiting() == world.wait(again, "0", token.id)
        assert Parked() == world.park(again, "0")
        world.complete(token.id)
        assert [run.id] == [claimed.id for claimed in world.claim("w2")]

    def test_a_wait_that_is_open_on_an_overdue_token_ends_once(self, world: World) -> None:
        """The replay sees that the deadline has passed before the sweeper has come by."""
        token = world.token(timeout=timedelta(seconds=5))
        run = world.start("w1")
        world.wait(run, "0", token.id)
        world.clock.move(seconds=9)
        world.take_back()
        (again,) = world.claim("w2")

        assert [token.id] == ids(world.wait(again, "0", token.id))
        assert 1 == world.sweep()
        assert 1 == len(world.journal(run))

    def test_a_token_and_a_child_are_made_once(self, world: World) -> None:
        run = world.start("w1")
        new, child = NewToken(timeout=None), NewRun(task="child", payload="{}")
        made = [world.do(waits.create_token, world.owner(run), "0", new, ADA) for _ in range(2)]
        made += [world.do(waits.trigger_child, world.owner(run), "1", child, ADA) for _ in range(2)]

        assert made[0] == made[1]
        assert made[2] == made[3]
        assert 1 == len(world.claim("w2", tasks=("child",)))

    def test_nobody_is_parked_where_nothing_was_waited_for(self, world: World) -> None:
        run = world.start()

        assert NotWaiting("7") == world.park(run, "7")
        assert NotWaiting("") == world.park(run)
        assert "EXECUTING" == world.read(run).status


class TestSleep:
    def test_a_sleep_ends_with_its_instant_and_without_tokens(self, world: World) -> None:
        run = world.start("w1")
        assert Waiting() == world.sleep(run, "0", minutes=1)
        world.park(run, "0")
        world.clock.move(seconds=59)
        assert 0 == world.sweep()
        world.clock.move(seconds=1)
        world.sweep()

        (again,) = world.claim("w1")

        assert Ended(()) == world.sleep(again, "0", minutes=1)
        assert ("0", "sleep") == ((done := world.journal(run)[0]).position, done.name)
        assert () == world.do(waits.tokens_in, done)

    def test_a_sleep_that_began_before_goes_on(self, world: World) -> None:
        """A replay sleeps to the end of the first sleep and not from the beginning."""
        run = world.start("w1")
        world.sleep(run, "0", seconds=20)
        world.clock.move(seconds=9)
        world.take_back()
        (again,) = world.claim("w2")
        assert Waiting() == world.sleep(again, "0", seconds=20)
        world.park(again, "0")
        world.clock.move(seconds=11)

        assert 1 == world.sweep()
        assert 1 == len(world.claim("w2"))

    def test_a_sleep_until_the_past_is_none(self, world: World) -> None:
        run = world.start()

        assert Ended(()) == world.sleep(run, "0", seconds=-1)

    def test_nobody_lists_or_counts_a_sleep(self, world: World) -> None:
        run = world.start()
        world.sleep(run, "0", minutes=1)
        listed = world.token()

        for status in ((), ("WAITING",)):
            page = world.do(search, world.environment_id, Search(statuses=status))
            assert isinstance(page, Page)
            assert [listed.id] == [token.id for token in page.tokens]
            assert 1 == world.do(count, world.environment_id, Search(statuses=status))
        world.clock.move(minutes=1)
        page = world.do(search, world.environment_id, Search(statuses=("TIMED_OUT",)))
        assert isinstance(page, Page)
        assert [] == page.tokens


class TestChildren:
    @pytest.mark.parametrize("end", ["finish", "fail", "cancel"])
    def test_the_end_of_a_child_wakes_its_parent(self, world: World, end: str) -> None:
        parent = world.start("w1")
        made = world.do(waits.trigger_child, world.owner(parent), "0", NewRun(task="child", payload="{}"), ADA)
        token_id = world.do(_token_of, made)
        world.wait(parent, "1", token_id)
        world.park(parent, "1")
        (child,) = world.claim("w2", tasks=("child",))

        {
            "finish": lambda: world.finish(child, '"done"'),
            "fail": lambda: world.fail(child),
            "cancel": lambda: world.cancel(child),
        }[end]()
        (again,) = world.claim("w1")
        (seen,) = world.wait(again, "1", token_id).tokens

        assert (parent.id, parent.id) == (again.id, world.read(child).parent_id)
        assert ("RUN", end != "finish") == (seen.kind, seen.output_is_error)
        assert {} == world.broken_rules()


def _token_of(_db: object, checkpoint: Checkpoint) -> str:
    return str(msgspec.json.decode(checkpoint.result or "{}")["token"])
