"""The engine of `waitpoint.testing`: tokens, runs and their journals in memory, under the rules of the server."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Self, TypeVar
from urllib.parse import unquote

import msgspec
from msgspec.structs import replace

from waitpoint import _arguments as arguments
from waitpoint._calls import Call
from waitpoint._errors import AlreadySettled, InvalidInput, RunHasEnded, RunNotFound, TokenNotFound, WaitpointError
from waitpoint._tasks import journal as names
from waitpoint._tasks.calls import CANCELED, ENDED, Run, RunStatus
from waitpoint._tasks.engine import Ended, Fenced, Mode, Owner, SleepKey, UnknownToken
from waitpoint._tasks.execution import Execution, RunToDo, Work
from waitpoint._tasks.journal import Checkpoint, Failure
from waitpoint._values import Settlement, Status, Token

T = TypeVar("T")

FIRST_MOMENT = datetime(2026, 1, 1, 9, tzinfo=UTC)
WITHDRAWN = "The run that asked was cancelled."


class Wait(msgspec.Struct):
    tokens: Sequence[str]
    mode: Mode = "all"
    until: datetime | None = None
    input: str | None = None

    @property
    def name(self) -> str:
        """What the journal calls it."""
        if self.input is not None:
            return names.named_input(self.input)
        return names.SLEEP if self.until is not None else names.WAIT


class MemoryRun:
    """A run, as the server would keep it, and its execution, as a worker would."""

    def __init__(self, id: str, work: Work, payload: Any) -> None:
        self.id = id
        self.task = work.id
        self.work = work
        self.payload = payload
        self.status: RunStatus = "QUEUED"
        self.parent: str | None = None
        self.tags: Sequence[str] = ()
        self.attempt = 1
        self.generation = 0
        self.available_at = FIRST_MOMENT
        self.output: Any = None
        self.failure: Failure | None = None
        self.problem: str | None = None
        self.token_id = f"waitpoint_of_{id}"
        self.journal: dict[str, Checkpoint] = {}
        self.waits: dict[str, Wait] = {}
        self.unread: dict[str, list[str]] = {}
        self.execution: Execution | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in ENDED


class Memory:
    """The engine of a rehearsal."""

    def __init__(self, *, always_replay: bool = False) -> None:
        self.clock = FIRST_MOMENT
        self.works: dict[str, Work] = {}
        self.tokens: dict[str, Token] = {}
        self.runs: dict[str, MemoryRun] = {}
        #: Tokens that nobody has created: the ends of runs, and inputs.
        self.hidden: set[str] = set()
        self.channel = MemoryChannel(self)
        #: Called before and after everything that a run asks of the engine. It may raise `Fenced`.
        self.at_each_call: Callable[[str], None] = lambda _: None
        self._always_replay = always_replay
        self._numbers = itertools.count(1)
        self._keys: dict[tuple[str, str], tuple[str, datetime]] = {}
        self._withdrawn: set[str] = set()
        self._executions: set[Execution] = set()
        self._changed: asyncio.Event | None = None

    # What the executions ask.

    def now(self) -> datetime:
        return self.clock

    async def pause(self, seconds: float) -> None:
        """Pauses between attempts take no time here."""
        await asyncio.sleep(0)

    async def record(self, owner: Owner, checkpoint: Checkpoint) -> Checkpoint:
        return await self._call(f"record {checkpoint.position}", owner, lambda run: _write(run, checkpoint))

    async def create_token(self, owner: Owner, position: str, options: Mapping[str, Any]) -> Checkpoint:
        def create(run: MemoryRun) -> Checkpoint:
            known = run.journal.get(position)
            return known or _write(run, Checkpoint(position, names.CREATE_TOKEN, self.make_token(options)))

        return await self._call(f"create_token {position}", owner, create)

    async def trigger(
        self, owner: Owner, position: str, task: str, payload: Any, options: Mapping[str, Any]
    ) -> Checkpoint:
        def trigger(run: MemoryRun) -> Checkpoint:
            known = run.journal.get(position)
            if known is not None:
                return known
            child = self.trigger_run(task, payload, options, run.id)
            return _write(run, Checkpoint(position, names.TRIGGER, {"run": child.id, "token": child.token_id}))

        return await self._call(f"trigger {position}", owner, trigger)

    async def wait(self, owner: Owner, position: str, tokens: Sequence[str], mode: Mode) -> Ended | None:
        for token_id in tokens:
            if token_id not in self.tokens:
                raise UnknownToken(token_id)
        return await self._call(f"wait {position}", owner, lambda run: self._open(run, position, Wait(tokens, mode)))

    async def sleep(self, owner: Owner, position: str, until: datetime, key: SleepKey | None) -> Ended | None:
        def sleep(run: MemoryRun) -> Ended | None:
            at = until
            if key is not None and position not in run.journal and position not in run.waits:
                at = self._sleep_of(key, until)
            return self._open(run, position, Wait([], until=at))

        return await self._call(f"sleep {position}", owner, sleep)

    async def input(self, owner: Owner, position: str, name: str, timeout: str | None) -> Ended | None:
        def take(run: MemoryRun) -> Ended | None:
            if position in run.journal or position in run.waits:
                return self._open(run, position, Wait([]))
            unread = run.unread.get(name)
            token = unread.pop(0) if unread else self._new_token(self._moment(timeout)).id
            return self._open(run, position, Wait([token], input=name))

        return await self._call(f"input {position}", owner, take)

    async def park(self, owner: Owner, positions: Sequence[str]) -> Sequence[Ended]:
        def park(run: MemoryRun) -> Sequence[Ended]:
            ended = [_ended(run.journal[position]) for position in positions if position in run.journal]
            if not ended:
                run.status = "WAITING"
            return ended

        return await self._call("park", owner, park)

    async def finish(self, owner: Owner, output: Any) -> None:
        await self._call("finish", owner, lambda run: self._end(run, "COMPLETED", output=output))

    async def fail(self, owner: Owner, error: Failure, retry_in: float | None) -> None:
        def fail(run: MemoryRun) -> None:
            if retry_in is None:
                self._end(run, "FAILED", failure=error)
            else:
                run.attempt += 1
                self._requeue(run)

        await self._call("fail", owner, fail)

    async def problem(self, owner: Owner, text: str) -> None:
        def keep(run: MemoryRun) -> None:
            run.status, run.problem = "WAITING", text

        await self._call("problem", owner, keep)

    def parked(self, execution: Execution) -> None:
        if self._always_replay:
            execution.evict()
        self._ring()

    def over(self, execution: Execution) -> None:
        run = self.runs[execution.owner.run]
        if run.execution is execution:
            run.execution = None
        self._ring()

    # What the rehearsal does.

    def make_token(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Create a token as the server does, and give what it answers."""
        key, request = options.get("idempotencyKey"), options.get("request")
        cached = self._cached("token", key)
        if cached is None:
            cached = f"waitpoint_{next(self._numbers)}"
            self._keep_key("token", key, cached, options)
            self.tokens[cached] = Token(
                id=cached,
                status="WAITING",
                created_at=self.clock,
                tags=list(options.get("tags", ())),
                timeout_at=self._moment(options.get("timeout", "10m" if request is None else "7d")),
                idempotency_key=key,
                request=request,
                request_version=None if request is None else 1,
            )
            return _made(self.tokens[cached], is_cached=False)
        return _made(self.token(cached), is_cached=True)

    def amend(self, token_id: str, changes: Mapping[str, Any]) -> Token:
        """Ask something else. A rehearsal does not judge what is asked, nor what is answered: the server does."""
        token = self.token(token_id)
        if token.is_settled:
            raise AlreadySettled(f"{token_id} was settled before.", answer={"tokenStatus": token.status})
        fields = {name: value for name, value in {**(token.request or {}), **changes}.items() if value is not None}
        self.tokens[token_id] = replace(token, request=fields, request_version=(token.request_version or 0) + 1)
        return self.tokens[token_id]

    def trigger_run(self, task: str, payload: Any, options: Mapping[str, Any], parent: str | None = None) -> MemoryRun:
        """Queue a run. Its end settles a token of its own."""
        if task not in self.works:
            raise InvalidInput(f"The rehearsal does not know the task {task}. Show it with rehearsal.deploy(…).")
        key = options.get("idempotencyKey")
        cached = self._cached(task, key)
        if cached is not None:
            return self.runs[cached]
        run = MemoryRun(f"run_{next(self._numbers)}", self.works[task], payload)
        run.parent = parent
        run.tags = tuple(options.get("tags", ()))
        run.available_at = self._moment(options.get("delay")) or self.clock
        self._keep_key(task, key, run.id, options)
        self.runs[run.id] = run
        self.hidden.add(run.token_id)
        self.tokens[run.token_id] = Token(id=run.token_id, status="WAITING", created_at=self.clock, tags=[])
        return run

    def send(self, run: MemoryRun, name: str, output: str) -> None:
        """Give a run a value: to the wait that is open, or to the next one."""
        for wait in list(run.waits.values()):
            if wait.input == name and self.settle(wait.tokens[0], "COMPLETED", output=output):
                return
        token = self._new_token(None)
        self.settle(token.id, "COMPLETED", output=output)
        run.unread.setdefault(name, []).append(token.id)

    def retry_run(self, run: MemoryRun) -> None:
        """Try a run once more that has failed or was cancelled."""
        if run.status == "COMPLETED":
            raise RunHasEnded(f"{run.id} is completed; there is nothing to try again.")
        if run.status in {"FAILED", "CANCELED"}:
            run.attempt += 1
            run.output, run.failure = None, None
            self._begin_anew(run)
            self._requeue(run)

    def token(self, token_id: str) -> Token:
        if token_id not in self.tokens:
            raise TokenNotFound(f"There is no token {token_id}.")
        return self.tokens[token_id]

    def settle(
        self, token_id: str, status: Status, *, output: str | None = None, is_error: bool = False, **details: Any
    ) -> bool:
        """Settle a token and wake the runs that wait for it. False when somebody was first."""
        token = self.token(token_id)
        if token.is_settled:
            return False
        self.tokens[token_id] = replace(
            token,
            status=status,
            completed_at=self.clock,
            raw_output=output,
            output_type="application/json" if output is not None else None,
            output_is_error=is_error,
            **details,
        )
        for run in self.runs.values():
            self._wake(run)
        return True

    def cancel_run(self, run: MemoryRun) -> None:
        """End a run from outside, and with it the runs that it has begun and that have not ended, and what they ask."""
        if run.is_finished:
            return
        family = self._cancel(run)
        for token_id in sorted(token_id for each in family for token_id in self._asked_by(each)):
            self._withdraw(token_id)

    def _cancel(self, run: MemoryRun) -> list[MemoryRun]:
        """Gives every run that ended."""
        run.generation += 1
        execution = run.execution
        self._end(run, "CANCELED")
        if execution is not None:
            execution.evict()
        children = [child for child in self._all() if child.parent == run.id and not child.is_finished]
        return [run, *(each for child in children for each in self._cancel(child))]

    def _asked_by(self, run: MemoryRun) -> list[str]:
        made = [each.result["id"] for each in run.journal.values() if each.name == names.CREATE_TOKEN]
        # Who shares a question by its idempotency key may still want the answer.
        return [token for token in made if self.token(token).request and not self.token(token).idempotency_key]

    def _withdraw(self, token_id: str) -> None:
        """Unless another run waits for it."""
        if any(token_id in wait.tokens for run in self.runs.values() for wait in run.waits.values()):
            return
        if self.settle(token_id, "TIMED_OUT", cancelled_at=self.clock, cancel_reason=WITHDRAWN):
            self._withdrawn.add(token_id)

    def next_moment(self) -> datetime | None:
        """When something is due next."""
        moments = [token.timeout_at for token in self.tokens.values() if token.is_waiting and token.timeout_at]
        moments += [wait.until for run in self.runs.values() for wait in run.waits.values() if wait.until]
        moments += [run.available_at for run in self.runs.values() if run.status == "QUEUED"]
        return min(moments, default=None)

    def sweep(self) -> None:
        """Do what is due."""
        for token in list(self.tokens.values()):
            if token.is_waiting and token.timeout_at is not None and token.timeout_at <= self.clock:
                self._meet_deadline(token)
        for run in self.runs.values():
            self._wake(run)

    def _meet_deadline(self, token: Token) -> None:
        default = (token.request or {}).get("onTimeout")
        if default is None:
            self.settle(token.id, "TIMED_OUT")
        else:
            self.settle(token.id, "COMPLETED", output=json.dumps(default["output"]), answered_by="default")

    def evict_parked(self) -> None:
        for execution in list(self._executions):
            if execution.is_parked:
                execution.evict()

    def crash(self) -> None:
        for execution in list(self._executions):
            execution.evict()
        for run in self.runs.values():
            if run.status == "EXECUTING":
                self._requeue(run)

    def deploy(self) -> None:
        self.evict_parked()
        for run in self.runs.values():
            run.work = self.works[run.task]
            if run.problem is not None:
                self._requeue(run)

    async def until_quiet(self) -> None:
        """Until every run has come to a wait or to its end."""
        self._changed = asyncio.Event()
        while self._start_queued() or any(run.status == "EXECUTING" or self._is_closing(run) for run in self._all()):
            self._changed.clear()
            await self._changed.wait()
        for execution in list(self._executions):
            if execution.is_closed:
                await execution.ended()
                self._executions.discard(execution)

    async def close(self) -> None:
        self.crash()
        for execution in self._executions:
            await execution.ended()

    # The rules.

    async def _call(self, what: str, owner: Owner, change: Callable[[MemoryRun], T]) -> T:
        """One message there and back, with room for others before and after."""
        await asyncio.sleep(0)
        self.at_each_call(f"before {what}")
        run = self.runs[owner.run]
        if run.generation != owner.generation or run.status != "EXECUTING":
            raise Fenced
        answer = change(run)
        self._ring()
        self.at_each_call(f"after {what}")
        await asyncio.sleep(0)
        return answer

    def _open(self, run: MemoryRun, position: str, wait: Wait) -> Ended | None:
        """The first wait that is opened at a position stays; a replay opens it again."""
        if position not in run.journal:
            run.waits.setdefault(position, wait)
            self._close_waits(run)
        known = run.journal.get(position)
        return None if known is None else _ended(known)

    def _wake(self, run: MemoryRun) -> None:
        ended = self._close_waits(run)
        if not ended or run.is_finished:
            return
        execution = run.execution
        if run.status == "EXECUTING" and execution is not None:
            execution.deliver(ended)
        elif run.status == "WAITING" and run.problem is None:
            if execution is not None and execution.is_parked and not execution.is_closed:
                run.generation += 1
                run.status = "EXECUTING"
                execution.resume(run.generation, ended)
            else:
                self._requeue(run)
        self._ring()

    def _close_waits(self, run: MemoryRun) -> list[Ended]:
        ended = []
        for position, wait in list(run.waits.items()):
            settled = [token for token in map(self.token, wait.tokens) if token.is_settled]
            if wait.until is not None:
                is_over = wait.until <= self.clock
            else:
                is_over = bool(settled) if wait.mode == "any" else len(settled) == len(wait.tokens)
            if is_over:
                del run.waits[position]
                ended.append(_ended(_write(run, Checkpoint(position, wait.name, tokens=settled))))
        return ended

    def _end(self, run: MemoryRun, status: RunStatus, output: Any = None, failure: Failure | None = None) -> None:
        run.status, run.output, run.failure, run.execution = status, output, failure, None
        run.waits.clear()
        if status == "CANCELED":
            words = json.dumps({"type": CANCELED, "message": "The run was cancelled."})
            self.settle(run.token_id, "COMPLETED", output=words, is_error=True)
        elif failure is not None:
            words = json.dumps({"type": failure.type, "message": failure.message})
            self.settle(run.token_id, "COMPLETED", output=words, is_error=True)
        else:
            self.settle(run.token_id, "COMPLETED", output=json.dumps(output))

    def _requeue(self, run: MemoryRun) -> None:
        run.status, run.problem, run.execution = "QUEUED", None, None
        run.generation += 1
        self._ring()

    def _start_queued(self) -> bool:
        queued = [run for run in self._all() if run.status == "QUEUED" and run.available_at <= self.clock]
        for run in queued:
            run.generation += 1
            run.status = "EXECUTING"
            to_do = RunToDo(
                owner=Owner(run.id, run.generation),
                task=run.task,
                payload=run.payload,
                attempt=run.attempt,
                tags=run.tags,
                checkpoints=list(run.journal.values()),
            )
            run.execution = execution = Execution(run.work, to_do, self)
            self._executions.add(execution)
            execution.start()
        return bool(queued)

    def _is_closing(self, run: MemoryRun) -> bool:
        """Parked for the server, but the execution has not heard of it yet."""
        return run.status == "WAITING" and run.execution is not None and not run.execution.is_parked

    def _all(self) -> Iterator[MemoryRun]:
        return iter(list(self.runs.values()))

    def _ring(self) -> None:
        if self._changed is not None:
            self._changed.set()

    def _moment(self, given: str | None) -> datetime | None:
        if given is None:
            return None
        if "T" in given:
            return datetime.fromisoformat(given)
        return self.clock + timedelta(seconds=arguments.lasting("timeout", given))

    def _cached(self, kind: str, key: str | None) -> str | None:
        found, until = self._keys.get((kind, key or ""), (None, self.clock))
        return found if self.clock < until else None

    def _begin_anew(self, run: MemoryRun) -> None:
        """Children that were cancelled before the run heard of their end, and questions that its end withdrew."""
        made = {
            position.partition("#")[0]: checkpoint
            for position, checkpoint in run.journal.items()
            if checkpoint.name in {names.TRIGGER, names.CREATE_TOKEN}
        }
        afresh = [position for position, checkpoint in made.items() if self._is_gone(run, checkpoint)]
        if afresh:
            attempts = sum(position.startswith("retry/") for position in run.journal)
            _write(run, Checkpoint(f"retry/{attempts + 1}", names.RETRY, afresh))

    def _is_gone(self, run: MemoryRun, made: Checkpoint) -> bool:
        if made.name == names.CREATE_TOKEN:
            return made.result["id"] in self._withdrawn
        told = {token.id for checkpoint in run.journal.values() for token in checkpoint.tokens or ()}
        return made.result["token"] not in told and self.runs[made.result["run"]].status == "CANCELED"

    def _sleep_of(self, key: SleepKey, until: datetime) -> datetime:
        """The instant for which the first sleep under this key waits."""
        known = self._cached("sleep", key.text)
        if known is not None:
            return datetime.fromisoformat(known)
        self._keep_key("sleep", key.text, until.isoformat(), {"idempotencyKeyTTL": key.lifetime or "30d"})
        return until

    def _new_token(self, timeout_at: datetime | None) -> Token:
        """A token of a run's own, which nobody lists."""
        token_id = f"waitpoint_{next(self._numbers)}"
        token = Token(id=token_id, status="WAITING", created_at=self.clock, tags=[], timeout_at=timeout_at)
        self.hidden.add(token_id)
        self.tokens[token_id] = token
        return token

    def _keep_key(self, kind: str, key: str | None, id: str, options: Mapping[str, Any]) -> None:
        until = self._moment(options.get("idempotencyKeyTTL", "1h" if kind == "token" else "30d"))
        if key is not None and until is not None:
            self._keys[kind, key] = id, until


