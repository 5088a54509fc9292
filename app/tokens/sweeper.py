"""Timing out: a query on the deadline's index, asked again when the next deadline comes."""

import asyncio
from datetime import timedelta

import structlog

from ..database import Database, DatabaseUnavailable
from .lifecycle import Rules, time_out_overdue
from .search import next_deadline

_BATCH = 500  # tokens in one transaction, so that others get their turn
_LONGEST_SLEEP = timedelta(seconds=0.5)  # a token made meanwhile may have an earlier deadline
_RETRY = 1.0  # seconds until a database that failed is asked again
log = structlog.get_logger(__name__)


async def sweep_for_ever(database: Database, rules: Rules) -> None:
    """Time out every token whose moment has passed, soon after it, until cancelled. Safe beside other processes."""
    while True:
        try:
            await asyncio.sleep(await _time_until_due(database))
            while await database.write(time_out_overdue, _BATCH, rules, key="token:") == _BATCH:
                pass
        except DatabaseUnavailable:
            await asyncio.sleep(_RETRY)
        except Exception:
            log.exception("the sweeper failed and goes on")
            await asyncio.sleep(_RETRY)


async def _time_until_due(database: Database) -> float:
    """Seconds to sleep until some token is overdue, or until it is time to look again."""
    while True:
        deadline = await database.read(next_deadline)
        left = _LONGEST_SLEEP if deadline is None else deadline - database.clock.now()
        if left < _LONGEST_SLEEP:
            return max(0.0, left.total_seconds())
        await asyncio.sleep(_LONGEST_SLEEP.total_seconds())
