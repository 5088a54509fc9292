"""What an execution needs of the world. A worker's connection is one; the memory of `waitpoint.testing` is another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

from msgspec import Struct

from waitpoint._tasks.journal import Checkpoint, Failure
from waitpoint._values import Token

if TYPE_CHECKING:
    from waitpoint._channels import Channel
    from waitpoint._tasks.execution import Execution

Mode: TypeAlias = Literal["all", "any"]


class Owner(Struct, frozen=True):
    """A run in the hands of one worker. A later generation fences off an earlier one."""

    run: str
    generation: int


class Ended(Struct, frozen=True):
    """A wait that is over: the settled tokens, in the order in which they were named. A sleep has none."""

    position: str
    tokens: Sequence[Token] = ()


class SleepKey(Struct, frozen=True):
    """What makes several sleeps one, and for how long."""

    text: str
    lifetime: str | None = None


class Fenced(Exception):
    """The run belongs to somebody else now, or is over. Nothing was changed."""


class UnknownToken(Exception):
    """There is no token of this id in the run's environment."""


class Engine(Protocol):
    """Each call is answered once it is durable, and raises `Fenced` when the run has gone on without its owner."""

    @property
    def channel(self) -> Channel:
        """For calls of the token API that belong to no run: what a task asks about tokens, and all that a step does."""

    def now(self) -> datetime: ...

    async def pause(self, seconds: float) -> None:
        """Let time pass between two attempts of a step."""

    async def record(self, owner: Owner, checkpoint: Checkpoint) -> Checkpoint:
        """Add to the journal. An earlier record at the same position stays, and is the answer."""

    async def create_token(self, owner: Owner, position: str, options: Mapping[str, Any]) -> Checkpoint: ...

    async def trigger(
        self, owner: Owner, position: str, task: str, payload: Any, options: Mapping[str, Any]
    ) -> Checkpoint: ...

    async def wait(self, owner: Owner, position: str, tokens: Sequence[str], mode: Mode) -> Ended | None:
        """Open a wait, again after a replay. None: the tokens are waited for."""

    async def sleep(self, owner: Owner, position: str, until: datetime, key: SleepKey | None) -> Ended | None:
        """Open a wait for an instant. The first instant that was given for this position, or this key, counts."""

    async def input(self, owner: Owner, position: str, name: str, timeout: str | None) -> Ended | None:
        """Take the next value that was sent under this name, or open a wait for one."""

    async def park(self, owner: Owner, positions: Sequence[str]) -> Sequence[Ended]:
        """Nothing of the run is in flight but these waits. Those that have ended meanwhile; none: it is parked."""

    async def finish(self, owner: Owner, output: Any) -> None: ...

    async def fail(self, owner: Owner, error: Failure, retry_in: float | None) -> None: ...

    async def problem(self, owner: Owner, text: str) -> None:
        """The code does not fit the journal: keep the run as it is until somebody has put that right."""

    def parked(self, execution: Execution) -> None:
        """The execution holds no slot any longer. It may be resumed, or evicted at any time."""

    def over(self, execution: Execution) -> None:
        """The execution will say nothing more."""
