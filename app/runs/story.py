"""What happened to a run, in words: its events and its journal, put together in the order in which they came."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from ..events import Event
from ..pages import words
from ..tokens.models import SLEEP, Token
from .models import MADE_RUN, MADE_TOKEN, STEP, WAIT, Checkpoint

LONGEST_RESULT = 120  # characters of what a step gave


class Recorded(msgspec.Struct, frozen=True):
    """A checkpoint, with the instant at which it was recorded."""

    at: datetime
    checkpoint: Checkpoint

    @property
    def is_step(self) -> bool:
        """Whether it is a call of the task's; which steps to do afresh is recorded beside them."""
        return self.checkpoint.kind == STEP and not self.checkpoint.position.startswith("retry/")


class Link(msgspec.Struct, frozen=True):
    """Another thing that is spoken of."""

    kind: str  # token or run
    id: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened. `words` may hold code in backquotes; `result` is JSON text, cut."""

    at: datetime
    mark: str
    words: str
    position: str = ""
    actor: Mapping[str, Any] | None = None
    links: tuple[Link, ...] = ()
    until: datetime | None = None
    result: str = ""
    is_bad: bool = False


class Story:
    """Tells the entries of one run; `tokens` are those that it waits or waited for, as far as they are known."""

    def __init__(self, events: Sequence[Event], journal: Sequence[Recorded], tokens: Mapping[str, Token]) -> None:
        self._events = events
        self._journal = journal
        self._tokens = tokens
        self._waited = {str(event.data.get("position")) for event in events if event.kind == "run.waits"}
        self._children = {
            made["token"]: str(made["run"])
            for each in journal
            if each.checkpoint.kind == MADE_RUN and (made := _object_in(each.checkpoint.result)).get("token")
        }

    @property
    def children(self) -> tuple[str, ...]:
        """The runs that it has begun."""
        return tuple(self._children.values())

    def child_of(self, token_id: str) -> str | None:
        """The run whose end settles this token."""
        return self._children.get(token_id)

    def entries(self) -> list[Entry]:
        """Oldest first. Of the same instant, what a run is given comes before what it does, and its end last."""
        told: list[tuple[datetime, int, int, Entry]] = []
        for number, event in enumerate(self._events):
            entry = self._of_event(event)
            if entry is not None:
                told.append((event.at, _RANKS.get(event.kind, 3), number, entry))
        for number, each in enumerate(self._journal):
            entry = self._of_checkpoint(each.at, each.checkpoint)
            if entry is not None:
                told.append((each.at, 1, number, entry))
        return [entry for *_, entry in sorted(told, key=lambda each: each[:3])]

    def _of_event(self, event: Event) -> Entry | None:
        entry: Entry | None = getattr(self, _TELLERS.get(event.kind, "_other"))(event)
        return entry

    def _other(self, event: Event) -> Entry:
        return Entry(at=event.at, mark="seen", words=words.deed(event.kind), actor=event.actor)

    def _ignored(self, _: Event) -> None:
        """It gave its slot back; that it waits is said already."""

    def _executing(self, event: Event) -> Entry:
        return Entry(at=event.at, mark="executing", words=f"Executing on the worker `{event.data.get('worker')}`")

    def _retried(self, event: Event) -> Entry:
        if (event.actor or {}).get("kind") != "worker":
            return Entry(at=event.at, mark="queued", words="Retried", actor=event.actor)
        says = f"Failed; attempt {event.data.get('attempt')} follows"
        return Entry(at=event.at, mark="failed", words=says, is_bad=True)

    def _problem(self, event: Event) -> Entry:
        says = f"The code does not fit what is recorded: {event.data.get('problem')}"
        return Entry(at=event.at, mark="alert", words=says, is_bad=True)

    def _completed(self, event: Event) -> Entry:
        return Entry(at=event.at, mark="completed", words="Completed")

    def _failed(self, event: Event) -> Entry:
        return Entry(at=event.at, mark="failed", words="Failed", is_bad=True)

    def _cancelled(self, event: Event) -> Entry:
        return Entry(at=event.at, mark="cancelled", words="Cancelled", actor=event.actor)

    def _queued(self, event: Event) -> Entry:
        actor = event.actor or {}
        if not event.data.get("generation"):
            by_a_run = actor.get("kind") == "worker"
            words_ = "Begun by its parent" if by_a_run else "Queued"
            return Entry(at=event.at, mark="queued", words=words_, actor=None if by_a_run else actor)
        if actor.get("door") == "lease":
            again = "Queued again: nothing was heard of its worker any more"
        else:
            again = "Queued again: a worker came, perhaps with other code"
        return Entry(at=event.at, mark="queued", words=again)

    def _waits(self, event: Event) -> Entry:
        position = str(event.data.get("position", ""))
        ids = [str(token_id) for token_id in event.data.get("tokens", ())]
        first = self._tokens.get(ids[0]) if ids else None
        if first is not None and first.kind == SLEEP:
            return Entry(at=event.at, mark="waiting", words="Sleeps until", position=position, until=first.timeout_at)
        if event.data.get("input"):
            says = f"Waits for the input `{event.data['input']}`"
            return Entry(at=event.at, mark="waiting", words=says, position=position)
        links = tuple(self._link(token_id) for token_id in ids)
        return Entry(at=event.at, mark="waiting", words="Waits for", position=position, links=links)

    def _woken(self, event: Event) -> Entry:
        actor = event.actor or {}
        position = str(event.data.get("position", ""))
        if actor.get("door") == "deadline":
            return Entry(at=event.at, mark="timed-out", words="Woken: the time of its wait had come", position=position)
        if actor.get("kind") == "worker":
            return Entry(
                at=event.at, mark="seen", words="Woken: the run that it waited for has ended", position=position
            )
        return Entry(at=event.at, mark="seen", words="Woken", position=position, actor=actor)

    def _input(self, event: Event) -> Entry:
        return Entry(
            at=event.at, mark="seen", words=f"Was sent the input `{event.data.get('input')}`", actor=event.actor
        )

    def _of_checkpoint(self, at: datetime, checkpoint: Checkpoint) -> Entry | None:
        position = checkpoint.position
        made = _object_in(checkpoint.result)
        if checkpoint.kind == MADE_TOKEN:
            links = (Link("token", str(made.get("id", ""))),)
            return Entry(at=at, mark="created", words="Created the token", position=position, links=links)
        if checkpoint.kind == MADE_RUN:
            links = (Link("run", str(made.get("run", ""))),)
            return Entry(at=at, mark="created", words="Began the run", position=position, links=links)
        if checkpoint.kind == WAIT:
            there = Entry(at=at, mark="seen", words="What it waited for was there already", position=position)
            return None if position in self._waited else there
        return self._of_step(at, checkpoint) if Recorded(at, checkpoint).is_step else None

    def _of_step(self, at: datetime, checkpoint: Checkpoint) -> Entry:
        position, name = checkpoint.position, checkpoint.name
        if checkpoint.error is not None:
            return Entry(
                at=at, mark="failed", words=f"`{name}` failed: {said(checkpoint.error)}", position=position, is_bad=True
            )
        result = checkpoint.result or ""
        result = "" if result == "null" else result[:LONGEST_RESULT] + ("…" if len(result) > LONGEST_RESULT else "")
        return Entry(at=at, mark="completed", words=f"`{name}`", position=position, result=result)

    def _link(self, token_id: str) -> Link:
        child = self._children.get(token_id)
        return Link("token", token_id) if child is None else Link("run", child)


def said(error: str) -> str:
    """What an error says, in a line: `ConnectionError: not yet`."""
    told = _object_in(error)
    kind, message = str(told.get("type") or "Error"), str(told.get("message") or "")
    return f"{kind}: {message}" if message else kind


def _object_in(text: str | None) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(text or "{}")
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


_TELLERS = {
    "run.queued": "_queued",
    "run.executing": "_executing",
    "run.waits": "_waits",
    "run.waiting": "_ignored",
    "run.woken": "_woken",
    "run.input": "_input",
    "run.retried": "_retried",
    "run.problem": "_problem",
    "run.completed": "_completed",
    "run.failed": "_failed",
    "run.canceled": "_cancelled",
}
_RANKS = {
    "run.queued": 0,
    "run.executing": 0,
    "run.retried": 0,
    "run.waits": 2,
    "run.input": 2,
    "run.woken": 3,
    "run.problem": 4,
}
