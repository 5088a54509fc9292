"""What a caller sends must not reach a limit of the database that only one of the two has."""

import asyncio
import random

import pytest

from app.database import Database
from app.tokens.search import Page, Search, search
from tests.database.worlds import create

pytestmark = pytest.mark.anyio

# Characters of four bytes that no compression makes shorter: eight times what an index entry of PostgreSQL may hold.
LONGEST_KEY = "".join(chr(random.Random(number).randrange(0x10000, 0x1FFFF)) for number in range(2048))


async def test_the_longest_key_makes_a_token_and_finds_it(database: Database, environment_id: str) -> None:
    """A key of 2,048 characters is within the contract, whatever the characters are."""
    first = await create(database, environment_id, idempotency_key=LONGEST_KEY)
    again = await create(database, environment_id, idempotency_key=LONGEST_KEY)
    other = await create(database, environment_id, idempotency_key=LONGEST_KEY[:-1] + "x")

    assert (first.token.id, True) == (again.token.id, again.is_cached)
    assert not other.is_cached
    page = await database.read(search, environment_id, Search(idempotency_key=LONGEST_KEY))
    assert isinstance(page, Page)
    assert [(first.token.id, LONGEST_KEY)] == [(token.id, token.idempotency_key) for token in page.tokens]


async def test_a_limit_of_the_database_is_the_callers_alone(database: Database, environment_id: str) -> None:
    """Whatever goes beyond one (here a sequence of nested parentheses) does not make the server unready."""

    def too_deep(db: object) -> None:
        db.connection.exec_driver_sql("SELECT " + "(" * 20_000 + "1" + ")" * 20_000)  # type: ignore[attr-defined]

    results = await asyncio.gather(
        database.write(too_deep),
        *(create(database, environment_id) for _ in range(5)),
        return_exceptions=True,
    )

    assert isinstance(results[0], Exception)
    assert not any(isinstance(result, BaseException) for result in results[1:])
    assert database.failure is None
