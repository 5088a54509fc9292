"""Files that no answer names go after a day, and so does what is left of uploads that never finished."""

import asyncio

import structlog

from ..database import LAST, Database, DatabaseUnavailable
from . import lifecycle
from .stores import Store

_BATCH = 100
_INTERVAL = 600.0  # seconds
log = structlog.get_logger(__name__)


async def sweep_for_ever(database: Database, store: Store) -> None:
    """Sweep now and then, until cancelled. Safe beside other processes."""
    while True:
        try:
            await sweep(database, store)
        except DatabaseUnavailable:
            pass
        except Exception:
            log.exception("the sweeper of files failed and goes on")
        await asyncio.sleep(_INTERVAL)


async def sweep(database: Database, store: Store) -> int:
    """Forget what nobody needs; gives how many files."""
    swept = 0
    while old := await database.read(lifecycle.unwanted, _BATCH):
        gone = [each for each in old if await database.write(lifecycle.forget, each, key=LAST)]
        for file_id in gone:
            await store.remove(file_id)
        swept += len(gone)
        if len(gone) < len(old):
            break  # answers have named some of them meanwhile
    return swept
