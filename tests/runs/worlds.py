"""Runs without a server around them: transactions one after the other, on a connection and a clock of the test's own."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, text

from app import models as _models  # noqa: F401 - every table must be known
from app.admin.doctor import _RULES
from app.database import Unit
from app.environments import environments
from app.events import append
from app.runs import inputs, journal, lifecycle, waits
from app.runs.lifecycle import NewRun
from app.runs.models import Checkpoint, Owner, Run
from app.tokens import lifecycle as tokens
from app.tokens import search as tokens_search
from app.tokens.lifecycle import Answer, NewToken, Rules, Settlement
from app.tokens.models import Token
from tests.database.worlds import ADA, HandClock

RULES = Rules(on_settled=(waits.wake_runs,))
LEASE = timedelta(seconds=8)
TASK = "moderation"

T = TypeVar("T")


class World:
    """One environment, asked one thing after the other."""

    def __init__(self, connection: Connection, clock: HandClock) -> None:
        self.connection = connection
        self.clock = clock
        self.environment_id = self.do(environments.ensure, "dev").id

    def do(self, function: Callable[..., T], *arguments: Any) -> T:
        """One transaction, as the writer makes it."""
        transaction = self.connection.begin() if not self.connection.in_transaction() else None
        unit = Unit(self.connection, lambda _: self.clock.now(), writes=True)
        result = function(unit, *arguments)
        unit.flush()
        if unit.records:
            append(self.connection, unit.records)
        if transaction is not None:
            transaction.commit()
        return result

    def token(self, **options: Any) -> Token:
        new = NewToken(**{"timeout": None, **options})
        return self.do(tokens.create, self.environment_id, new, ADA).token

    def asked(self, run: Run, position: str, **options: Any) -> Token:
        """A question that a run asks."""
        new = NewToken(**{"timeout": None, "request": "a request", **options})
        made = self.do(waits.create_token, self.owner(run), position, new, lifecycle.WORKER, RULES)
        assert isinstance(made, Checkpoint)
        found = self.do(tokens_search.retrieve, msgspec.json.decode(made.result or "")["id"])
        assert isinstance(found, Token)
        return found

    def complete(self, token_id: str, output: str = '"yes"') -> Settlement:
        return self.do(tokens.settle, token_id, self.environment_id, Answer(output=output), ADA, RULES)

    def cancel_token(self, token_id: str) -> Settlement:
        return self.do(tokens.cancel, token_id, self.environment_id, None, ADA, RULES)

    def sweep(self) -> int:
        return self.do(tokens.time_out_overdue, 100, RULES)

    def trigger(self, task: str = TASK, **options: Any) -> Run:
        return self.do(
            lifecycle.trigger, self.environment_id, NewRun(**{"task": task, "payload": "{}", **options}), ADA
        ).run

    def claim(
        self, worker: str = "w1", limit: int = 10, tasks: tuple[str, ...] = (TASK,), lease: timedelta = LEASE
    ) -> list[Run]:
        return self.do(lifecycle.claim, self.environment_id, worker, tasks, limit, lease)

    def start(self, worker: str = "w1", **options: Any) -> Run:
        """A run that a worker executes."""
        run = self.trigger(**options)
        (claimed,) = self.claim(worker)
        assert claimed.id == run.id
        return claimed

    def wait(self, run: Run, position: str, *token_ids: str, mode: str = "all") -> Any:
        return self.do(waits.open_wait, self.owner(run), position, token_ids, mode)

    def sleep(self, run: Run, position: str, **length: float) -> Any:
        return self.do(waits.sleep, self.owner(run), position, self.clock.now() + timedelta(**length))

    def input(self, run: Run, position: str, timeout: timedelta | None = None) -> Any:
        return self.do(inputs.open_input, self.owner(run), position, "message", timeout)

    def send(self, run_id: str, output: str = '"hello"') -> Any:
        return self.do(inputs.send, run_id, self.environment_id, "message", Answer(output=output), ADA, RULES)

    def give_up(self, run: Run) -> Any:
        return self.do(lifecycle.give_up, self.owner(run))

    def park(self, run: Run, *positions: str) -> Any:
        return self.do(waits.park, self.owner(run), positions)

    def step(self, run: Run, position: str, result: str) -> Any:
        return self.do(journal.record_step, self.owner(run), Checkpoint(position, "step", result=result))

    def finish(self, run: Run, output: str | None = "null") -> Any:
        return self.do(lifecycle.finish, self.owner(run), output, RULES)

    def fail(self, run: Run, retry_in: timedelta | None = None) -> Any:
        return self.do(lifecycle.fail, self.owner(run), '{"type":"ValueError","message":"no"}', retry_in, RULES)

    def cancel(self, run: Run) -> Any:
        return self.do(lifecycle.cancel, run.id, self.environment_id, ADA, RULES)

    def retry(self, run: Run) -> Any:
        return self.do(lifecycle.retry, run.id, self.environment_id, ADA)

    def take_back(self) -> list[Run]:
        return self.do(lifecycle.take_back_lost, 100)

    def renew(self, runs: list[Run]) -> list[Owner]:
        """A heartbeat; gives what is lost."""
        return self.do(lifecycle.renew, tuple(self.owner(run) for run in runs), LEASE)

    def owner(self, run: Run) -> Owner:
        return Owner(run.id, run.generation, run.environment_id)

    def read(self, run: Run | str) -> Run:
        found = self.do(lifecycle.retrieve, run if isinstance(run, str) else run.id, self.environment_id)
        assert found is not None
        return found

    def settled(self, token_id: str) -> Token:
        """A token that has ended."""
        token = self.do(tokens_search.retrieve, token_id)
        assert isinstance(token, Token)
        assert token.is_settled
        return token

    def journal(self, run: Run) -> list[Checkpoint]:
        return self.do(journal.of_run, run.id)

    def kinds(self, run: Run | Token) -> list[str]:
        """What the log says about a run, or a token."""
        rows = self.connection.execute(text("SELECT kind FROM events WHERE subject = :id ORDER BY seq"), {"id": run.id})
        kinds = [row.kind for row in rows]
        self.connection.commit()
        return kinds

    def broken_rules(self) -> dict[str, int]:
        """What the doctor would complain about."""
        found = {says: self.connection.execute(text(rule)).scalar_one() for rule, says in _RULES.items()}
        return {says: count for says, count in found.items() if count}
