"""Everything that changes a request: it is asked, amended, and followed to its answer.

The functions that `asgi.py` hands to `tokens.lifecycle.Rules` are here. They run inside the transactions of tokens,
under the lock of the token's row, so that no answer slips in between a check and a change.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from ..database import Prepared, Unit
from ..database.tables import table_of
from ..database.types import Instant
from ..people import groups, people
from ..people.models import PersonRow
from ..tokens.lifecycle import (
    NO_RULES,
    AlreadySettled,
    Answer,
    Changed,
    NewToken,
    NotFound,
    Objection,
    Refused,
    Rules,
    Settlement,
    Unchecked,
    as_of,
    cancel,
    change_default,
)
from ..tokens.models import COLUMNS, WAITING, By, Token, TokenRow, token_of
from ..web.problems import Problem
from . import spec as specs
from .answers import check
from .forms import FieldError
from .models import ADDRESS, FOR_EVER, GROUP, RequestApproverRow, RequestRow, RequestVersionRow
from .spec import Approver, Spec

_tokens = table_of(TokenRow)
_requests = table_of(RequestRow)
_versions = table_of(RequestVersionRow)
_approvers = table_of(RequestApproverRow)
_people = table_of(PersonRow)

_INSERT = Prepared(insert(_requests))
_INSERT_APPROVERS = Prepared(insert(_approvers))
_SETTLED = {"status": bindparam("b_status"), "moment": bindparam("b_moment", type_=Instant)}
_RESTATE = Prepared(update(_requests).where(_requests.c.token_id == bindparam("b_id")).values(_SETTLED))
_RESTATE_APPROVERS = Prepared(update(_approvers).where(_approvers.c.token_id == bindparam("b_id")).values(_SETTLED))
_OF_TOKEN = (
    _requests.c.version,
    _requests.c.spec,
    _requests.c.asked_by,
    _requests.c.created_at,
    _requests.c.amended_at,
)
_READ = Prepared(select(*_OF_TOKEN).where(_requests.c.token_id == bindparam("b_id")), _OF_TOKEN)
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
    spec = specs.spec_in(value, pointer)
    if spec.on_timeout is not None:
        found = check(spec, spec.on_timeout.output)
        if isinstance(found, list):
            raise _bad_default(found, f"{pointer}/onTimeout/output")
    return NewRequest(spec, specs.written(spec))


class Request(msgspec.Struct, frozen=True):
    """A request as it stands."""

    version: int
    spec: Spec
    asked_by: By
    created_at: datetime
    amended_at: datetime | None = None

    @property
    def is_amended(self) -> bool:
        return self.version > 1


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


def may_answer(db: Unit, token: Token, answer: Answer, by: By) -> Objection | None:
    """Who may answer, by which door, and whether the answer was checked (`Rules.may_answer`)."""
    if answer.is_early and token.default_output is None:
        return None  # nothing is decided by it, no more than by a withdrawal
    request = find(db, token.id)
    if request is None:
        return Unchecked()
    refused = refusal(db, request, by)
    if refused is not None:
        return refused
    if answer.is_early:
        return None  # the default answer was checked when it was asked for
    if answer.seen_version not in {None, request.version}:
        return Changed(request.version)
    return None if answer.checked_version == request.version else Unchecked()


def follow(db: Unit, token: Token, by: By) -> None:  # noqa: ARG001 - the shape of `Rules.on_settled`
    """Take a settled token from the inboxes of those who were asked (`Rules.on_settled`)."""
    if token.has_request:
        values = {"b_id": token.id, "b_status": token.status, "b_moment": token.completed_at}
        db.run(_RESTATE, values)
        db.run(_RESTATE_APPROVERS, values)


def refusal(db: Unit, request: Request, by: By) -> Refused | None:
    """What speaks against somebody answering a request at all; None when they may, by this door."""
    if by.kind == "system":
        return None
    if is_own(db, request, by):
        who = "The program that asked" if by.kind == "api_key" else "Who asks"
        return Refused("own-request", f"{who} may not answer: this request wants somebody else to.")
    if by.kind == "api_key":
        return None
    if _is_shut_out(db, by):
        return Refused("shut-out", "This address belongs to somebody who has no access here any more.")
    return None if request.spec.is_open else _refusal_of_strangers(db, request.spec, by)


def is_shown_to(db: Unit, token_id: str, by: By) -> bool:
    """Whether somebody outside may read what is asked: where it asks certain people, only those, as it stands now."""
    if _is_shut_out(db, by):
        return False
    request = find(db, token_id)
    if request is None or not request.spec.approvers:
        return True
    address = _address_of(db, by)
    return address is not None and is_asked(db, request.spec, address)


def known_as(db: Unit, request: Request, ways: Sequence[By]) -> By:
    """As whom somebody comes who holds a link and has signed in, too: these `ways`, the link first.

    Where it must be known who answers it is the person, if they may. Who asks stays who asks, whatever link they hold.
    """
    own = next((by for by in ways if is_own(db, request, by)), None)
    if own is not None:
        return own
    best_first = ways if request.spec.is_open else [*reversed(ways)]
    return next((by for by in best_first if refusal(db, request, by) is None), ways[0])


def is_own(db: Unit, request: Request, by: By) -> bool:
    """Whether somebody has asked a request themselves that wants somebody else to answer."""
    if request.spec.self_approval:
        return False
    if by.kind == "api_key":
        return by.id is not None and by.id == request.asked_by.id
    address = _address_of(db, by)
    return address is not None and address in {request.spec.requester.lower(), _address_of(db, request.asked_by)}


def _refusal_of_strangers(db: Unit, spec: Spec, by: By) -> Refused | None:
    address = _address_of(db, by)
    if address is None:
        return Refused(
            "not-asked", "This request asks certain people: the address of a token alone does not answer it."
        )
    if spec.identity == "signed-in" and by.kind != "person":
        return Refused("sign-in-required", "This request wants to know who answers: sign in first.")
    if spec.approvers and not is_asked(db, spec, address):
        return Refused("not-asked", "This request asks other people.")
    return None


def find(db: Unit, token_id: str) -> Request | None:
    """The request of a token, as it stands."""
    rows = db.run(_READ, {"b_id": token_id})
    if not rows:
        return None
    version, text, asked_by, created_at, amended_at = rows[0]
    return Request(version, specs.read(text), msgspec.json.decode(asked_by, type=By), created_at, amended_at)


def titles(db: Unit, token_ids: Sequence[str]) -> dict[str, str]:
    """What these tokens ask, by their ids; without those that ask nobody anything."""
    statement = select(_requests.c.token_id, _requests.c.title).where(_requests.c.token_id.in_(token_ids))
    rows: list[Any] = [*db.execute(statement)]
    return dict(rows)


def at_version(db: Unit, token_id: str, version: int) -> Spec | None:
    """What a request said before it was amended."""
    statement = select(_versions.c.spec).where(_versions.c.token_id == token_id, _versions.c.version == version)
    text = db.execute(statement).scalar_one_or_none()
    return None if text is None else specs.read(text)


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
    request = find(db, token_id)
    if request is None:
        return NoRequest()
    if seen_version not in {None, request.version}:
        return Changed(request.version)
    if new.spec == request.spec:
        return Amended(request)
    if is_own(db, request, by) and _is_loosened(request.spec, new.spec):
        return Refused("own-request", "Who asks may not answer, and so does not change who counts as asking.")
    amended = Amended(_amended(db, token, request, new, by))
    for follow_amended in rules.on_amended:
        follow_amended(db, token, new, by)
    return amended


def withdraw(
    db: Unit, token_id: str, environment_id: str, reason: str | None, by: By, rules: Rules = NO_RULES
) -> Settlement:
    """Withdraw what one has asked oneself. Members cancel any token of theirs; a requester may be none."""
    request = find(db, token_id)
    if request is None or not is_requester(db, request, by):
        return Refused("not-requester", "Who has asked withdraws a question, and that is somebody else.")
    return cancel(db, token_id, environment_id, reason, by, rules)


def is_requester(db: Unit, request: Request, by: By) -> bool:
    """Whether somebody who has signed in is whom a request names as asking."""
    return (
        by.kind == "person" and request.spec.requester != "" and _address_of(db, by) == request.spec.requester.lower()
    )


def unknown_groups(db: Unit, spec: Spec) -> list[str]:
    """Which of the groups that are asked do not exist: nobody could ever answer for them."""
    asked = [approver.value for approver in specs.approvers_of(spec) if approver.kind == GROUP]
    return [slug for slug in asked if groups.find(db, slug) is None]


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


def _address_of(db: Unit, by: By) -> str | None:
    """The mail address of whoever is known by one: a signed-in person, or the recipient of a link."""
    if by.kind == "link":
        return (by.name or "").lower() or None
    if by.kind != "person":
        return None
    return db.execute(select(_people.c.email).where(_people.c.id == by.id)).scalar_one_or_none()


def _is_shut_out(db: Unit, by: By) -> bool:
    """Whether somebody is known here and was shut out: their links open nothing then, no more than they sign in."""
    if by.kind == "person":
        person = people.get(db, by.id or "")
    else:
        person = people.find(db, by.name) if by.kind == "link" and by.name else None
    return person is not None and person.is_disabled


def is_asked(db: Unit, spec: Spec, address: str) -> bool:
    """Whether a request asks whoever has this address, by it or by a group. Who was shut out is asked nothing."""
    asked = specs.approvers_of(spec)
    person = people.find(db, address)
    if person is not None and person.is_disabled:
        return False
    if Approver(ADDRESS, address) in asked:
        return True
    slugs = {approver.value for approver in asked if approver.kind == GROUP}
    return bool(slugs) and person is not None and not slugs.isdisjoint(groups.groups_of(db, person.id))


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
