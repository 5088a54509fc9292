"""The calls of the API that are about runs. Nothing here touches a network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias, TypedDict
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from waitpoint import _arguments as arguments
from waitpoint._arguments import Duration, Moment
from waitpoint._calls import LONGEST_POLL, Call
from waitpoint._errors import InvalidInput, ServerUnavailable

RunStatus: TypeAlias = Literal["QUEUED", "EXECUTING", "WAITING", "COMPLETED", "FAILED", "CANCELED"]

#: The type of the error that a cancelled child run ends in.
CANCELED = "RunCanceled"

ENDED: tuple[RunStatus, ...] = ("COMPLETED", "FAILED", "CANCELED")


class RunError(Struct, frozen=True):
    """What a task raised."""

    name: str = "Error"
    message: str = ""
    stack_trace: str = field(default="", name="stackTrace")


class Run(Struct, frozen=True, kw_only=True, rename="camel"):
    """A run as it stands."""

    id: str
    status: RunStatus
    task: str = field(default="", name="taskIdentifier")
    tags: list[str] = field(default_factory=list)
    created_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    attempt: int = field(default=0, name="attemptCount")
    problem: str | None = None
    payload: Any = None
    output: Any = None
    error: RunError | None = None

    @property
    def is_finished(self) -> bool:
        return self.status in ENDED

    @property
    def is_waiting(self) -> bool:
        return self.status == "WAITING"

    def __repr__(self) -> str:
        return f"Run(id={self.id!r}, status={self.status!r}, task={self.task!r})"


class RunPage(Struct, frozen=True):
    """Some runs, newest first, and the cursor of the page behind them."""

    runs: list[Run]
    next: str | None = None


class TriggerOptions(TypedDict, total=False):
    """How a run is begun. Everything may be left out."""

    #: The same key gives the same run, as long as the key lives.
    idempotency_key: str
    idempotency_key_ttl: Duration
    #: Up to ten words to find the run by.
    tags: str | Sequence[str]
    #: Begin later: after a text (`30s`, `1d12h`) or a timedelta, or at a moment.
    delay: Duration | datetime


class _Made(Struct):
    id: str


class _Pagination(Struct):
    next: str | None = None


class _Listed(Struct):
    data: list[Run]
    pagination: _Pagination


class _Sent(Struct):
    success: Literal[True]


class _Event(Struct):
    seq: int


class _Events(Struct):
    events: list[_Event]


def trigger_options(
    *,
    idempotency_key: str | None = None,
    idempotency_key_ttl: Duration | None = None,
    tags: str | Sequence[str] | None = None,
    delay: Duration | datetime | None = None,
) -> dict[str, Any]:
    """The options of a trigger as they travel."""
    options: dict[str, Any] = {}
    if idempotency_key is not None:
        options["idempotencyKey"] = arguments.text("idempotency_key", idempotency_key)
    if idempotency_key_ttl is not None:
        options["idempotencyKeyTTL"] = arguments.duration("idempotency_key_ttl", idempotency_key_ttl)
    if tags is not None:
        options["tags"] = arguments.texts("tags", tags)
    if isinstance(delay, datetime):
        options["delay"] = arguments.moment("delay", delay)
    elif delay is not None:
        options["delay"] = arguments.duration("delay", delay)
    return options


def trigger(task: str, payload: Any, options: dict[str, Any]) -> Call[str]:
    body = {"payload": payload, **({"options": options} if options else {})}
    return Call(
        method="POST",
        path=f"/api/v1/tasks/{quote(task, safe='')}/trigger",
        headers={"x-waitpoint-sdk": "python"},
        body=arguments.body("The payload", body, arguments.MAX_OUTPUT_BYTES),
        read=lambda answer: _read(answer, _Made).id,
    )


def trigger_any(task: str, payload: Any, options: TriggerOptions) -> Call[str]:
    """The same for a program that has the task's id only, and a payload of any kind."""
    return trigger(arguments.text("task", task), arguments.plain("payload", payload), trigger_options(**options))


def retrieve_run(run: str) -> Call[Run]:
    return Call(method="GET", path=f"/api/v3/runs/{_checked(run)}", read=lambda answer: _read(answer, Run))


def list_runs(
    *,
    status: RunStatus | Sequence[RunStatus] | None = None,
    task: str | Sequence[str] | None = None,
    tags: str | Sequence[str] | None = None,
    period: Duration | None = None,
    created_from: Moment | None = None,
    created_to: Moment | None = None,
    page_size: int | None = None,
    after: str | None = None,
) -> Call[RunPage]:
    query = {
        "filter[status]": _one_of_several("status", status),
        "filter[taskIdentifier]": _one_of_several("task", task),
        "filter[tag]": _one_of_several("tags", tags),
        "filter[createdAt][period]": None if period is None else arguments.duration("period", period),
        "filter[createdAt][from]": None if created_from is None else arguments.moment("created_from", created_from),
        "filter[createdAt][to]": None if created_to is None else arguments.moment("created_to", created_to),
        "page[size]": None if page_size is None else str(page_size),
        "page[after]": after,
    }
    return Call(
        method="GET",
        path="/api/v1/runs",
        query={name: value for name, value in query.items() if value is not None},
        read=_read_page,
    )


def cancel_run(run: str) -> Call[str]:
    return Call(method="POST", path=f"/api/v2/runs/{_checked(run)}/cancel", read=lambda answer: _read(answer, _Made).id)


def _read_page(answer: bytes) -> RunPage:
    listed: _Listed = _read(answer, _Listed)
    return RunPage(listed.data, listed.pagination.next)


def _one_of_several(name: str, value: str | Sequence[str] | None) -> str | None:
    return None if value is None else ",".join(arguments.texts(name, value))


def retry_run(run: str) -> Call[str]:
    return Call(method="POST", path=f"/api/v1/runs/{_checked(run)}/retry", read=lambda answer: _read(answer, _Made).id)


def poll_run(run: str, after: int, within: float = LONGEST_POLL) -> Call[int]:
    """The number of the last event behind `after`, as soon as there is one; `after` itself when the time is up."""
    seconds = max(1, int(min(within, LONGEST_POLL)))
    return Call(
        method="GET",
        path=f"/api/v1/runs/{_checked(run)}/events",
        query={"after": str(after), "timeout": f"{seconds}s"},
        read=lambda answer: max((event.seq for event in _read(answer, _Events).events), default=after),
        silence=seconds + 10.0,
    )


def send_input(run: str, name: str, value: Any) -> Call[None]:
    return Call(
        method="POST",
        path=f"/api/v1/runs/{_checked(run)}/inputs/{quote(name, safe='')}",
        body=arguments.body("The value", {"data": value}, arguments.MAX_OUTPUT_BYTES),
        read=lambda answer: _read(answer, _Sent) and None,
    )


def _checked(run: object) -> str:
    if not isinstance(run, str) or not run.startswith("run_") or not run.replace("_", "").isalnum():
        raise InvalidInput(f"{run!r} is not the id of a run. Ids look like `run_…`.")
    return run


def _read(answer: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError as problem:
        raise ServerUnavailable(
            f"The server answered something else than Waitpoint does ({problem}). Is the URL right?"
        ) from problem
