"""The workers that are connected to this process, and which of them has which run."""

import asyncio
from collections import defaultdict
from collections.abc import Iterator

import msgspec

from ..access.principals import ApiKey
from ..realtime.lines import Gone, Line
from .messages import frame_of
from .models import Run

MOST_UNSENT = 50_000  # messages that a worker has not read


class Place(msgspec.Struct, frozen=True):
    """Where a run that a worker has in memory is parked; no positions where they are not known."""

    generation: int
    positions: tuple[str, ...] = ()


class Worker:
    """One connected worker: what it can do, what it has, and what it is still to be told."""

    def __init__(self, key: ApiKey) -> None:
        self.environment_id = key.environment_id
        self.key = key
        self.name = ""
        self.tasks: tuple[str, ...] = ()
        self.slots = 0
        self.task_slots: dict[str, int] = {}  # of the tasks that have slots of their own
        self.executing: dict[str, int] = {}  # run → generation
        self._at_work: defaultdict[str, set[str]] = defaultdict(set)  # such a task → its runs that are executed
        self.parked: dict[str, Place] = {}
        self.parking: dict[str, Place] = {}  # about to be parked: it is in memory, whatever comes first
        self._unsent: list[bytes] = []
        self._rung = asyncio.Event()

    @property
    def free(self) -> int:
        return max(0, self.slots - len(self.executing))

    @property
    def is_overwhelmed(self) -> bool:
        """It does not read what it is told."""
        return len(self._unsent) > MOST_UNSENT

    @property
    def room(self) -> dict[str, int]:
        """How many more runs it may be given of the tasks that have slots of their own."""
        return {task: max(0, slots - len(self._at_work[task])) for task, slots in self.task_slots.items()}

    @property
    def open_tasks(self) -> tuple[str, ...]:
        """Of which tasks it may be given a run. Others would only fill its slots, and keep these from them."""
        room = self.room
        return tuple(task for task in self.tasks if room.get(task, 1)) if room else self.tasks

    def executes(self, run: Run) -> None:
        self.parked.pop(run.id, None)
        self.executing[run.id] = run.generation
        if run.task in self.task_slots:
            self._at_work[run.task].add(run.id)

    def rests(self, run_id: str) -> None:
        """It executes the run no longer."""
        if self.executing.pop(run_id, None) is not None:
            for runs in self._at_work.values():
                runs.discard(run_id)

    def generation_of(self, run_id: str) -> int | None:
        """In which generation it has a run, executing or parked; None when it has not."""
        place = self.parked.get(run_id)
        return self.executing.get(run_id, None if place is None else place.generation)

    def say(self, message: bytes) -> None:
        """Tell it soon, together with everything else that there is to tell."""
        self._unsent.append(message)
        self._rung.set()

    async def speak(self, line: Line) -> None:
        """Send whatever there is to say, for as long as it listens. Raises Gone."""
        while not self.is_overwhelmed:
            await self._rung.wait()
            self._rung.clear()
            while self._unsent:
                frame, count = frame_of(self._unsent)
                del self._unsent[:count]
                await line.say(frame)
        raise Gone


class Workers:
    """All workers of this process. A worker that connects again takes the place of its old connection."""

    def __init__(self) -> None:
        self._by_name: dict[tuple[str, str], Worker] = {}
        self._by_environment: defaultdict[str, list[Worker]] = defaultdict(list)
        self._holders: dict[str, Worker] = {}

    def __len__(self) -> int:
        return len(self._by_name)

    def __iter__(self) -> Iterator[Worker]:
        return iter([*self._by_name.values()])

    def add(self, worker: Worker) -> None:
        self.remove(self._by_name.get((worker.environment_id, worker.name)))
        self._by_name[worker.environment_id, worker.name] = worker
        self._by_environment[worker.environment_id].append(worker)
        for run_id in [*worker.executing, *worker.parked]:
            self._holders[run_id] = worker

    def remove(self, worker: Worker | None) -> bool:
        """Forget a connection; gives whether the worker is gone with it."""
        if worker is None or not self.has(worker):
            return False
        del self._by_name[worker.environment_id, worker.name]
        self._by_environment[worker.environment_id].remove(worker)
        if not self._by_environment[worker.environment_id]:
            del self._by_environment[worker.environment_id]
        for run_id in [*worker.executing, *worker.parked]:
            self._let_go(worker, run_id)
        return True

    def named(self, environment_id: str, name: str) -> Worker | None:
        return self._by_name.get((environment_id, name))

    def has(self, worker: Worker) -> bool:
        """Whether this is a worker's present connection."""
        return self.named(worker.environment_id, worker.name) is worker

    def holder_of(self, run_id: str) -> Worker | None:
        """Who executes the run, or has it parked in memory."""
        return self._holders.get(run_id)

    def executes(self, worker: Worker, run: Run) -> None:
        worker.executes(run)
        self._holders[run.id] = worker

    def parks(self, worker: Worker, run_id: str, place: Place) -> None:
        if worker.executing.get(run_id, 0) > place.generation:
            return  # said once more, of a run that goes on already
        worker.rests(run_id)
        worker.parked[run_id] = place
        self._holders[run_id] = worker

    def is_done_with(self, worker: Worker, run_id: str, generation: int | None = None) -> None:
        """The worker has the run no longer, or no longer in this generation; a later one it keeps."""
        held = worker.generation_of(run_id)
        if generation is not None and held is not None and held > generation:
            return
        worker.rests(run_id)
        worker.parked.pop(run_id, None)
        self._let_go(worker, run_id)

    def with_room(self) -> dict[str, list[Worker]]:
        """The workers of each environment that could take another run, those with most room first."""
        found = {
            environment_id: sorted(
                (each for each in workers if each.free and each.open_tasks), key=lambda each: -each.free
            )
            for environment_id, workers in self._by_environment.items()
        }
        return {environment_id: workers for environment_id, workers in found.items() if workers}

    def is_alone(self, worker: Worker) -> bool:
        """Whether no other worker of the environment is connected here."""
        return len(self._by_environment[worker.environment_id]) == 1

    def _let_go(self, worker: Worker, run_id: str) -> None:
        if self._holders.get(run_id) is worker:
            del self._holders[run_id]
