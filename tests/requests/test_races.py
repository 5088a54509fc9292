"""An amendment, an answer and a default answer at the same moment, forced: whoever commits first has won, and the
other is told the truth. On SQLite through one writer, on PostgreSQL through two processes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import pytest

from app.database import Database, Unit
from app.requests import lifecycle as requests
from app.requests.lifecycle import Amended, asked_in
from app.requests.rights import may_answer
from app.tokens import lifecycle
from app.tokens.lifecycle import AlreadySettled, Answer, Changed, NewToken, Rules, Settled, Unchecked
from app.tokens.models import By, Token
from tests.database.worlds import ADA, Gate, environment_in, opened
from tests.databases import DatabaseMaker
from tests.fixtures import KINDS
from tests.makers import House, Program
from tests.requests.conftest import ask, settle

pytestmark = pytest.mark.anyio

RULES = Rules(on_created=(requests.ask,), may_answer=(may_answer,), on_settled=(requests.follow,))
YES, NO = '{"approved":true}', '{"approved":false}'
ANSWER = Answer(output=YES, checked_version=1)
DEFAULT = {"title": "Publish?", "onTimeout": {"output": {"approved": False}}}


class World:
    """One token with a request, and one who is held in the middle of a transaction while another comes."""

    def __init__(self, first: Database, second: Database, environment_id: str, token: Token) -> None:
        self.first = first
        self.second = second
        self.environment_id = environment_id
        self.token = token

    async def race(self, first: Callable[[Unit], Any], second: Callable[[Unit], Any]) -> tuple[Any, Any]:
        """What both are told: the first has done its work and not yet committed when the second comes."""
        gate = Gate()

        def held(db: Unit) -> Any:
            outcome = first(db)
            gate.pass_through()
            return outcome

        key = f"token:{self.token.id}"
        early = asyncio.ensure_future(self.first.write(held, key=key))
        await gate.reached()
        late = asyncio.ensure_future(self.second.write(second, key=key))
        await asyncio.sleep(0.05)  # so that it waits, if it has to; it is told the same if it comes later
        gate.open()
        return await early, await late

    def answer(self, answer: Answer = ANSWER) -> Callable[[Unit], Any]:
        return lambda db: lifecycle.settle(db, self.token.id, self.environment_id, answer, ADA, RULES)

    def amend(self, **request: Any) -> Callable[[Unit], Any]:
        new = asked_in(request)
        return lambda db: requests.amend(db, self.token.id, self.environment_id, new, 1, ADA)

    def bring_forward(self) -> Callable[[Unit], Any]:
        """The default answer, now."""
        return lambda db: lifecycle.time_out(db, self.token.id, self.environment_id, ADA, RULES)


@pytest.fixture(params=KINDS)
async def world(request: pytest.FixtureRequest, make_database: DatabaseMaker) -> AsyncIterator[World]:
    with make_database(request.param) as url:
        async with AsyncExitStack() as stack:
            first = await stack.enter_async_context(opened(url))
            second = first if request.param == "sqlite" else await stack.enter_async_context(opened(url))
            yield await a_world(first, second, timedelta(hours=1))


async def a_world(first: Database, second: Database, timeout: timedelta) -> World:
    environment_id = await environment_in(first)
    asked = asked_in(DEFAULT)
    new = NewToken(timeout=timeout, request=asked, default_output=asked.default_output)
    created = await first.write(lifecycle.create, environment_id, new, ADA, RULES)
    return World(first, second, environment_id, created.token)


async def test_an_answer_behind_an_amendment_is_checked_again(world: World) -> None:
    """It was checked against what is asked no more."""
    amended, answered = await world.race(world.amend(title="Delete?"), world.answer())

    assert isinstance(amended, Amended)
    assert Unchecked() == answered


async def test_a_person_who_saw_the_old_question_is_told(world: World) -> None:
    seen = Answer(output=YES, checked_version=1, seen_version=1)

    _, answered = await world.race(world.amend(title="Delete?"), world.answer(seen))

    assert Changed(2) == answered


async def test_an_amendment_behind_an_answer_comes_too_late(world: World) -> None:
    answered, amended = await world.race(world.answer(), world.amend(title="Delete?"))

    assert isinstance(answered, Settled)
    assert isinstance(amended, AlreadySettled)
    assert YES == amended.token.output


async def test_of_two_amendments_of_one_version_one_stands(world: World) -> None:
    first, second = await world.race(world.amend(title="Delete?"), world.amend(title="Keep?"))

    assert isinstance(first, Amended)
    assert Changed(2) == second


async def test_an_answer_behind_the_default_answer_comes_too_late(world: World) -> None:
    defaulted, answered = await world.race(world.bring_forward(), world.answer())

    assert isinstance(defaulted, Settled)
    assert isinstance(answered, AlreadySettled)
    assert (NO, True) == (answered.token.output, answered.token.is_default)


async def test_the_default_answer_behind_an_answer_comes_too_late(world: World) -> None:
    answered, defaulted = await world.race(world.answer(), world.bring_forward())

    assert isinstance(answered, Settled)
    assert isinstance(defaulted, AlreadySettled)
    assert (YES, False) == (defaulted.token.output, defaulted.token.is_default)


async def test_a_default_answer_is_the_amended_one(world: World) -> None:
    changed = world.amend(title="Publish?", onTimeout={"output": {"approved": True}})

    _, defaulted = await world.race(changed, world.bring_forward())

    assert (YES, True) == (defaulted.token.output, defaulted.token.is_default)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_deadline_that_has_passed_has_won(kind: str, make_database: DatabaseMaker) -> None:
    """With the default answer, whether or not the sweeper has come by."""
    with make_database(kind) as url:
        async with opened(url) as database:
            world = await a_world(database, database, timedelta(milliseconds=1))
            await asyncio.sleep(0.01)

            before = await database.write(world.answer(), key=f"token:{world.token.id}")
            swept = await database.write(lifecycle.time_out_overdue, 10, RULES)
            after = await database.write(world.answer(), key=f"token:{world.token.id}")

    assert 1 == swept
    assert before == after
    assert isinstance(before, AlreadySettled)
    assert (NO, True) == (before.token.output, before.token.is_default)


def test_an_answer_is_checked_until_it_fits_what_is_asked_now(
    house: House, ada: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Amended between the check and the record: the answer goes round once more, and is judged by the new question."""
    service = house.service
    check = type(service.questions).check
    checked: list[int | None] = []

    async def amended_meanwhile(self: Any, token_id: str, answer: Answer, within: str) -> Answer:
        found: Answer = await check(self, token_id, answer, within)
        checked.append(found.checked_version)
        if len(checked) == 1:
            new = asked_in({"title": "Delete?"})
            await service.database.write(requests.amend, token_id, ada.environment_id, new, 1, ADA)
        return found

    monkeypatch.setattr(type(service.questions), "check", amended_meanwhile)
    token = ask(ada, title="Publish?")

    settled = settle(house, token.id, ada.environment_id, {"approved": True}, By(kind="callback", door="callback"))

    assert isinstance(settled, Settled)
    assert [1, 2] == checked
