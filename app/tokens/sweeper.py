"""Timing out: a query on the deadline's index, asked again when the next deadline comes."""

import asyncio
import math

import structlog

from ..database import LAST, Database, DatabaseUnavailable
from .lifecycle import Rules, meet_deadline, overdue, time_out_overdue
from .search import time_left

_BATCH = 500  # tokens in one transaction, so that others get their turn
_LONGEST_SLEEP = 0.5  # seconds: a token made meanwhile may have an earlier deadline
_SHORTEST_SLEEP = 0.01  # seconds: whoever holds an overdue token needs a moment to let go of it
_RETRY = 1.0  # seconds until a database that failed is asked again
log = structlog.get_logger(__name__)


async def sweep_for_ever(database: Database, rules: Rules) -> None:
    """Time out every token whose moment has passed, soon after it, until cancelled. Safe beside other processes."""
    while True:
        try:
            await _sleep_until_due(database)
            await _sweep(database, rules)
        except DatabaseUnavailable:
            await asyncio.sleep(_RETRY)
        except Exception:
            log.exception("the sweeper failed and goes on")
            await asyncio.sleep(_RETRY)


async def _sleep_until_due(database: Database) -> None:
    while (seconds := await _seconds_left(database)) > _LONGEST_SLEEP:  # noqa: ASYNC110 - a database has no event
        await asyncio.sleep(_LONGEST_SLEEP)
    await asyncio.sleep(max(seconds, _SHORTEST_SLEEP))


async def _seconds_left(database: Database) -> float:
    left = await database.read(time_left)
    return math.inf if left is None else left.total_seconds()


async def _sweep(database: Database, rules: Rules) -> None:
    try:
        while await database.write(time_out_overdue, _BATCH, rules, key=LAST) == _BATCH:
            pass
    except DatabaseUnavailable:
        raise
    except Exception:
        log.exception("a sweep failed; its tokens are timed out one by one")
        await _sweep_one_by_one(database, rules)


async def _sweep_one_by_one(database: Database, rules: Rules) -> None:
    """A token that cannot be settled must not keep the others waiting."""
    for token in await database.read(overdue, _BATCH):
        try:
            await database.write(meet_deadline, token, rules, key=f"token:{token.id}")
        except DatabaseUnavailable:
            raise
        except Exception as error:
            log.exception("a token cannot be timed out", token=token.id, exc_info=error)
    await asyncio.sleep(_RETRY)
