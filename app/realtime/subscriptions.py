"""What a program wants to hear of, and who wants to hear of an event."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Generic, TypeVar

from ..events import Event
from .messages import is_of_a_run, tags_of

MOST_TOKENS = 10_000  # and runs, in one subscription
MOST_TAGS = 1000

MayRead = Callable[[str], bool]
T = TypeVar("T")


class Subscription:
    """What one program wants, within what it may read."""

    def __init__(self, environment_id: str, may_read: MayRead) -> None:
        self.environment_id = environment_id
        self.is_everything = False
        self.tokens: set[str] = set()
        self.tags: set[str] = set()
        self.runs: set[str] = set()
        self._may_read = may_read

    @property
    def is_full(self) -> bool:
        return len(self.tokens) + len(self.runs) > MOST_TOKENS or len(self.tags) > MOST_TAGS

    def widen(self, tokens: Collection[str], tags: Collection[str], runs: Collection[str] = ()) -> None:
        """Add these; without any, add all tokens."""
        self.tokens.update(tokens)
        self.tags.update(tags)
        self.runs.update(runs)
        self.is_everything = self.is_everything or not (tokens or tags or runs)

    def begin_again(self) -> None:
        """Want nothing, until something is added."""
        self.is_everything = False
        self.tokens.clear()
        self.tags.clear()
        self.runs.clear()

    def allows(self, token_id: str) -> bool:
        """Whether the program may read this token, if there is one."""
        return self._may_read(token_id)

    def covers(self, event: Event) -> bool:
        if is_of_a_run(event):
            return event.environment_id == self.environment_id and event.subject in self.runs
        if event.environment_id != self.environment_id or not self._may_read(event.subject):
            return False
        return self.is_everything or event.subject in self.tokens or not self.tags.isdisjoint(tags_of(event))


class Interests(Generic[T]):
    """Who wants to hear of what, found by the event instead of by asking everybody."""

    def __init__(self) -> None:
        self._by_name: defaultdict[tuple[str, str, str], set[T]] = defaultdict(set)

    def __len__(self) -> int:
        return len(self._by_name)

    def add(
        self,
        who: T,
        environment_id: str,
        tokens: Iterable[str],
        tags: Iterable[str],
        runs: Iterable[str] = (),
        *,
        everything: bool,
    ) -> None:
        for name in _names(environment_id, tokens, tags, runs, everything=everything):
            self._by_name[name].add(who)

    def remove(self, who: T, wanted: Subscription) -> None:
        everything = wanted.is_everything
        for name in _names(wanted.environment_id, wanted.tokens, wanted.tags, wanted.runs, everything=everything):
            self._by_name[name].discard(who)
            if not self._by_name[name]:
                del self._by_name[name]

    def of(self, event: Event) -> set[T]:
        environment_id = event.environment_id or ""
        if is_of_a_run(event):
            names = _names(environment_id, (), (), [event.subject], everything=False)
        else:
            names = _names(environment_id, [event.subject], tags_of(event), (), everything=True)
        return set().union(*(self._by_name[name] for name in names if name in self._by_name))


def _names(
    environment_id: str, tokens: Iterable[str], tags: Iterable[str], runs: Iterable[str], *, everything: bool
) -> Iterator[tuple[str, str, str]]:
    for run in runs:
        yield environment_id, "run", run
    for token in tokens:
        yield environment_id, "token", token
    for tag in tags:
        yield environment_id, "tag", tag
    if everything:
        yield environment_id, "everything", ""
