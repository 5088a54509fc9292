"""A run is cancelled through here, by whichever door."""

from ..service import Service
from ..tokens.models import By
from . import lifecycle
from .conversations import LOCK_ORDER
from .lifecycle import Unknown
from .models import Run


async def cancel(service: Service, run_id: str, environment_id: str, by: By) -> Run | Unknown:
    """End a run, the runs that it has begun, and what they ask: in its turn among those that lock the same tokens."""
    database = service.database
    first = await database.read(lifecycle.first_asked, run_id)
    key = LOCK_ORDER + run_id if first is None else f"token:{first}"
    return await database.write(lifecycle.cancel, run_id, environment_id, by, service.rules, key=key)
