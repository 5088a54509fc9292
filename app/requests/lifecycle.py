"""Everything that changes a request: it is asked, amended, and followed to its answer.

What `asgi.py` hands to `tokens.lifecycle.Rules` is here and, for who may answer, in `rights`. It runs inside the
transactions of tokens, under the lock of the token's row, so that no answer slips in between a check and a change.
"""

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..people import groups
from ..tokens.lifecycle import (
    NO_RULES,
    AlreadySettled,
    Changed,
    NewToken,
    NotFound,
    Refused,
    Rules,
    Settlement,
    as_of,
    cancel,
    change_default,
)
from ..tokens.models import COLUMNS, WAITING, By, Token, TokenRow, token_of
from ..web.problems import Problem
from . import reading, rights
from . import spec as specs
from .answers import check
from .forms import FieldError
from .models import FOR_EVER, GROUP, RequestApproverRow, RequestRow, RequestVersionRow
from .parsing import spec_in
from .reading import Request
from .spec import Approver, Spec

_tokens = table_of(TokenRow)
_requests = table_of(RequestRow)
_versions = table_of(RequestVersionRow)
_approvers = table_of(RequestApproverRow)

_INSERT = Prepared(insert(_requests))
_INSERT_APPROVERS = Prepared(insert(_approvers))
_SETTLED = {"status": bindparam("b_status"), "moment": bindparam("b_moment", type_=Instant)}
_RESTATE = Prepared(update(_requests).where(_requests.c.token_id == bindparam("b_id")).values(_SETTLED))
_RESTATE_APPROVERS = Prepared(update(_approvers).where(_approvers.c.token_id == bindparam("b_id")).values(_SETTLED))
_LOCKED_TOKEN = (
    select(*COLUMNS)
    .where(_tokens.c.id == bindparam("b_id"), _tokens.c.environment_id == bindparam("b_environment"))
    .with_for_update()
)


class NewRequest(msgspec.Struct, frozen=True):
    """A request that was read and found good, on its way to the token that it is asked on."""

    spec: Spec
    text: str

    @property
    def default_output(self) -> str | None:
        return default_output_of(self.spec)


def asked_in(value: object, pointer: str = "/request") -> NewRequest:
    """A request as a program writes it. Raises a 400 Problem that names the field, the rule and what came."""
    spec = spec_in(value, pointer)
    if spec.on_timeout is not None:
        found = check(spec, spec.on_timeout.output)
        if isinstance(found, list):
            raise _bad_default(found, f"{pointer}/onTimeout/output")
    return NewRequest(spec, specs.written(spec))


class Amended(msgspec.Struct, frozen=True):
    """The request reads so now. Nothing changed where it read so before."""

    request: Request


class NoRequest(msgspec.Struct, frozen=True):
    """The token asks nobody anything."""


Amendment = Amended | AlreadySettled | NotFound | NoRequest | Changed | Refused


def default_output_of(spec: Spec) -> str | None:
    """What the token is completed with at its deadline, as JSON."""
    return None if spec.on_timeout is None else msgspec.json.encode(spec.on_timeout.output).decode()


def ask(db: Unit, token: Token, new: NewToken, by: By) -> None:
    """Keep the request of a token that was made now (`Rules.on_created`)."""
    asked = new.request
    if not isinstance(asked, NewRequest):
        return
    db.gather(
        _INSERT,
        {
            "token_id": token.id,
            "environment_id": token.environment_id,
            "version": 1,
            "spec": asked.text,
            "asked_by": _json(by),
            "created_at": db.now,
            "amended_at": None,
            "status": WAITING,
            "moment": token.timeout_at or FOR_EVER,
            **_searched(asked.spec),
        },
    )
    _ask_approvers(db, token, specs.approvers_of(asked.spec))


def follow(db: Unit, token: Token, by: By) -> None:  # noqa: ARG001 - the shape of `Rules.on_settled`
    """Take a settled token from the inboxes of those who were asked (`Rules.on_settled`)."""
    if token.has_request:
        values = {"b_id": token.id, "b_status": token.status, "b_moment": token.completed_at}
        db.run(_RESTATE, values)
        db.run(_RESTATE_APPROVERS, values)


