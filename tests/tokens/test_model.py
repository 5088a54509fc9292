"""Any order of things that can be done to tokens, against a model of plain dictionaries."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from app.tokens.lifecycle import AlreadySettled, Answer, NewToken, Settled, cancel, create, settle
from app.tokens.models import By, Token
from app.tokens.search import Search, count, retrieve
from tests.makers import House

ADA = By(kind="api_key", door="rest", id="key_ada", name="Ada")


@dataclass
class Modelled:
    """What a token must be."""

    id: str
    tags: tuple[str, ...]
    timeout_at: datetime | None
    status: str = "WAITING"
    output: str | None = None
    completed_at: datetime | None = None
    request: str | None = None

    def at(self, now: datetime) -> "Modelled":
        """An overdue token has timed out, at its deadline."""
        if self.status == "WAITING" and self.timeout_at is not None and self.timeout_at <= now:
            self.status, self.completed_at = "TIMED_OUT", self.timeout_at
            self.output = "TRIGGER_WAITPOINT_TIMEOUT"
        return self


class Tokens(RuleBasedStateMachine):
    """A server and its model, side by side."""

    house: House

    def __init__(self) -> None:
        super().__init__()
        self.standing = ExitStack()
        self.standing.enter_context(self.house.clock.standing())
        self.environment = self.house.make_environment().id
        self.tokens: dict[str, Modelled] = {}
        self.keys: dict[tuple[str, str], tuple[str, datetime, bool]] = {}

    def teardown(self) -> None:
        self.standing.close()

    @property
    def now(self) -> datetime:
        return self.house.clock.now()

    @rule(
        key=st.sampled_from([None, None, "k1", "k2"]),
        request=st.sampled_from([None, None, "r1"]),
        life=st.sampled_from([1, 5]),
        timeout=st.sampled_from([None, 1, 2, 60]),
        tags=st.lists(st.sampled_from("ab"), max_size=3).map(tuple),
    )
    def create(
        self, key: str | None, request: str | None, life: int, timeout: int | None, tags: tuple[str, ...]
    ) -> None:
        new = NewToken(
            timeout=None if timeout is None else timedelta(seconds=timeout),
            tags=tags,
            idempotency_key=key,
            idempotency_key_ttl=timedelta(seconds=life),
            request_key=request,
        )
        held, is_cached = self._held("request", request), False
        if held is not None:
            expected, _, is_cached = held
        else:
            held = self._held("key", key)
            expected, is_cached = (held[0], True) if held is not None else ("", False)

        made = self.house.write(create, self.environment, new, ADA)

        assert is_cached == made.is_cached
        if expected:
            assert expected == made.token.id
        else:
            assert made.token.id not in self.tokens
            self.tokens[made.token.id] = Modelled(
                made.token.id, tags, self.now + timedelta(seconds=timeout) if timeout else None
            )
            if key is not None:
                self.keys["key", key] = (made.token.id, self.now + timedelta(seconds=life), False)
        if request is not None and self._held("request", request) is None:
            self.keys["request", request] = (made.token.id, self.now + timedelta(hours=24), is_cached)

    def _held(self, scope: str, key: str | None) -> tuple[str, datetime, bool] | None:
        held = self.keys.get((scope, key)) if key is not None else None
        return held if held is not None and held[1] > self.now else None

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), output=st.sampled_from([None, "1", '{"a":2}']), request=st.sampled_from([None, "c1", "c2"]))
    def complete(self, data: st.DataObject, output: str | None, request: str | None) -> None:
        token = self._one(data)
        won = token.status == "WAITING"

        answer = Answer(output=output, request_key=request)
        settlement = self.house.write(settle, token.id, self.environment, answer, ADA, self.house.service.rules)

        if won:
            token.status, token.output, token.completed_at, token.request = "COMPLETED", output, self.now, request
        self._was_told(settlement, token, won or (request is not None and request == token.request))

    @precondition(lambda self: self.tokens)
    @rule(data=st.data(), reason=st.sampled_from([None, "sold out"]))
    def cancel(self, data: st.DataObject, reason: str | None) -> None:
        token = self._one(data)
        won = token.status == "WAITING"

        settlement = self.house.write(cancel, token.id, self.environment, reason, ADA, self.house.service.rules)

        if won:
            token.status, token.output, token.completed_at = "TIMED_OUT", "WAITPOINT_CANCELLED", self.now
        self._was_told(settlement, token, won)

    def _was_told(self, settlement: Any, token: Modelled, won: bool) -> None:
        assert isinstance(settlement, Settled if won else AlreadySettled)
        self._is_alike(settlement.token, token)

    @rule(milliseconds=st.sampled_from([1, 999, 1000, 2000, 61_000]))
    def time_passes(self, milliseconds: int) -> None:
        self.house.clock.move(milliseconds=milliseconds)

    @rule()
    def sweep(self) -> None:
        self.house.sweep()

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def look(self, data: st.DataObject) -> None:
        token = self._one(data)
        seen = self.house.certain(retrieve, token.id, self.environment)

        assert seen is not None
        self._is_alike(seen, token)

    @rule()
    def lists_and_counts_agree(self) -> None:
        model = {token_id: token.at(self.now).status for token_id, token in self.tokens.items()}
        for status in ("WAITING", "COMPLETED", "TIMED_OUT"):
            wanted = Search(statuses=(status,), size=100)
            expected = {token_id for token_id, its in model.items() if its == status}
            assert expected == set(chain(*self.house.pages(self.environment, wanted, onwards=True)))
            assert len(expected) == self.house.read(count, self.environment, wanted)

    def _one(self, data: st.DataObject) -> Modelled:
        return self.tokens[data.draw(st.sampled_from(sorted(self.tokens)))].at(self.now)

    def _is_alike(self, seen: Token, token: Modelled) -> None:
        told = (seen.id, seen.tags, seen.status, seen.timeout_at, seen.completed_at)
        assert (token.id, token.tags, token.status, token.timeout_at, token.completed_at) == told
        if token.output is not None and token.status == "TIMED_OUT":
            assert token.output in (seen.output or "")
        else:
            assert token.output == seen.output


def test_whatever_is_done_in_whatever_order_the_model_agrees(house: House) -> None:
    """Create, complete, cancel, time, sweeper, lists and counts: forty stories of thirty steps each."""
    machine = type("Told", (Tokens,), {"house": house})

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
