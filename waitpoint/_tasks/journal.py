"""What the calls of a run gave, by the position of each call in the code."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from msgspec import UNSET, Struct, UnsetType, field

from waitpoint import _arguments as arguments

CREATE_TOKEN = "create_token"
WAIT = "wait"
SLEEP = "sleep"
TRIGGER = "trigger"
RETRY = "retry"

LARGEST_RECORD = arguments.MAX_OUTPUT_BYTES

_END = "the end of the task"


class Failure(Struct, frozen=True, rename="camel", omit_defaults=True):
    """An error as JSON: what it was, in words. Nothing of it has to be imported to read it."""

    type: str
    message: str
    traceback: str = ""
    #: What the server sent along, for errors of this package.
    answer: dict[str, Any] = field(default_factory=dict)


class Checkpoint(Struct, frozen=True, omit_defaults=True):
    """One call that is done: its result, the error it ended in, or the settled tokens that it waited for."""

    position: str
    name: str
    result: Any = UNSET
    error: Failure | UnsetType = UNSET
    tokens: list[Any] | UnsetType = UNSET


class CodeHasChanged(Exception):
    """The code makes another call than the one that is recorded at its position."""

    def __init__(self, position: str, expected: str, found: str) -> None:
        super().__init__(f"step {position}: expected `{expected}`, found {found if found == _END else f'`{found}`'}")


class Journal:
    """The checkpoints of one run.

    A task that is tried again keeps its journal, but for the step that failed it: a record of its own, `retry`, says
    which positions are to be done afresh. Those are recorded under a new position, and the old records stay.
    """

    def __init__(self, checkpoints: Iterable[Checkpoint] = ()) -> None:
        self._at = {checkpoint.position: checkpoint for checkpoint in checkpoints}
        self._afresh: dict[str, int] = {}
        self._asked: set[str] = set()
        self._tries = 0
        while (retry := self._at.get(self.next_retry)) is not None:
            self._tries += 1
            for position in retry.result:
                self._afresh[position] = self._afresh.get(position, 0) + 1

    @property
    def next_retry(self) -> str:
        """Where the next record of what is to be done afresh belongs."""
        return f"retry/{self._tries + 1}"

    def place_of(self, position: str) -> str:
        """Where this call is recorded: its position, or a fresh one after it has failed the task."""
        times = self._afresh.get(position, 0)
        return f"{position}#{times}" if times else position

    def find(self, position: str, name: str) -> Checkpoint | None:
        """What the call at this position gave when it was made before."""
        place = self.place_of(position)
        self._asked.add(place)
        checkpoint = self._at.get(place)
        if checkpoint is not None and checkpoint.name != name:
            raise CodeHasChanged(position, expected=checkpoint.name, found=name)
        return checkpoint

    def expect_end(self) -> None:
        """The task is about to return: no call that it once made itself may be left over."""
        for place, checkpoint in self._at.items():
            if place.isdigit() and place not in self._asked and place not in self._afresh:
                raise CodeHasChanged(place, expected=checkpoint.name, found=_END)


def named_input(name: str) -> str:
    """What a wait for an input is called in the journal."""
    return f"input {name}"


def recorded(name: str, value: Any) -> Any:
    """The value as it will be read from the journal. Callers get this the first time, too."""
    return json.loads(arguments.body(name, arguments.plain(name, value), LARGEST_RECORD))
