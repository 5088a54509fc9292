"""Every table of the server, so that migrations see them all."""

from .environments import models as environments
from .events import models as events
from .people import models as people
from .tokens import models as tokens

__all__ = ["environments", "events", "people", "tokens"]
