"""Gives queued runs to workers, and takes them back from those that are gone. One in each process.

The doorbell says when to look, and once a second it looks by itself; what is true is in the database.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog

from ..access.principals import ApiKey
from ..database import DatabaseUnavailable
from ..events import Event
from ..realtime.guests import Full, Guests, IsWelcome
from ..realtime.lines import TRY_LATER, Gone, Line
from ..service import Service
from . import handover, lifecycle, messages
from .conversations import LOCK_ORDER, Conversation
from .handover import Outlook
from .leases import Lease
from .lifecycle import PARKED_GRACE
from .workers import Worker, Workers

_LONGEST_SLEEP = 1.0  # seconds: the doorbell may be lost, a lease runs out in silence
_RETRY = 1.0  # seconds until a database that failed is asked again
_BATCH = 100  # runs that one worker is given at once, so that all environments get their turn

_ENDS = {"run.completed", "run.failed", "run.retried", "run.problem"}

log = structlog.get_logger(__name__)


class Dispatcher:
    """Knows the workers that are connected here, and finds work for them."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._database = service.database
        self._lease = Lease(service.settings.worker_lease)
        self._workers = Workers()
        self._conversations: dict[Worker, Conversation] = {}
        self._rung = asyncio.Event()
        self._tasks: set[asyncio.Future[None]] = set()
        self._guests = Guests()
        self._settled_in = 0.0
        self._looked_at = 0.0

    def start(self) -> None:
        # Workers find a server that was away before their runs are taken back.
        self._settled_in = asyncio.get_running_loop().time() + self._lease.absence.total_seconds()
        self._database.on_commit(self._rings)
        self._guests.start()
        self._begin(self._dispatch(), "runs-dispatcher")
        self._begin(self._say_stop(), "runs-stop")

    def stop(self) -> None:
        self._guests.stop()
        for task in self._tasks:
            task.cancel()

    async def talk(self, line: Line, key: ApiKey, is_welcome: IsWelcome) -> None:
        """A whole conversation with a worker, until it leaves or is no longer welcome."""
        worker = Worker(key)
        conversation = Conversation(self._service, self._workers, self._rung.set, worker)
        self._conversations[worker] = conversation
        try:
            with self._guests.seat(line, key.id, is_welcome):
                await self._service.tail.listen(self._hear)
                await conversation.hold(line)
        except Gone:
            return
        except Full:
            await line.close(TRY_LATER, "too many workers with this key")
        except DatabaseUnavailable:
            await line.close(TRY_LATER, "the database does not answer")
        finally:
            del self._conversations[worker]
            if not self._conversations:
                self._service.tail.leave(self._hear)

    async def answered(self, key: ApiKey, name: str, body: bytes) -> bytes:
        """The reply to a call that came by HTTP, from a worker that is connected here or to another process."""
        worker = self._workers.named(key.environment_id, name) or Worker(key)
        conversation = self._conversations.get(worker)
        if conversation is None:
            conversation = Conversation(self._service, self._workers, self._rung.set, worker)
        return messages.write(await conversation.answered(body))

    async def _dispatch(self) -> None:
        wait = _LONGEST_SLEEP
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._rung.wait()
            self._rung.clear()
            try:
                wait = await self._round()
            except DatabaseUnavailable:
                wait = _RETRY
            except Exception:
                log.exception("the dispatcher failed and goes on")
                wait = _RETRY

    async def _round(self) -> float:
        """Do what there is to do now; gives how many seconds there is nothing, as far as one can tell."""
        if self._service.stopping.is_set():
            return _LONGEST_SLEEP
        room = self._workers.with_room()
        if not room and not self._is_time_to_look():
            return _LONGEST_SLEEP
        wanted = {
            environment_id: {task for worker in workers for task in worker.open_tasks}
            for environment_id, workers in room.items()
        }
        outlook = await self._database.read(handover.look, wanted)
        await self._take_back(outlook)
        due = [environment_id for environment_id, at in outlook.queued.items() if at <= outlook.now]
        given = await asyncio.gather(*(self._give(worker) for each in due for worker in room[each]))
        if sum(given):
            self._rung.set()  # there may be more
        ahead = [(at - outlook.now).total_seconds() for at in outlook.queued.values() if at > outlook.now]
        return min([_LONGEST_SLEEP, *(max(seconds, 0.001) for seconds in ahead)])

    def _rings(self) -> None:
        if self._conversations:  # nobody else could do anything
            self._rung.set()

    def _is_time_to_look(self) -> bool:
        """Leases run out whether or not there is room for what they held, but need no look at every commit."""
        now = asyncio.get_running_loop().time()
        if now < self._looked_at + _LONGEST_SLEEP / 2:
            return False
        self._looked_at = now
        return True

    async def _take_back(self, outlook: Outlook) -> None:
        is_late = outlook.lease is not None and outlook.lease <= outlook.now
        if is_late and asyncio.get_running_loop().time() >= self._settled_in:
            await self._database.write(lifecycle.take_back_lost, 500, key=LOCK_ORDER)

    async def _give(self, worker: Worker) -> int:
        """Claim for one worker as many runs as it has room for; gives how many those were."""
        if not self._workers.has(worker):
            return 0  # it was there when this round began
        given = await self._database.write(
            handover.claim,
            worker.environment_id,
            worker.name,
            worker.open_tasks,
            min(worker.free, _BATCH),
            self._lease.time,
            worker.parked | worker.parking,
            self._grace(worker),
            worker.room,
            key=LOCK_ORDER,
        )
        if given and not self._workers.has(worker):
            # It left meanwhile. If it has come back, its new line was opened without these, and nobody would be told.
            await self._database.write(handover.give_back, [each.run for each in given], key=LOCK_ORDER)
            return len(given)
        conversation = self._conversations.get(worker)
        for each in given:
            self._workers.executes(worker, each.run)
            if conversation is not None:
                await conversation.hand(each)
        return len(given)

    def _grace(self, worker: Worker) -> timedelta:
        """Nobody else can come for a run, where there is one process and one worker."""
        is_the_only_one = not self._database.is_postgresql and self._workers.is_alone(worker)
        return timedelta() if is_the_only_one else PARKED_GRACE

    def _hear(self, events: Sequence[Event]) -> None:
        for event in events:
            if event.kind.startswith("run."):
                holder = self._workers.holder_of(event.subject)
                if holder is not None:
                    self._tell(holder, event)

    def _tell(self, holder: Worker, event: Event) -> None:
        """Something happened to a run that a worker has, and perhaps not by its own doing."""
        run_id, generation = event.subject, int(event.data.get("generation", 0))
        held = holder.executing.get(run_id)
        if event.kind == "run.canceled":
            if (holder.generation_of(run_id) or 0) > generation:
                return  # it was tried once more, and given to this worker again
            self._workers.is_done_with(holder, run_id)
            holder.say(messages.write({"type": "cancel", "run": run_id}))
            self._rung.set()
        elif event.kind in _ENDS and held == generation:  # told by HTTP, to another process perhaps
            self._workers.is_done_with(holder, run_id, generation)
            self._rung.set()
        elif event.kind == "run.woken" and held == generation:
            self._begin(self._wake(holder, run_id, generation, str(event.data["position"])), "runs-wake")
        elif (event.kind == "run.executing" and event.data.get("worker") != holder.name) or (
            event.kind == "run.queued" and held is not None and held < generation
        ):
            self._lose(holder, run_id, generation)

    def _lose(self, holder: Worker, run_id: str, generation: int) -> None:
        if (holder.generation_of(run_id) or 0) >= generation:
            return
        self._workers.is_done_with(holder, run_id)
        holder.say(messages.write({"type": "lost", "runs": [(run_id, generation - 1)]}))

    async def _wake(self, holder: Worker, run_id: str, generation: int, position: str) -> None:
        entry = await self._database.read(handover.entry_at, run_id, position)
        conversation = self._conversations.get(holder)
        if entry is not None and conversation is not None and holder.executing.get(run_id) == generation:
            conversation.wake(run_id, generation, (entry,))

    async def _say_stop(self) -> None:
        """The server stops: workers finish or park what they can, and come back later."""
        await self._service.stopping.wait()
        for worker in self._workers:
            worker.say(messages.write({"type": "stop"}))

    def _begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
