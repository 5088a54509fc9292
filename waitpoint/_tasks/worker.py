"""A worker: executes the runs that its server gives it, parks them while they wait, and evicts what is too much."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import socket
from collections import OrderedDict
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote

import msgspec
from msgspec.structs import replace

from waitpoint import _arguments as arguments
from waitpoint._calls import Call
from waitpoint._errors import InvalidInput
from waitpoint._settings import Settings
from waitpoint._tasks import journal as names
from waitpoint._tasks.connection import Connection, Message, TooLarge
from waitpoint._tasks.engine import Ended, Fenced, Mode, Owner, SleepKey, UnknownToken
from waitpoint._tasks.execution import Execution, RunToDo
from waitpoint._tasks.journal import Checkpoint, Failure
from waitpoint._tasks.tasks import Task
from waitpoint._values import Token

if TYPE_CHECKING:
    from waitpoint._channels import AwaitingChannel, Channel

ASK_AGAIN_AFTER = 0.5  # seconds, when the server failed
MOST_SAID = 10_000  # parked runs that a greeting names: more would make it longer than the server takes
SAY_GOODBYE_WITHIN = 2.0  # seconds, when runs are given up
LATER = {"unavailable", "internal", "overloaded"}

log = logging.getLogger("waitpoint")


class HeldBack(msgspec.Struct):
    """A run that was given to this worker and waits for one of its task's slots. One that goes on is in memory."""

    owner: Owner
    run: RunToDo | None
    ended: list[Ended]


