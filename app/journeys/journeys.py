"""A journey as it stands: its steps so far, the one that is asked now, and what was typed for it."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import delete, exists, select
from sqlalchemy.dialects.postgresql import insert as upsert

from ..database import Unit
from ..database.tables import table_of
from ..environments.models import EnvironmentRow
from ..requests import reading, rights
from ..requests.answers import untouched
from ..requests.lifecycle import NewRequest
from ..requests.models import RequestRow
from ..requests.spec import Spec
from ..runs import lifecycle as runs_lifecycle
from ..runs.lifecycle import WORKER
from ..runs.models import COMPLETED, Run
from ..tokens.lifecycle import NewToken
from ..tokens.models import WAITING, By, Token
from ..tokens.search import Doubt, retrieve, retrieve_all
from .models import DraftRow

MOST_STEPS = 100  # shown; a longer journey shows the newest
LONGEST_DRAFT = 262_144  # bytes

Stage = Literal["asked", "checking", "done", "ended"]
End = Literal["completed", "stopped"]
Saved = Literal["kept", "refused", "too-long"]

_environments = table_of(EnvironmentRow)
_requests = table_of(RequestRow)
_drafts = table_of(DraftRow)


class Typed(msgspec.Struct, frozen=True):
    """What was typed on one device: all its fields, or only those that it has changed, and those that are `gone`."""

    fields: Mapping[str, str]
    is_part: bool = False
    gone: tuple[str, ...] = ()


class Step(msgspec.Struct, frozen=True):
    """One question of a journey, as it reads in this version. `asked_by` is who asked it: a run of a task, or a program."""

    token: Token
    spec: Spec
    asked_by: By
    version: int = 1
    is_hidden: bool = False
    """Whether it asks others than whoever looks: to them it is being checked."""

    @property
    def index(self) -> int:
        return self.spec.step.index if self.spec.step is not None else 0

    @property
    def is_last(self) -> bool:
        """Whether nothing is asked after it, as far as the program has said how many steps there are."""
        step = self.spec.step
        return step is not None and step.of is not None and step.index >= step.of

    @property
    def settled_at(self) -> datetime:
        return self.token.completed_at or self.token.created_at


class Journey(msgspec.Struct, frozen=True):
    """How a journey stands. `runs` are those that may ask for its next step; `end` says how they have ended."""

    name: str
    steps: tuple[Step, ...]
    at: datetime
    runs: tuple[str, ...] = ()
    end: End | None = None

    @property
    def asked(self) -> tuple[Step, ...]:
        """The steps that wait for an answer, as far as they are shown."""
        return tuple(step for step in self.steps if step.token.is_waiting and not step.is_hidden)

    @property
    def current(self) -> Step | None:
        """The step that is asked now: the first that waits."""
        return next(iter(self.asked), None)

    @property
    def earlier(self) -> tuple[Step, ...]:
        """The steps that have been answered, as far as they are shown."""
        return tuple(step for step in self.steps if step.token.is_completed and not step.is_hidden)

    @property
    def latest(self) -> Step | None:
        """The step that was settled last: of several at once, the one that was asked last."""
        return max(self.steps, key=lambda step: (step.settled_at, step.token.id), default=None)

    @property
    def furthest(self) -> Step | None:
        """The step that was answered and has the highest number."""
        return max(self.earlier, key=lambda step: (step.index, step.token.id), default=None)

    @property
    def latest_shown(self) -> Step | None:
        return next((step for step in reversed(self.steps) if not step.is_hidden), None)

    @property
    def stage(self) -> Stage:
        """Asked, being checked by the program, done, or ended before its end."""
        if self.current is not None:
            return "asked"
        if self.latest is None or any(step.token.is_waiting for step in self.steps):
            return "checking"
        if self._has_come_to_its_end:
            return "done"
        if not self.latest.token.is_completed or self.end == "stopped":
            return "ended"
        return "done" if self.end == "completed" else "checking"

    @property
    def _has_come_to_its_end(self) -> bool:
        """The last step was answered, and nothing was asked since: a run may go back, and ask once more."""
        asked_at = max(step.token.created_at for step in self.steps)
        answered = (step for step in self.steps if step.token.is_completed)
        return any(step.is_last and step.settled_at >= asked_at for step in answered)


def subject_of(environment_id: str, journey: str) -> str:
    """Under which name the log tells that a journey has moved."""
    return f"journey:{environment_id}:{journey}"


def find(db: Unit, environment_id: str, journey: str, ways: Sequence[By] = ()) -> Journey | Doubt:
    """A journey with all its steps so far, as somebody sees it who is known in these ways; without any where nothing
    was asked yet.
    """
    token_ids = [token_id for token_id, _ in reversed(_newest_steps(db, environment_id, journey))]
    tokens, requests = retrieve_all(db, token_ids, environment_id), reading.of_tokens(db, token_ids)
    if isinstance(tokens, Doubt):
        return tokens
    readers, steps = [rights.reader_of(db, by) for by in ways], []
    for token_id in token_ids:
        token, request = tokens.get(token_id), requests.get(token_id)
        if token is not None and request is not None and request.spec.journey == journey:
            is_hidden = bool(readers) and not any(reader.sees(request.spec) for reader in readers)
            steps.append(Step(token, request.spec, request.asked_by, request.version, is_hidden))
    found = Journey(journey, tuple(steps), db.now)
    if found.latest is None or found.stage == "asked":
        return found
    runs = _runs_behind(db, found.latest)
    return msgspec.structs.replace(found, runs=tuple(run.id for run in runs), end=_end_of(runs))


def environment_asking(db: Unit, address: str, journey: str, token_id: str = "") -> str | None:
    """In which environment a journey of this name asks somebody who has signed in, by address or group, or anybody who
    has: of several the one of that token, of a step that waits, of the newest.
    """
    steps = [
        (environment_id, each, status)
        for environment_id in _environments_with(db, journey)
        for each, status in _newest_steps(db, environment_id, journey)
    ]
    reader, requests = rights.reader_at(db, address), reading.of_tokens(db, [each for _, each, _ in steps])
    asking = [
        (each == token_id, status == WAITING, each, environment_id)
        for environment_id, each, status in steps
        if each in requests and reader.is_asked_signed_in(requests[each].spec)
    ]
    return max(asking)[-1] if asking else None


def _environments_with(db: Unit, journey: str) -> list[str]:
    """Where there is a journey of this name: of the many environments those are few."""
    has_one = exists().where(_requests.c.environment_id == _environments.c.id, _requests.c.journey == journey)
    return [*db.execute(select(_environments.c.id).where(has_one)).scalars()]


def _newest_steps(db: Unit, environment_id: str, journey: str) -> list[tuple[str, str]]:
    """The tokens of its steps and their statuses, the newest first."""
    statement = (
        select(_requests.c.token_id, _requests.c.status)
        .where(_requests.c.environment_id == environment_id, _requests.c.journey == journey)
        .order_by(_requests.c.token_id.desc())
        .limit(MOST_STEPS)
    )
    rows: list[Any] = [*db.execute(statement)]
    return rows


def _runs_behind(db: Unit, step: Step) -> list[Run]:
    """The run that asked, and those that have begun it: any of them may ask for what comes next."""
    behind: list[Run] = []
    run_id = step.asked_by.id if step.asked_by.kind == WORKER.kind else None
    while run_id is not None:
        run = runs_lifecycle.retrieve(db, run_id, step.token.environment_id)
        if run is None:
            break
        behind.append(run)
        run_id = run.parent_id
    return behind


def _end_of(runs: list[Run]) -> End | None:
    """How they have ended; None while one of them may go on, and where it was no run that asked."""
    if not runs or not all(run.is_finished for run in runs):
        return None
    return "completed" if runs[-1].status == COMPLETED else "stopped"


def is_step(db: Unit, environment_id: str, journey: str, token_id: str) -> bool:
    """Whether a token is a step of a journey."""
    statement = select(_requests.c.journey).where(
        _requests.c.token_id == token_id, _requests.c.environment_id == environment_id
    )
    return db.execute(statement).scalar_one_or_none() == journey


def known_at(db: Unit, token_id: str, ways: Sequence[By]) -> By | None:
    """As whom somebody comes to a step who is known in these ways; None where it asks others."""
    request = reading.find(db, token_id)
    if request is None or not any(rights.is_shown_to(db, token_id, by) for by in ways):
        return None
    return rights.known_as(db, request, ways)


def takes_draft(db: Unit, environment_id: str, journey: str, token_id: str, by: By) -> bool | Doubt:
    """Whether somebody may type at a step of a journey: it waits, and they may answer it."""
    token = retrieve(db, token_id, environment_id) if is_step(db, environment_id, journey, token_id) else None
    if token is None or isinstance(token, Doubt):
        return token or False
    request = reading.find(db, token_id) if token.is_waiting else None
    return request is not None and rights.refusal(db, request, by) is None


def save_draft(db: Unit, environment_id: str, journey: str, token_id: str, typed: Typed, by: By) -> Saved:
    """Keep what was typed for a step of a journey, unless it takes none from them, or not any more."""
    if takes_draft(db, environment_id, journey, token_id, by) is not True:
        return "refused"
    kept = _with_the_rest(db, token_id, typed) if typed.is_part else typed.fields
    fields = json.dumps(kept, ensure_ascii=False)
    if len(fields.encode()) > LONGEST_DRAFT:
        return "too-long"
    values = {"fields": fields, "saved_at": db.now}
    statement = upsert(_drafts).values(token_id=token_id, **values)
    db.execute(statement.on_conflict_do_update(index_elements=[_drafts.c.token_id], set_=values))
    return "kept"


def _with_the_rest(db: Unit, token_id: str, typed: Typed) -> dict[str, str]:
    """What one device has changed, put into what others have typed, or into the form as it was asked."""
    kept = draft_of(db, token_id)
    if kept is None:
        request = reading.find(db, token_id)
        kept = {} if request is None else untouched(request.spec)
    return {name: text for name, text in {**kept, **typed.fields}.items() if name not in typed.gone}


def draft_of(db: Unit, token_id: str) -> dict[str, Any] | None:
    """What was typed for a step."""
    fields = db.execute(select(_drafts.c.fields).where(_drafts.c.token_id == token_id)).scalar_one_or_none()
    return None if fields is None else msgspec.json.decode(fields)


def tell_asked(db: Unit, token: Token, new: NewToken, by: By) -> None:
    """Let open pages know that a journey has its next step (`Rules.on_created`)."""
    if isinstance(new.request, NewRequest) and new.request.spec.journey:
        _tell(db, "journey.moved", new.request.spec.journey, token, by)


def tell_amended(db: Unit, token: Token, new: NewRequest, by: By) -> None:
    """Let open pages know that a step was amended, also those of a journey that it has left (`Rules.on_amended`)."""
    request = reading.find(db, token.id)
    before = None if request is None else reading.at_version(db, token.id, request.version - 1)
    left = "" if before is None else before.journey
    for journey in dict.fromkeys((left, new.spec.journey)):
        if journey:
            _tell(db, "journey.amended", journey, token, by)
    if not new.spec.journey:
        _forget_draft(db, token)


def tell_answered(db: Unit, token: Token, by: By) -> None:
    """Let open pages know that a step was answered, and forget what was typed for it (`Rules.on_settled`)."""
    if not token.has_request:
        return
    journey = db.execute(select(_requests.c.journey).where(_requests.c.token_id == token.id)).scalar_one_or_none()
    if journey:
        _forget_draft(db, token)
        _tell(db, "journey.moved", journey, token, by)


def _forget_draft(db: Unit, token: Token) -> None:
    db.execute(delete(_drafts).where(_drafts.c.token_id == token.id))


def _tell(db: Unit, kind: str, journey: str, token: Token, by: By) -> None:
    subject = subject_of(token.environment_id, journey)
    db.record(kind, subject, environment_id=token.environment_id, actor=by, data={"token": token.id})