def amend(
    db: Unit,
    token_id: str,
    environment_id: str,
    new: NewRequest,
    seen_version: int | None,
    by: By,
    rules: Rules = NO_RULES,
) -> Amendment:
    """Ask something else on a token that still waits. Whoever has the old version before them is told so.

    With `seen_version` the amendment is meant for that version only.
    """
    row = db.execute(_LOCKED_TOKEN, {"b_id": token_id, "b_environment": environment_id}).one_or_none()
    if row is None:
        return NotFound()
    token = token_of(row)
    if not as_of(token, db.now).is_waiting:
        return AlreadySettled(as_of(token, db.now))
    request = reading.find(db, token_id)
    if request is None:
        return NoRequest()
    if seen_version not in {None, request.version}:
        return Changed(request.version)
    if new.spec == request.spec:
        return Amended(request)
    if rights.is_own(db, request, by) and _is_loosened(request.spec, new.spec):
        return Refused("own-request", "Who asks may not answer, and so does not change who counts as asking.")
    amended = Amended(_amended(db, token, request, new, by))
    for follow_amended in rules.on_amended:
        follow_amended(db, token, new, by)
    return amended


def withdraw(
    db: Unit, token_id: str, environment_id: str, reason: str | None, by: By, rules: Rules = NO_RULES
) -> Settlement:
    """Withdraw what one has asked oneself. Members cancel any token of theirs; a requester may be none."""
    request = reading.find(db, token_id)
    if request is None or not rights.is_requester(db, request, by):
        return Refused("not-requester", "Who has asked withdraws a question, and that is somebody else.")
    return cancel(db, token_id, environment_id, reason, by, rules)


def unknown_groups(db: Unit, spec: Spec) -> list[str]:
    """Which of the groups that are asked do not exist: nobody could ever answer for them."""
    asked = [approver.value for approver in specs.approvers_of(spec) if approver.kind == GROUP]
    known = groups.known(db, asked)
    return [slug for slug in asked if slug not in known]


def _bad_default(found: list[FieldError], pointer: str) -> Problem:
    detail = f"onTimeout must hold an answer that the request takes: {found[0].detail}"
    errors = [{"pointer": pointer + each.pointer, "code": each.code, "detail": each.detail} for each in found]
    return Problem(400, "invalid-default-answer", detail, errors=errors)


def _amended(db: Unit, token: Token, request: Request, new: NewRequest, by: By) -> Request:
    before = {
        "token_id": token.id,
        "version": request.version,
        "spec": specs.written(request.spec),
        "at": db.now,
        "by": _json(by),
    }
    db.execute(insert(_versions), before)
    version = request.version + 1
    now = {"version": version, "spec": new.text, "amended_at": db.now, **_searched(new.spec)}
    db.execute(update(_requests).where(_requests.c.token_id == token.id).values(now))
    change_default(db, token.id, new.default_output)
    db.execute(delete(_approvers).where(_approvers.c.token_id == token.id))
    _ask_approvers(db, token, specs.approvers_of(new.spec))
    db.record("request.amended", token.id, environment_id=token.environment_id, actor=by, data={"version": version})
    return msgspec.structs.replace(request, version=version, spec=new.spec, amended_at=db.now)


def _is_loosened(before: Spec, after: Spec) -> bool:
    """Whether somebody might answer now who asks: an answer of one's own would be an amendment away."""
    return after.self_approval or ("@" in before.requester and after.requester != before.requester)


def _searched(spec: Spec) -> dict[str, object]:
    return {
        "title": spec.title,
        "requester": spec.requester or None,
        "identity": spec.identity,
        "self_approval": spec.self_approval,
        "journey": spec.journey or None,
        "step_index": None if spec.step is None else spec.step.index,
    }


def _ask_approvers(db: Unit, token: Token, asked: list[Approver]) -> None:
    if asked:
        moment = token.timeout_at or FOR_EVER
        row = {"token_id": token.id, "environment_id": token.environment_id, "status": WAITING, "moment": moment}
        db.gather(_INSERT_APPROVERS, *(row | {"kind": each.kind, "value": each.value} for each in asked))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
