"""The shapes of runs on the wire, and what may come in."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ..clock import iso
from ..durations import BadDuration, parse_deadline, parse_duration
from ..tokens.schemas import Duration, Instant, Pagination, Tag, key_in, object_in, refuse_unknown, tags_in
from ..web import strict_json
from ..web.problems import invalid
from .lifecycle import NewRun
from .messages import LONGEST_NAME
from .models import COMPLETED, FAILED, STATUSES, Run

LONGEST_TASK = 128  # characters
_FIELDS = {"payload", "options", "context"}
_OPTIONS = {"tags", "idempotencyKey", "idempotencyKeyTTL", "delay", "payloadType"}

Known = Annotated[str, Meta(extra_json_schema={"enum": list(STATUSES)})]
Key = Annotated[str, Meta(max_length=2048, description="The same key gives the same run of the task. Empty: none.")]


class TriggerOptions(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """How a run is queued; every field may be left out."""

    tags: Tag | list[Tag] = []
    idempotency_key: Key = ""
    idempotency_key_ttl: Duration | UnsetType = msgspec.field(default=UNSET, name="idempotencyKeyTTL")
    delay: (
        Annotated[str, Meta(description="When it may begin: a duration such as 10m, or an ISO 8601 instant.")]
        | UnsetType
    ) = UNSET


class TriggerTask(msgspec.Struct, omit_defaults=True, frozen=True):
    """What a task is given."""

    payload: Annotated[Any, Meta(description="Any JSON value; an object becomes the task's keyword arguments.")] = None
    options: TriggerOptions = TriggerOptions()


class TriggeredRun(msgspec.Struct, rename="camel", frozen=True):
    """A run that was queued, or the one that the same key had queued before."""

    id: str
    is_cached: bool


class RunId(msgspec.Struct, frozen=True):
    """The run that was meant."""

    id: str


class SendInput(msgspec.Struct, omit_defaults=True, frozen=True):
    """A value for a run."""

    data: Annotated[Any, Meta(description="Any JSON value; null when left out.")] = msgspec.UNSET


class SentInput(msgspec.Struct, frozen=True):
    """The value is stored: a wait has ended with it, or the next one will."""

    success: Literal[True]


class WorkerCall(msgspec.Struct, frozen=True):
    """What a worker says of a run, as on its websocket; further fields depend on the type."""

    type: Annotated[str, Meta(description="step, create_token, trigger, finish, fail, …")]
    id: Annotated[int, Meta(ge=0)]
    run: str
    generation: Annotated[int, Meta(ge=0)]


class WorkerReply(msgspec.Struct, omit_defaults=True, frozen=True):
    """What it is answered, as on its websocket."""

    fenced: Annotated[bool, Meta(description="The run is no longer this worker's, and nothing was changed.")] = False


class RunError(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True):
    """What a task raised."""

    name: str
    message: str
    stack_trace: str | None = None


class RunSummary(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """A run without what it was given and gave. Absent values are left out, never null."""

    id: str
    status: Known
    task_identifier: str
    created_at: Instant
    updated_at: Instant
    is_queued: bool
    is_executing: bool
    is_waiting: bool
    is_completed: bool
    is_success: bool
    is_failed: bool
    is_cancelled: bool
    is_test: bool
    tags: tuple[str, ...]
    cost_in_cents: int
    base_cost_in_cents: int
    duration_ms: int
    started_at: Instant | None = None
    finished_at: Instant | None = None
    delayed_until: Instant | None = None
    idempotency_key: str | None = None
    parent_id: str | None = None
    problem: Annotated[str | None, Meta(description="Why the run waits although its code could go on.")] = None


class RunEnvironment(msgspec.Struct, frozen=True):
    """Where a run is."""

    id: str
    name: str


class ListedRun(RunSummary, frozen=True, kw_only=True):
    """A run in a list."""

    env: RunEnvironment


class ShownRun(RunSummary, frozen=True, kw_only=True):
    """A run as programs see it. Absent values are left out, never null."""

    depth: int
    trigger_function: str
    attempt_count: int
    related_runs: dict[str, str]
    payload: Any = None
    output: Any = None
    error: RunError | None = None


class RunList(msgspec.Struct, frozen=True):
    """A page of runs, newest first, without payloads and outputs."""

    data: list[ListedRun]
    pagination: Pagination


class RunEvent(msgspec.Struct, frozen=True):
    """Something that happened to a run."""

    seq: int
    kind: str
    at: Instant
    data: dict[str, Any]


class RunEvents(msgspec.Struct, frozen=True):
    """Everything that happened to a run, oldest first."""

    events: list[RunEvent]


def new_run(task: str, body: bytes, now: datetime, request_key: str | None, *, strict: bool) -> NewRun:
    """What the body of a trigger asks for. Raises a Problem that names the field and the rule."""
    fields = object_in(body)
    options = fields.get("options", {})
    if not isinstance(options, dict):
        raise invalid("/options", "not-an-object", "must be a JSON object")
    if strict:
        refuse_unknown(fields, _FIELDS)
        refuse_unknown(options, _OPTIONS, "/options")
    return run_with(task, _payload(fields.get("payload"), options.get("payloadType")), options, now, request_key)


def run_with(
    task: str, payload: str, options: Mapping[str, Any], now: datetime, request_key: str | None = None
) -> NewRun:
    """A run of a task with these options. Raises a Problem."""
    if not task.strip() or len(task) > LONGEST_TASK or not task.isprintable():
        raise invalid("/task", "invalid-task", f"must be a text of 1 to {LONGEST_TASK} characters")
    key = key_in(options, "/options/idempotencyKey")
    return NewRun(
        task=task,
        payload=payload,
        tags=tags_in(options.get("tags", []), "/options/tags"),
        delay=_delay(options.get("delay", UNSET), now),
        idempotency_key=key,
        idempotency_key_ttl=_lifetime(options.get("idempotencyKeyTTL", UNSET)),
        request_key=request_key,
    )


def input_name(name: str) -> str:
    """The name of an input, as it stands in a path. Raises a Problem."""
    if not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise invalid("/name", "invalid-name", f"must be a text of 1 to {LONGEST_NAME} characters")
    return name


def shown(run: Run) -> ShownRun:
    """The run for a program that asks for it."""
    return ShownRun(
        **_summary(run),
        depth=0 if run.parent_id is None else 1,
        trigger_function="trigger" if run.parent_id is None else "triggerAndWait",
        attempt_count=run.attempt if run.started_at else 0,
        related_runs={},
        payload=_json(run.payload),
        output=_json(run.output),
        error=_error(run.error) if run.error is not None and run.status != COMPLETED else None,
    )


def listed(run: Run, environment: str) -> ListedRun:
    """The run for a list."""
    return ListedRun(**_summary(run), env=RunEnvironment(run.environment_id, environment))


def _summary(run: Run) -> dict[str, Any]:
    ended = run.finished_at
    is_delayed = run.started_at is None and run.available_at > run.created_at
    return {
        "id": run.id,
        "status": run.status,
        "task_identifier": run.task,
        "created_at": iso(run.created_at),
        "updated_at": iso(ended or run.started_at or run.created_at),
        "is_queued": run.is_queued,
        "is_executing": run.is_executing,
        "is_waiting": run.is_waiting,
        "is_completed": run.is_finished,
        "is_success": run.status == COMPLETED,
        "is_failed": run.status == FAILED,
        "is_cancelled": run.is_canceled,
        "is_test": False,
        "tags": run.tags,
        "cost_in_cents": 0,
        "base_cost_in_cents": 0,
        "duration_ms": int((ended - run.started_at).total_seconds() * 1000) if ended and run.started_at else 0,
        "started_at": _moment(run.started_at),
        "finished_at": _moment(ended),
        "delayed_until": _moment(run.available_at) if is_delayed else None,
        "idempotency_key": run.idempotency_key,
        "parent_id": run.parent_id,
        "problem": run.problem,
    }


def _payload(payload: Any, kind: Any) -> str:
    """The payload as JSON text. The official SDK sends it as text, and says beside it what the text is."""
    if isinstance(payload, str) and kind in {"application/json", "application/super+json"}:
        payload = strict_json.parse(payload.encode()) if payload.strip() else None
        if kind == "application/super+json" and isinstance(payload, dict):
            payload = payload.get("json")
    return msgspec.json.encode(payload).decode()


def _delay(delay: Any, now: datetime) -> timedelta | datetime | None:
    if delay is UNSET:
        return None
    if not isinstance(delay, str):
        raise invalid("/options/delay", "invalid-duration", 'must be a duration such as "10m", or an instant, as text')
    try:
        return parse_deadline(delay, now)
    except BadDuration as error:
        if error.code == "deadline-in-past":
            return None
        raise invalid("/options/delay", error.code, str(error)) from error


def _lifetime(lifetime: Any) -> timedelta:
    if lifetime is UNSET:
        return timedelta(days=30)
    if not isinstance(lifetime, str):
        raise invalid("/options/idempotencyKeyTTL", "invalid-duration", 'must be a duration such as "1h"')
    try:
        return parse_duration(lifetime)
    except BadDuration as error:
        raise invalid("/options/idempotencyKeyTTL", error.code, str(error)) from error


def _error(text: str) -> RunError:
    error: Any = msgspec.json.decode(text)
    fields = error if isinstance(error, dict) else {"message": str(error)}
    trace = fields.get("traceback")
    return RunError(str(fields.get("type") or "Error"), str(fields.get("message") or ""), str(trace) if trace else None)


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.Raw(text.encode())


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
