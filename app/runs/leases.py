"""How long a worker that says nothing keeps its runs."""

from datetime import timedelta

import msgspec


class Lease(msgspec.Struct, frozen=True):
    """The runs of a worker are its own for so many seconds after each heartbeat."""

    seconds: int

    @property
    def time(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    @property
    def heartbeat(self) -> float:
        """Seconds between two heartbeats: three of them may be late or lost."""
        return self.seconds / 4

    @property
    def absence(self) -> timedelta:
        """A worker whose connection is gone, or whose server was, has this long to come back."""
        return self.time / 2