class Worker:
    """The engine of the executions in this process."""

    def __init__(
        self, tasks: Iterable[Task[Any, Any]], settings: Settings, *, slots: int = 10, max_parked: int = 1000
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        self._tasks = {task.id: task for task in tasks}
        self._settings = settings
        self._slots = slots
        self._max_parked = max_parked
        self._executing: dict[str, Execution] = {}
        self._parked: OrderedDict[str, Execution] = OrderedDict()
        self._held_back: list[HeldBack] = []
        self._fetched: dict[str, Owner] = {}  # runs whose journal is asked for
        self._closing: set[asyncio.Task[None]] = set()
        self._errands: set[asyncio.Task[None]] = set()
        self._is_stopping = False
        self._at_rest = asyncio.Event()
        self._channel: AwaitingChannel | None = None
        self._connection = Connection(settings, hello=self._hello, heartbeat=self._heartbeat, hear=self._hear_all)

    async def work(self, until: asyncio.Event, patience: float = 10.0) -> None:
        """Execute runs until the event is set; then give what executes some time to end or to wait."""
        self._connection.open()
        await until.wait()
        self._is_stopping = True
        self._connection.tell({"type": "drain"})
        held_back, self._held_back = self._held_back, []
        await self._give_up([held.owner for held in held_back])
        try:
            async with asyncio.timeout(patience):
                while self._executing:
                    self._at_rest.clear()
                    await self._at_rest.wait()
        except TimeoutError:
            log.warning("%d runs are given up in the middle; they will be replayed elsewhere.", len(self._executing))
            await self._give_up([execution.owner for execution in self._executing.values()])
        self._connection.close()
        await self._let_go_of_all()
        if self._channel is not None:
            await self._channel.close()

    async def _give_up(self, owners: Iterable[Owner]) -> None:
        """Let others have these runs at once. A server that does not hear it finds out when their leases run out."""
        said = [asyncio.ensure_future(self._give_up_one(owner)) for owner in owners]
        if said:
            _, unheard = await asyncio.wait(said, timeout=SAY_GOODBYE_WITHIN)
            for each in unheard:
                each.cancel()

    async def _give_up_one(self, owner: Owner) -> None:
        with suppress(Fenced, InvalidInput):
            await self._ask("give_up", owner)

    async def _let_go_of_all(self) -> None:
        for execution in [*self._executing.values(), *self._parked.values()]:
            execution.evict()
        if self._closing:
            await asyncio.wait(self._closing, timeout=2)

    # What the connection asks; in its thread.

    def _hello(self) -> Message:
        known = [(run, execution.owner.generation) for run, execution in self._parked.copy().items()][-MOST_SAID:]
        slots = 0 if self._is_stopping else self._slots
        of_tasks = {task.id: task.slots for task in self._tasks.values() if task.slots is not None}
        return {"worker": self.name, "tasks": [*self._tasks], "slots": slots, "taskSlots": of_tasks, "parked": known}

    def _heartbeat(self) -> Sequence[tuple[str, int]]:
        owners = [execution.owner for execution in self._executing.copy().values()]
        owners += [held.owner for held in self._held_back.copy()]
        owners += self._fetched.copy().values()
        return [(owner.run, owner.generation) for owner in owners]

    # What the server says.

    def _hear_all(self, messages: list[Message]) -> None:
        for message in messages:
            try:
                self._hear(message)
            except Exception:
                log.exception("A message of the server could not be followed: %s", message.get("type"))

    def _hear(self, message: Message) -> None:
        match message:
            case {"type": "run"}:
                self._begin(_run_to_do(message, Owner(message["run"], message["generation"])))
            case {"type": "resume", "run": str(run), "generation": int(generation)}:
                self._resume(run, generation, _all_ended(message))
            case {"type": "woken", "run": str(run)}:
                self._wake(run, _all_ended(message))
            case {"type": "cancel", "run": str(run)}:
                self._lose(run)
            case {"type": "lost", "runs": list(runs)}:
                for lost in runs:
                    run, generation = lost
                    self._lose(run, generation)
            case {"type": "error"}:
                log.error("The server did not understand this worker: %s", message.get("error"))

    def _begin(self, run: RunToDo) -> None:
        task = self._tasks.get(run.task)
        if self._is_stopping:
            self._send(self._give_up_one(run.owner))
        elif task is None:
            log.error("The server gave a run of %s, which is no task of this worker.", run.task)
        elif not self._has(run.owner.run, run.owner.generation):
            self._lose(run.owner.run)
            if self._is_full(task.id):
                self._held_back.append(HeldBack(run.owner, run, []))
                return
            self._executing[run.owner.run] = execution = Execution(task.work, run, self)
            execution.start()

    def _resume(self, run: str, generation: int, ended: Sequence[Ended]) -> None:
        execution = self._parked.get(run)
        if self._has(run, generation):
            self._wake(run, ended)
        elif self._is_stopping:
            self._send(self._give_up_one(Owner(run, generation)))
        elif execution is None:
            self._overtake(Owner(run, generation), ended)
        elif self._is_full(execution.work.id):
            self._held_back.append(HeldBack(Owner(run, generation), None, [*ended]))
        else:
            del self._parked[run]
            self._executing[run] = execution
            execution.resume(generation, ended)

    def _overtake(self, owner: Owner, ended: Sequence[Ended]) -> None:
        """Go on with a run that is not parked here: it was evicted, or the reply to `park` is still to be heard.

        The server says `resume` only when it has parked the run. So one that is parking is parked, and goes on in the
        slot that it has; whatever else has an older generation is fenced.
        """
        execution = self._executing.get(owner.run)
        if execution is not None and execution.is_parking and self._max_parked:
            execution.resume(owner.generation, ended)
        else:
            self._lose(owner.run)
            self._send(self._replay(owner))

    def _wake(self, run: str, ended: Sequence[Ended]) -> None:
        """Waits of a run that executes have ended. One that has not begun yet reads so in the journal."""
        if run in self._executing:
            self._executing[run].deliver(ended)
        for held in self._held_back:
            if held.owner.run == run:
                held.ended.extend(ended)

    async def _replay(self, owner: Owner) -> None:
        """Nothing is kept of a run that was evicted: the server has everything."""
        self._fetched[owner.run] = owner
        try:
            told = await self._ask("journal", owner)
        except Fenced:
            return
        finally:
            is_wanted = self._fetched.get(owner.run) is owner
            if is_wanted:
                del self._fetched[owner.run]
        if is_wanted:  # otherwise it was cancelled, or given anew, while it was fetched
            self._begin(_run_to_do(told, owner))

    def _has(self, run: str, generation: int) -> bool:
        """Whether it knows the run in this generation, or a later one."""
        owners = [held.owner for held in self._held_back if held.owner.run == run]
        owners += [known[run].owner for known in (self._executing, self._parked) if run in known]
        if run in self._fetched:
            owners.append(self._fetched[run])
        return any(generation <= owner.generation for owner in owners)

    def _lose(self, run: str, generation: int | None = None) -> None:
        """Drop what it has of a run; what it has in a later generation is still its own."""

        def is_lost(owner: Owner) -> bool:
            return owner.run == run and (generation is None or owner.generation <= generation)

        self._held_back = [held for held in self._held_back if not is_lost(held.owner)]
        if run in self._fetched and is_lost(self._fetched[run]):
            del self._fetched[run]
        for held in (self._executing, self._parked):
            if run in held and is_lost(held[run].owner):
                held.pop(run).evict()

    def _is_full(self, task_id: str) -> bool:
        """Whether as many runs of the task are executed as it has slots."""
        slots = self._tasks[task_id].slots
        if slots is None:
            return False
        return sum(execution.work.id == task_id for execution in self._executing.values()) >= slots

    # What the executions ask.

    @property
    def channel(self) -> Channel:
        return self._insisting

    @property
    def _insisting(self) -> AwaitingChannel:
        if self._channel is None:
            from waitpoint._channels import AwaitingChannel  # noqa: PLC0415 (httpx is slow to import)

            self._channel = AwaitingChannel(self._settings)
        return self._channel

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def record(self, owner: Owner, checkpoint: Checkpoint) -> Checkpoint:
        outcome = (
            {"error": checkpoint.error} if isinstance(checkpoint.error, Failure) else {"result": checkpoint.result}
        )
        reply = await self._ask("step", owner, position=checkpoint.position, name=checkpoint.name, **outcome)
        return _checkpoint(reply["checkpoint"])

    async def create_token(self, owner: Owner, position: str, options: Mapping[str, Any]) -> Checkpoint:
        reply = await self._ask("create_token", owner, position=position, options=options)
        return _made(reply, Checkpoint(position, names.CREATE_TOKEN, reply.get("token")))

    async def trigger(
        self, owner: Owner, position: str, task: str, payload: Any, options: Mapping[str, Any]
    ) -> Checkpoint:
        reply = await self._ask("trigger", owner, position=position, task=task, payload=payload, options=options)
        made = {"run": reply.get("run"), "token": reply.get("token")}
        return _made(reply, Checkpoint(position, names.TRIGGER, made))

    async def wait(self, owner: Owner, position: str, tokens: Sequence[str], mode: Mode) -> Ended | None:
        reply = await self._ask("wait", owner, position=position, tokens=tokens, mode=mode)
        if "unknown" in reply:
            raise UnknownToken(reply["unknown"])
        return _over(reply, position)

    async def sleep(self, owner: Owner, position: str, until: datetime, key: SleepKey | None) -> Ended | None:
        of_key = {} if key is None else {"idempotencyKey": key.text, "idempotencyKeyTTL": key.lifetime}
        moment = arguments.moment("until", until)
        return _over(await self._ask("sleep", owner, position=position, until=moment, **of_key), position)

    async def input(self, owner: Owner, position: str, name: str, timeout: str | None) -> Ended | None:
        return _over(await self._ask("input", owner, position=position, name=name, timeout=timeout), position)

    async def park(self, owner: Owner, positions: Sequence[str]) -> Sequence[Ended]:
        return _all_ended(await self._ask("park", owner, positions=positions))

    async def finish(self, owner: Owner, output: Any) -> None:
        await self._ask("finish", owner, output=output)

    async def fail(self, owner: Owner, error: Failure, retry_in: float | None) -> None:
        log.error("The run %s failed%s.\n%s", owner.run, " and is tried again" if retry_in else "", error.traceback)
        await self._ask("fail", owner, error=error, retryIn=retry_in)

    async def problem(self, owner: Owner, text: str) -> None:
        log.error("The run %s cannot go on with this code: %s.", owner.run, text)
        await self._ask("problem", owner, text=text)

    def parked(self, execution: Execution) -> None:
        run = execution.owner.run
        if self._executing.get(run) is not execution:
            return
        del self._executing[run]
        self._parked[run] = execution
        self._evict_too_many()
        self._has_room()

    def _evict_too_many(self) -> None:
        while len(self._parked) > self._max_parked:
            _, too_much = self._parked.popitem(last=False)
            too_much.evict()

    def over(self, execution: Execution) -> None:
        run = execution.owner.run
        for held in (self._executing, self._parked):
            if held.get(run) is execution:
                del held[run]
        closing = asyncio.get_running_loop().create_task(execution.ended())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
        self._has_room()

    def _has_room(self) -> None:
        held_back, self._held_back = self._held_back, []
        for held in held_back:
            if held.run is not None:
                self._begin(held.run)
            else:
                self._resume(held.owner.run, held.owner.generation, held.ended)
        if not self._executing:
            self._at_rest.set()

    async def _ask(self, kind: str, owner: Owner, **fields: Any) -> Message:
        """One message about a run, until it is answered."""
        while True:
            reply = await self._reply({"type": kind, "run": owner.run, "generation": owner.generation, **fields})
            if reply.get("fenced"):
                raise Fenced
            error = reply.get("error")
            if error is None:
                return reply
            if error.get("code") not in LATER:
                raise InvalidInput(f"The server refused it: {error.get('detail')}", answer=error)
            await asyncio.sleep(ASK_AGAIN_AFTER)

    async def _reply(self, message: Message) -> Message:
        try:
            return await self._connection.ask(message)
        except TooLarge as large:
            path = f"/api/v1/workers/{quote(self.name, safe='')}/calls"
            call = Call(method="POST", path=path, body=large.encoded, read=json.loads)
            return cast("Message", await self._insisting.insist(call))

    def _send(self, errand: Awaitable[None]) -> None:
        sent = asyncio.ensure_future(errand)
        self._errands.add(sent)
        sent.add_done_callback(self._errands.discard)


def _run_to_do(message: Message, owner: Owner) -> RunToDo:
    return RunToDo(
        owner=owner,
        task=message["task"],
        payload=message.get("payload"),
        attempt=message.get("attempt", 1),
        tags=message.get("tags", ()),
        checkpoints=[_checkpoint(each) for each in message.get("checkpoints", ())],
    )


def _checkpoint(shown: Message) -> Checkpoint:
    checkpoint = msgspec.convert(shown, Checkpoint)
    return replace(checkpoint, tokens=_tokens(shown["tokens"])) if "tokens" in shown else checkpoint


def _tokens(shown: list[Message]) -> list[Token]:
    return msgspec.convert(shown, list[Token])


def _made(reply: Message, made: Checkpoint) -> Checkpoint:
    """What was made, or what is recorded at this place from an earlier time."""
    return _checkpoint(reply["checkpoint"]) if "checkpoint" in reply else made


def _over(reply: Message, position: str) -> Ended | None:
    return Ended(position, _tokens(reply["ended"])) if "ended" in reply else None


def _all_ended(message: Message) -> list[Ended]:
    return [Ended(each["position"], _tokens(each.get("tokens", []))) for each in message.get("ended", ())]
