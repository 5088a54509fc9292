"""The conversation with one worker: each call is one write, answered after its commit."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar, cast

import msgspec
import structlog
from msgspec import Raw

from ..access.public_access import write_scope
from ..database import DatabaseUnavailable
from ..durations import BadDuration, parse_deadline, parse_duration, parse_instant
from ..realtime.lines import NOT_ALLOWED, Line
from ..service import Service
from ..tokens.api import url_of
from ..tokens.models import Token
from ..tokens.schemas import new_token
from ..tokens.schemas import shown as shown_token
from ..tokens.search import certain, retrieve
from ..web.problems import Problem
from . import handover, inputs, journal, lifecycle, messages, waits
from .handover import Entry, Handover
from .leases import Lease
from .lifecycle import WORKER, Fenced
from .messages import Call, Drain, Heartbeat, Hello, NotUnderstood, text_of
from .models import MADE_TOKEN, WAIT, Checkpoint, Mode, Owner
from .schemas import run_with
from .waits import Ended, GoOn, NoSuchToken, NotWaiting, SleepKey
from .workers import Place, Worker, Workers

LOCK_ORDER = "~run:"
"""Runs are locked behind tokens, in every process: the key of a write that locks a run begins so."""

_MOST_AT_ONCE = 2000  # calls of one worker that are on their way
_HELLO_WITHIN = 10.0  # seconds

Reply = dict[str, Any]
T = TypeVar("T")
log = structlog.get_logger(__name__)


class Conversation:
    """One worker on the line."""

    def __init__(self, service: Service, workers: Workers, ring: Callable[[], None], worker: Worker) -> None:
        self._service = service
        self._database = service.database
        self._workers = workers
        self._ring = ring
        self._worker = worker
        self._lease = Lease(service.settings.worker_lease)
        self._calls: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_MOST_AT_ONCE)

    async def answered(self, body: bytes) -> Reply:
        """The reply to one call that was too large for a frame and came by HTTP. Raises a Problem."""
        try:
            message = messages.understand(Raw(body))
        except NotUnderstood as error:
            raise Problem(400, "invalid-message", str(error)) from error
        if isinstance(message, Heartbeat | Drain | Hello):
            raise Problem(400, "invalid-message", "Only calls about a run come by HTTP.")
        return await self._carried_out(message)

    async def hold(self, line: Line) -> None:
        """Until the worker leaves. Raises Gone."""
        first = await line.hear_within(_HELLO_WITHIN)
        if first is None or not await self._greeted(first):
            await line.close(NOT_ALLOWED, "say hello first")
            return
        try:
            await line.converse(lambda: self._worker.speak(line), self._heard)
        finally:
            await self._left()

    async def _greeted(self, frame: str) -> bool:
        try:
            hello, *more = messages.read(frame)
            message = messages.understand(hello)
        except (NotUnderstood, ValueError) as error:
            log.info("a worker was not understood", reason=str(error))
            return False
        if not isinstance(message, Hello):
            return False
        await self._welcome(message)
        for raw in more:
            await self._take(raw)
        return True

    async def _welcome(self, hello: Hello) -> None:
        worker = self._worker
        worker.name, worker.tasks, worker.slots = hello.worker, tuple(dict.fromkeys(hello.tasks)), hello.slots
        parked = dict(hello.parked)
        held = None if hello.executing is None else dict(hello.executing)
        found = (worker.environment_id, worker.name, worker.tasks, parked, held, self._lease.time)
        welcome = await self._database.write(handover.welcome, *found, key=LOCK_ORDER)
        worker.parked = {run_id: Place(generation) for run_id, generation in welcome.parked.items()}
        worker.task_slots = {task: slots for task, slots in hello.task_slots.items() if task in worker.tasks}
        for each in (*welcome.executing, *welcome.resumed):
            worker.executes(each.run)
        self._workers.add(worker)
        promise = {"lease": self._lease.seconds, "heartbeat": self._lease.heartbeat}
        self._say({"reply": hello.id, **promise, "lost": list(welcome.lost.items())})
        for each in welcome.resumed:  # it never heard that they go on
            await self.hand(each)
        for each in welcome.executing:  # it may have missed that their waits ended
            if each.entries:
                self._say(self._woken(each.run.id, each.run.generation, each.entries))
        self._ring()

    async def _left(self) -> None:
        for task in self._calls:
            task.cancel()
        if self._workers.remove(self._worker) and not self._service.stopping.is_set():
            try:
                await asyncio.shield(self._goodbye())
            except DatabaseUnavailable:
                return  # its leases run out by themselves

    async def _goodbye(self) -> None:
        worker = self._worker
        await self._database.write(
            handover.goodbye, worker.environment_id, worker.name, self._lease.absence, key=LOCK_ORDER
        )

    async def _heard(self, frame: str) -> None:
        try:
            found = messages.read(frame)
        except NotUnderstood as error:
            self._say({"type": "error", "error": {"code": "invalid-frame", "detail": str(error)}})
            return
        for raw in found:
            await self._take(raw)

    async def _take(self, raw: Raw) -> None:
        """Begin with a call; how many are on their way at once has a limit."""
        await self._room.acquire()
        task = asyncio.ensure_future(self._answer(raw))
        self._calls.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Future[None]") -> None:
        self._calls.discard(cast("asyncio.Task[None]", task))
        self._room.release()

    async def _answer(self, raw: Raw) -> None:
        """Exactly one reply, whatever happens."""
        try:
            message = messages.understand(raw)
        except NotUnderstood as error:
            self._refuse(messages.id_of(raw), "invalid-message", str(error))
            return
        try:
            if isinstance(message, Heartbeat):
                await self._beat(message)
            elif isinstance(message, Drain):
                self._worker.slots = 0
            elif isinstance(message, Hello):
                self._refuse(message.id, "invalid-message", "Say hello once.")
            else:
                self._say({"reply": message.id, **await self._carried_out(message)})
        except Problem as problem:
            self._refuse(getattr(message, "id", None), problem.code, problem.detail)
        except DatabaseUnavailable as error:
            self._refuse(getattr(message, "id", None), "unavailable", str(error))
        except Exception:
            log.exception("a call of a worker failed")
            self._refuse(getattr(message, "id", None), "internal", "The server failed; nothing was recorded.")

    async def _beat(self, beat: Heartbeat) -> None:
        owners = tuple(Owner(run, generation, self._worker.environment_id) for run, generation in beat.runs)
        if not owners:
            return
        name = self._worker.name
        lost = await self._database.write(lifecycle.renew, owners, self._lease.time, name, key=LOCK_ORDER)
        for owner in lost:
            self._workers.is_done_with(self._worker, owner.run_id, owner.generation)
        if lost:
            self._say({"type": "lost", "runs": [(owner.run_id, owner.generation) for owner in lost]})

    async def _carried_out(self, call: Call) -> Reply:
        owner = Owner(call.run, call.generation, self._worker.environment_id)
        reply = await getattr(self, _HANDLERS[type(call)])(call, owner)
        if reply is None:
            self._is_done_with(owner)
            return {"fenced": True}
        return cast("Reply", reply)

    async def _step(self, call: messages.Step, owner: Owner) -> Reply | None:
        given = Checkpoint(call.position, call.name, text_of(call.result), text_of(call.error))
        recorded = await self._write(owner, journal.record_step, owner, given)
        return None if isinstance(recorded, Fenced) else {"checkpoint": await self._shown(Entry(recorded))}

    async def _create_token(self, call: messages.CreateToken, owner: Owner) -> Reply | None:
        questions = self._service.questions
        new = new_token(bytes(call.options), self._database.clock.now(), None, strict=False, questions=questions)
        if new.request is not None:
            await questions.admit(new)
        recorded = await self._write(owner, waits.create_token, owner, call.position, new, WORKER, self._service.rules)
        return None if isinstance(recorded, Fenced) else await self._made("token", recorded)

    async def _trigger(self, call: messages.Trigger, owner: Owner) -> Reply | None:
        payload = text_of(call.payload) or "null"
        new = run_with(call.task, payload, call.options or {}, self._database.clock.now())
        recorded = await self._write(owner, waits.trigger_child, owner, call.position, new, WORKER)
        if isinstance(recorded, Fenced):
            return None
        self._ring()
        return await self._made("run", recorded)

    async def _made(self, kind: str, recorded: Checkpoint) -> Reply:
        """What a call has made; or what is recorded where another call was made before, so that both can be told."""
        shown = await self._shown(Entry(recorded))
        if recorded.kind != kind:
            return {"checkpoint": shown}
        return {"token": shown["result"]} if kind == "token" else msgspec.json.decode(recorded.result or "{}")

    async def _wait(self, call: messages.Wait, owner: Owner) -> Reply | None:
        key = f"token:{min(call.tokens)}"
        mode = cast("Mode", call.mode)
        outcome = await self._database.write(waits.open_wait, owner, call.position, tuple(call.tokens), mode, key=key)
        return {"unknown": outcome.token_id} if isinstance(outcome, NoSuchToken) else self._waited(outcome)

    async def _sleep(self, call: messages.Sleep, owner: Owner) -> Reply | None:
        until = _read("until", parse_instant, call.until)
        key = None
        if call.idempotency_key:
            ttl = call.idempotency_key_ttl
            lifetime = waits.KEY_LIFETIME if ttl is None else _read("idempotencyKeyTTL", parse_duration, ttl)
            key = SleepKey(call.idempotency_key, lifetime)
        return self._waited(await self._write(owner, waits.sleep, owner, call.position, until, key))

    async def _input(self, call: messages.Input, owner: Owner) -> Reply | None:
        now = self._database.clock.now()
        timeout = None if call.timeout is None else _read("timeout", parse_deadline, call.timeout, now)
        outcome = await self._write(owner, inputs.open_input, owner, call.position, call.name, timeout)
        return self._waited(outcome)

    def _waited(self, outcome: object) -> Reply | None:
        if isinstance(outcome, Fenced):
            return None
        if isinstance(outcome, Ended):
            return {"ended": [self._token(token) for token in outcome.tokens]}
        return {"waiting": True}

    async def _park(self, call: messages.Park, owner: Owner) -> Reply | None:
        positions = tuple(call.positions)
        place = self._worker.parking[owner.run_id] = Place(owner.generation, positions)
        try:
            outcome = await self._write(owner, waits.park, owner, positions)
        finally:
            del self._worker.parking[owner.run_id]
        if isinstance(outcome, Fenced):
            return None
        if isinstance(outcome, NotWaiting):
            raise Problem(400, "not-waiting", f"The run does not wait at the position {outcome.position!r}.")
        if isinstance(outcome, GoOn):
            ended = [{"position": at, "tokens": [self._token(token) for token in ended]} for at, ended in outcome.ended]
            return {"ended": ended}
        self._workers.parks(self._worker, owner.run_id, place)
        self._ring()
        return {"parked": True}

    async def _finish(self, call: messages.Finish, owner: Owner) -> Reply | None:
        return self._ended(
            owner, await self._write(owner, lifecycle.finish, owner, text_of(call.output), self._service.rules)
        )

    async def _fail(self, call: messages.Fail, owner: Owner) -> Reply | None:
        again = None if call.retry_in is None else timedelta(milliseconds=int(call.retry_in * 1000))
        error = text_of(call.error) or "null"
        return self._ended(owner, await self._write(owner, lifecycle.fail, owner, error, again, self._service.rules))

    async def _give_up(self, _: messages.GiveUp, owner: Owner) -> Reply | None:
        return self._ended(owner, await self._write(owner, lifecycle.give_up, owner))

    async def _problem(self, call: messages.ReportProblem, owner: Owner) -> Reply | None:
        text = call.text.replace("\x00", "")
        return self._ended(owner, await self._write(owner, lifecycle.report_problem, owner, text))

    async def _journal(self, _: messages.ReadJournal, owner: Owner) -> Reply | None:
        found = await self._write(owner, handover.journal_of, owner)
        if isinstance(found, Fenced):
            return None
        return await self._told(found)

    def _ended(self, owner: Owner, outcome: object) -> Reply | None:
        if isinstance(outcome, Fenced):
            return None
        self._is_done_with(owner)
        return {"ok": True}

    async def _write(self, owner: Owner, function: Callable[..., Any], *arguments: Any) -> Any:
        written: Awaitable[Any] = self._database.write(function, *arguments, key=LOCK_ORDER + owner.run_id)
        return await written

    def _is_done_with(self, owner: Owner) -> None:
        self._workers.is_done_with(self._worker, owner.run_id, owner.generation)
        self._ring()

    async def hand(self, given: Handover) -> None:
        """Tell the worker of a run that it was given."""
        run = given.run
        if given.goes_on:
            self._say({"type": "resume", **_of(run.id, run.generation), "ended": self._ends(given.entries)})
            return
        self._say({"type": "run", **_of(run.id, run.generation), **await self._told(given)})

    async def _told(self, given: Handover) -> Reply:
        """Everything that a worker must know to begin, or to begin anew."""
        run = given.run
        return {
            "task": run.task,
            "payload": Raw(run.payload.encode()),
            "attempt": run.attempt,
            "tags": run.tags,
            "checkpoints": [await self._shown(each) for each in given.entries],
        }

    def wake(self, run_id: str, generation: int, entries: tuple[Entry, ...]) -> None:
        """Tell the worker that waits of a run that it executes have ended."""
        self._say(self._woken(run_id, generation, entries))

    def _woken(self, run_id: str, generation: int, entries: tuple[Entry, ...]) -> Reply:
        return {"type": "woken", **_of(run_id, generation), "ended": self._ends(entries)}

    def _ends(self, entries: tuple[Entry, ...]) -> list[Reply]:
        return [
            {"position": each.checkpoint.position, "tokens": [self._token(token) for token in each.tokens]}
            for each in entries
        ]

    async def _shown(self, entry: Entry) -> Reply:
        """A checkpoint as a worker reads it. A token is shown with a public access token that is still good."""
        checkpoint = entry.checkpoint
        shown: Reply = {"position": checkpoint.position, "name": checkpoint.name}
        if checkpoint.kind == WAIT:
            shown["tokens"] = [self._token(token) for token in entry.tokens]
        elif checkpoint.kind == MADE_TOKEN:
            shown["result"] = await self._new_token(checkpoint)
        elif checkpoint.error is not None:
            shown["error"] = Raw(checkpoint.error.encode())
        else:
            shown["result"] = Raw((checkpoint.result or "null").encode())
        return shown

    async def _new_token(self, checkpoint: Checkpoint) -> Reply:
        made = msgspec.json.decode(checkpoint.result or "{}")
        access = await self._service.authentication.mint(self._worker.environment_id, [write_scope(made["id"])])
        shown = {**made, "url": url_of(self._service, made["id"]), "publicAccessToken": access}
        if shown.pop("asks", False):
            token = await certain(self._database, retrieve, made["id"])
            assert token is not None  # noqa: S101 - it was made in the transaction that recorded it
            ways = await self._service.questions.ways(self._service, token)
            assert ways is not None  # noqa: S101 - it asks
            shown["approvalUrl"] = ways.approval_url
            if ways.journey_url is not None:
                shown["journeyUrl"] = ways.journey_url
        return shown

    def _token(self, token: Token) -> Any:
        return shown_token(token, url_of(self._service, token.id), with_output=True)

    def _say(self, message: Reply) -> None:
        self._worker.say(messages.write(message))

    def _refuse(self, reply_to: int | None, code: str, detail: str) -> None:
        error = {"code": code, "detail": detail}
        self._say({"type": "error", "error": error} if reply_to is None else {"reply": reply_to, "error": error})


def _read(name: str, parse: Callable[..., T], *given: Any) -> T:
    """A span of time or an instant, as a worker wrote it. Raises a Problem."""
    try:
        return parse(*given)
    except BadDuration as error:
        raise Problem(400, error.code, f"{name} {error}") from error


def _of(run_id: str, generation: int) -> Reply:
    return {"run": run_id, "generation": generation}


_HANDLERS: dict[type, str] = {
    messages.Step: "_step",
    messages.CreateToken: "_create_token",
    messages.Trigger: "_trigger",
    messages.Wait: "_wait",
    messages.Sleep: "_sleep",
    messages.Input: "_input",
    messages.Park: "_park",
    messages.Finish: "_finish",
    messages.Fail: "_fail",
    messages.GiveUp: "_give_up",
    messages.ReportProblem: "_problem",
    messages.ReadJournal: "_journal",
}
