"""Answers that wait for one commit are made together on PostgreSQL, and nobody can tell."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.database import Database, Prepared, Unit
from app.events import since
from app.tokens import lifecycle
from app.tokens.lifecycle import AlreadySettled, Answer, NotFound, Settled, Settlement
from app.tokens.models import By, Token
from app.tokens.search import retrieve
from tests.database.worlds import ADA, Gate, create, environment_in, opened
from tests.makers import UNKNOWN_ID

pytestmark = pytest.mark.anyio


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with opened(database_url) as database:
        yield database


async def test_each_is_answered_for_itself(database: Database) -> None:
    """In one batch: the first answer to a token wins, a repeated request hears it again, strangers find nothing."""
    ours, theirs = await environment_in(database), await environment_in(database, "theirs")
    tokens = [(await create(database, ours, tags=("red", "blue"))).token.id for _ in range(4)]
    foreign = (await create(database, theirs)).token.id
    wanted = [
        (tokens[0], ours, Answer(output="1")),
        (tokens[0], ours, Answer(output="2")),
        (tokens[1], ours, Answer(output="3", request_key="again")),
        (tokens[1], ours, Answer(output="3", request_key="again")),
        (tokens[2], ours, Answer(output=None)),
        (foreign, ours, Answer(output="4")),
        (UNKNOWN_ID, ours, Answer(output="5")),
        ("no-id", ours, Answer(output="6")),
    ]

    given = await at_once(database, wanted)

    assert [Settled, AlreadySettled, Settled, Settled, Settled, NotFound, NotFound, NotFound] == [*map(type, given)]
    read = [await database.read(retrieve, token_id) for token_id in [*tokens, foreign]]
    assert ["1", "3", None, None, None] == [token.output for token in read if isinstance(token, Token)]
    assert ["COMPLETED"] * 3 + ["WAITING"] * 2 == [token.status for token in read if isinstance(token, Token)]
    assert {(token_id, tag): "COMPLETED" for token_id in tokens[:3] for tag in ("red", "blue")} == {
        place: status for place, status in (await database.read(_tags)).items() if place[0] in tokens[:3]
    }
    events = Counter(event.subject for event in await database.read(since, 0) if event.kind == "token.completed")
    assert dict.fromkeys(tokens[:3], 1) == events


@pytest.mark.parametrize("seed", range(10))
async def test_together_is_as_one_after_the_other(database: Database, seed: int) -> None:
    """Random batches of completions and withdrawals end as they end when each has a transaction to itself."""
    chance = random.Random(seed)
    environment_id = await environment_in(database)
    twins = [[(await create(database, environment_id, tags=("x",))).token.id for _ in range(5)] for _ in range(2)]
    kinds = [(chance.randrange(5), chance.choice(["complete", "complete", "cancel"])) for _ in range(12)]

    together = await at_once(database, [_wanted(twins[0], environment_id, kind) for kind in enumerate(kinds)])
    alone = [
        (await at_once(database, [wanted]))[0]
        # In the order in which a batch runs: by token, and then as they came.
        for wanted in sorted((_wanted(twins[1], environment_id, kind) for kind in enumerate(kinds)), key=lambda w: w[0])
    ]

    assert Counter(map(_ending, together)) == Counter(map(_ending, alone))
    for first, second in zip(*twins, strict=True):
        one, other = [await database.read(retrieve, token_id) for token_id in (first, second)]
        assert isinstance(one, Token)
        assert isinstance(other, Token)
        assert (one.status, one.output, one.cancel_reason) == (other.status, other.output, other.cancel_reason)


async def test_a_batch_of_answers_is_one_statement(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a round trip for each: neither for the answers, nor for the tags, nor for the waits. SQLite has no round trips."""
    environment_id = await environment_in(database)
    tokens = [(await create(database, environment_id, tags=("x",))).token.id for _ in range(20)]
    statements: list[str] = []
    run = Prepared.run

    def counted(self: Prepared, connection: Any, parameters: Any) -> Any:
        statements.append(str(self._statement))
        return run(self, connection, parameters)

    monkeypatch.setattr(Prepared, "run", counted)
    given = await at_once(database, [(token_id, environment_id, Answer(output="1")) for token_id in tokens])

    assert all(isinstance(settlement, Settled) for settlement in given)
    answers = [statement for statement in statements if "UPDATE tokens" in statement]
    assert (1 if database.is_postgresql else 20) == len(answers)


async def test_an_answer_that_fails_takes_no_other_with_it(database: Database) -> None:
    """Its batch is taken back, with what was done together, and made one by one."""
    environment_id = await environment_in(database)
    tokens = [(await create(database, environment_id)).token.id for _ in range(5)]
    rules = lifecycle.Rules(on_settled=(_fails_for(tokens[2]),))

    async with held(database) as gate:
        calls = [
            database.write(
                lifecycle.settle, token_id, environment_id, Answer(output="1"), ADA, rules, key=f"token:{token_id}"
            )
            for token_id in tokens
        ]
        gate.open()
        given = await asyncio.gather(*calls, return_exceptions=True)

    assert [Settled, Settled, ZeroDivisionError, Settled, Settled] == [*map(type, given)]
    read = [await database.read(retrieve, token_id) for token_id in tokens]
    assert ["COMPLETED", "COMPLETED", "WAITING", "COMPLETED", "COMPLETED"] == [
        token.status for token in read if isinstance(token, Token)
    ]


def _fails_for(token_id: str) -> Any:
    def follow(_db: Unit, token: Token, _by: By) -> None:
        if token.id == token_id:
            raise ZeroDivisionError

    return follow


def _wanted(tokens: Sequence[str], environment_id: str, numbered: tuple[int, tuple[int, str]]) -> Any:
    number, (index, kind) = numbered
    if kind == "cancel":
        return (tokens[index], environment_id, f"by {number}")
    return (tokens[index], environment_id, Answer(output=str(number)))


def _ending(settlement: Settlement) -> tuple[str, str | None]:
    token = getattr(settlement, "token", None)
    return (type(settlement).__name__, token and (token.cancel_reason or token.output))


def _tags(db: Unit) -> dict[tuple[str, str], str]:
    rows = db.connection.exec_driver_sql("SELECT token_id, tag, status FROM token_tags")
    return {(token_id, tag): status for token_id, tag, status in rows}


async def at_once(database: Database, wanted: Sequence[tuple[str, str, Answer | str]]) -> list[Settlement]:
    """Answer, or withdraw with a reason, in one batch."""
    async with held(database) as gate:
        calls = [
            database.write(
                lifecycle.cancel if isinstance(answer, str) else lifecycle.settle,
                token_id,
                environment_id,
                answer,
                ADA,
                key=f"token:{token_id}",
            )
            for token_id, environment_id, answer in wanted
        ]
        gate.open()
        return list(await asyncio.gather(*calls))


@asynccontextmanager
async def held(database: Database) -> AsyncIterator[Gate]:
    """The writer stands still, so that what is asked meanwhile makes one batch."""
    gate = Gate()
    holding = database.write(lambda _db: gate.pass_through())
    await gate.reached()
    yield gate
    await holding