class MemoryChannel:
    """The token API of a rehearsal."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def begin(self) -> Self:
        return self

    async def ask(self, call: Call[T]) -> T:
        await asyncio.sleep(0)
        return call.read(msgspec.json.encode(self.answer(call)))

    def settled(self, token_id: str, within: float | None) -> Coroutine[Any, Any, Token]:
        raise InvalidInput("A step cannot wait for a token, since it would hold its worker. Wait in the task.")

    def changes(self, run_id: str) -> AsyncGenerator[Run]:
        raise InvalidInput("A step cannot follow a run, since it would hold its worker. Wait for it in the task.")

    def answer(self, call: Call[Any]) -> Any:
        """What the server says to this call."""
        body = json.loads(call.body or b"null")
        parts = call.path.removeprefix("/api/").split("/")
        if "waitpoints" in parts:
            return self._answer_about_tokens(call, body, parts)
        return self._answer_about_runs(call, body, parts)

    def _answer_about_tokens(self, call: Call[Any], body: Any, parts: list[str]) -> Any:
        match call.method, parts:
            case "POST", ["v1", "waitpoints", "tokens"]:
                return self._memory.make_token(body)
            case "GET", ["v1", "waitpoints", "tokens"]:
                return {"data": self._listed(call.query), "pagination": {}}
            case "GET", ["v1", "waitpoints", "tokens", token_id]:
                return self._memory.token(token_id)
            case "POST", ["v1", "waitpoints", "tokens", token_id, "complete"]:
                only_waiting = call.headers.get("x-waitpoint-if-waiting") == "true"
                return self._complete(token_id, json.dumps(body["data"]), only_waiting)
            case "PATCH", ["v1", "waitpoints", "tokens", token_id, "request"]:
                return self._memory.amend(token_id, body)
            case "POST", ["v1", "waitpoints", "tokens", token_id, "cancel"]:
                now, reason = self._memory.now(), body.get("reason")
                won = self._memory.settle(token_id, "TIMED_OUT", cancelled_at=now, cancel_reason=reason)
                return Settlement(success=True, already_completed=not won)
        raise _unknown(call)

    def _answer_about_runs(self, call: Call[Any], body: Any, parts: list[str]) -> Any:
        match call.method, parts:
            case "POST", ["v1", "tasks", task, "trigger"]:
                return {"id": self._memory.trigger_run(unquote(task), body["payload"], body.get("options", {})).id}
            case "GET", ["v3", "runs", run_id]:
                return self._run(run_id)
            case "POST", ["v1", "runs", run_id, "inputs", name]:
                return self._send(self._found(run_id), unquote(name), json.dumps(body["data"]))
            case "POST", ["v1", "runs", run_id, "retry"]:
                self._memory.retry_run(self._found(run_id))
                return {"id": run_id}
            case "POST", ["v2", "runs", run_id, "cancel"]:
                self._memory.cancel_run(self._found(run_id))
                return {"id": run_id}
        raise _unknown(call)

    def _complete(self, token_id: str, output: str, only_waiting: bool) -> Settlement:  # noqa: FBT001 (from a header)
        won = self._memory.settle(token_id, "COMPLETED", output=output)
        token = self._memory.token(token_id)
        if not won and only_waiting:
            raise AlreadySettled(f"{token_id} was settled before.", answer={"tokenStatus": token.status})
        return Settlement(success=True, already_completed=not won, status=token.status, completed_at=token.completed_at)

    def _listed(self, query: Mapping[str, str]) -> list[Token]:
        statuses = query.get("filter[status]", "").split(",")
        tags = query.get("filter[tags]", "").split(",")
        return [
            token
            for token in reversed(self._memory.tokens.values())
            if token.status in statuses or statuses == [""]
            if set(token.tags) & set(tags) or tags == [""]
        ]

    def _send(self, run: MemoryRun, name: str, output: str) -> dict[str, Any]:
        if run.is_finished:
            raise RunHasEnded(f"{run.id} has ended and takes no input.")
        self._memory.send(run, name, output)
        return {"success": True}

    def _run(self, run_id: str) -> dict[str, Any]:
        run = self._found(run_id)
        answer = {"id": run.id, "status": run.status, "taskIdentifier": run.task, "output": run.output}
        failure = run.failure
        error = failure and {"name": failure.type, "message": failure.message, "stackTrace": failure.traceback}
        return answer | ({"error": error} if error else {})

    def _found(self, run_id: str) -> MemoryRun:
        if run_id not in self._memory.runs:
            raise RunNotFound(f"There is no run {run_id}.")
        return self._memory.runs[run_id]


def _unknown(call: Call[Any]) -> WaitpointError:
    return WaitpointError(f"A rehearsal has no {call.method} {call.path}.")


def _write(run: MemoryRun, checkpoint: Checkpoint) -> Checkpoint:
    """An earlier record at the same position stays, and is the answer."""
    return run.journal.setdefault(checkpoint.position, checkpoint)


def _ended(checkpoint: Checkpoint) -> Ended:
    return Ended(checkpoint.position, checkpoint.tokens or [])


def _made(token: Token, *, is_cached: bool) -> dict[str, Any]:
    made = {
        "id": token.id,
        "isCached": is_cached,
        "url": f"https://waitpoint.test/api/v1/waitpoints/tokens/{token.id}/callback/secret",
        "publicAccessToken": "public",
    }
    if token.request is None:
        return made
    made["approvalUrl"] = f"https://waitpoint.test/approve/{token.id}"
    if journey := token.request.get("journey"):
        made["journeyUrl"] = f"https://waitpoint.test/journeys/{journey}"
    return made
