"""Every table of the server, so that migrations see them all."""

from .environments import models as environments
from .events import models as events
from .files import models as files
from .journeys import models as journeys
from .links import models as links
from .notifications import models as notifications
from .people import models as people
from .requests import models as requests
from .runs import models as runs
from .tokens import models as tokens

__all__ = [
    "environments",
    "events",
    "files",
    "journeys",
    "links",
    "notifications",
    "people",
    "requests",
    "runs",
    "tokens",
]
