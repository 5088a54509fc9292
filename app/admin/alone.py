"""Operations where no server runs: this process takes the database itself."""

import asyncio
from typing import Any

from ..database import Database
from ..events import head
from ..opening import open_database, own, unopened_database
from ..settings import DEFAULT_URL, Settings
from .operations import OPERATIONS, perform
from .site import Site


def perform_alone(settings: Settings, operation: str, arguments: dict[str, Any]) -> Any:
    """Take the database, do an operation, and let go. Raises what `ask` raises."""
    return asyncio.run(_perform(settings, operation, arguments))


async def _perform(settings: Settings, operation: str, arguments: dict[str, Any]) -> Any:
    database = _opened(settings, operation)
    public_url = settings.public_url or DEFAULT_URL
    site = Site(database, settings, public_url, has_server=False)
    if OPERATIONS[operation].way == "aside":
        return await perform(site, operation, arguments)
    await database.start()
    try:
        _, latest = await database.read(head)
        database.clock.not_before(latest)
        return await perform(site, operation, arguments)
    finally:
        await database.stop()


def _opened(settings: Settings, operation: str) -> Database:
    """What only looks or copies takes the database as it is; what changes it needs this version's schema."""
    if OPERATIONS[operation].way != "aside":
        return open_database(settings)
    database = unopened_database(settings)
    if database.path is None or database.path.exists():
        own(database)
    return database
