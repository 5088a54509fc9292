"""Whoever is asked gets a link of their own and a mail with it, and before the deadline a reminder."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta

import msgspec

from ..database import Unit
from ..notifications import queue
from ..people import groups, people
from ..requests import reading, rights
from ..requests.lifecycle import NewRequest
from ..requests.models import GROUP
from ..requests.spec import Spec, approvers_of
from ..tokens.lifecycle import NewToken
from ..tokens.models import By, Token
from . import links
from .models import JOURNEY, TOKEN, WHOEVER, Link

LATE = timedelta(hours=24)  # before the deadline, at the most, a reminder comes
_SHORT = timedelta(hours=1)  # a token that lives no longer has no reminder
_PRESENT = timedelta(minutes=10)  # so long somebody may still have the journey before them, and needs no mail


def invite(db: Unit, token: Token, new: NewToken, _: By) -> None:
    """Write to everybody who is asked by a new token (`Rules.on_created`)."""
    asked = new.request
    if isinstance(asked, NewRequest):
        if asked.spec.is_open:
            links.begin(db, token, [WHOEVER])
        _invite(db, token, asked, is_new=True)


def invite_more(db: Unit, token: Token, asked: NewRequest, _: By) -> None:
    """Write to those who are asked since a request was amended, and were not before (`Rules.on_amended`).

    A link that was taken back stays so: only who makes another by hand undoes it.
    """
    taken_back = _taken_back(leading_to(db, token))
    if asked.spec.is_open and WHOEVER not in taken_back:
        links.to_token(db, token, WHOEVER)
    _invite(db, token, asked, but=taken_back)


def _invite(db: Unit, token: Token, asked: NewRequest, *, is_new: bool = False, but: Collection[str] = ()) -> None:
    if asked.spec.journey and asked.spec.is_open and WHOEVER not in but:
        links.to_journey(db, token.environment_id, asked.spec.journey, WHOEVER)
    if not asked.spec.notify:
        return
    addresses = [address for address in recipients(db, asked.spec) if address not in but]
    at_it: Collection[str] = ()
    if asked.spec.journey:
        at_it = links.to_each(db, token.environment_id, JOURNEY, asked.spec.journey, addresses)
    elif is_new:
        links.begin(db, token, addresses)
    else:
        links.to_each(db, token.environment_id, TOKEN, token.id, addresses, token.timeout_at)
    _write_to(db, token, addresses, at_it)


def _taken_back(made: Sequence[Link]) -> set[str]:
    """Whose link was revoked, and never replaced."""
    standing = {(link.kind, link.recipient) for link in made if not link.is_revoked}
    return {link.recipient for link in made if (link.kind, link.recipient) not in standing}


class NotAsked(msgspec.Struct, frozen=True):
    """The token asks other people."""


class OwnRequest(msgspec.Struct, frozen=True):
    """Who asks would hold the link of somebody else, and could answer with it what they may not answer themselves."""


def hand_out(db: Unit, token: Token, recipient: str, by: By) -> Link | NotAsked | OwnRequest:
    """The link of a recipient, for somebody who hands it out. Who is not asked could not answer with it.

    It is told each time, for whoever hands out a link has had it in their hands.
    """
    request = reading.find(db, token.id)
    if request is not None and rights.is_own(db, request, by):
        return OwnRequest()
    if request is not None and request.spec.approvers and not rights.is_asked(db, request.spec, recipient):
        return NotAsked()
    journey = request.spec.journey if request is not None else ""
    if journey:  # the page of the journey leads on to the next step, that of the token ends there
        before = links.standing(db, token.environment_id, JOURNEY, journey, recipient)
        link = links.to_journey(db, token.environment_id, journey, recipient)
    else:
        before = links.standing(db, token.environment_id, TOKEN, token.id, recipient)
        link = links.to_token(db, token, recipient)
    kind, data = "link.created" if before is None else "link.handed_out", {"to": recipient, "link": link.id}
    db.record(kind, token.id, environment_id=token.environment_id, actor=by, data=data)
    return link


def leading_to(db: Unit, token: Token) -> list[Link]:
    """Every link that opens a token, the first first: its own, and those to the journey that it is a step of."""
    own = links.of(db, token.environment_id, TOKEN, token.id)
    request = reading.find(db, token.id) if token.has_request else None
    if request is None or not request.spec.journey:
        return own
    return sorted([*own, *links.of(db, token.environment_id, JOURNEY, request.spec.journey)], key=lambda link: link.id)


def recipients(db: Unit, spec: Spec) -> list[str]:
    """The addresses of everybody who is asked, groups and all, each once; without those who want no mails.

    Who asks and may not answer is left out, too.
    """
    return [address for address, wants_mail in _asked(db, spec).items() if wants_mail]


def unwritten(db: Unit, token: Token) -> list[str]:
    """The addresses of those who are asked, want no mails, and have no link either."""
    request = reading.find(db, token.id) if token.has_request else None
    if request is None or not request.spec.notify:
        return []
    have_one = {link.recipient for link in leading_to(db, token)}
    asked = _asked(db, request.spec)
    return [address for address, wants_mail in asked.items() if not wants_mail and address not in have_one]


def reminder_at(now: datetime, deadline: datetime | None) -> datetime | None:
    """When whoever has not answered is reminded: a day before the deadline, or when three quarters are over."""
    if deadline is None or deadline - now <= _SHORT:
        return None
    return deadline - min(LATE, (deadline - now) / 4)


def _asked(db: Unit, spec: Spec) -> dict[str, bool]:
    """Whoever is asked and may answer, by their address, with whether they want mails."""
    barred = None if spec.self_approval else spec.requester.lower()
    return {address: wants_mail for address, wants_mail in _named(db, spec) if address != barred}


def _named(db: Unit, spec: Spec) -> Iterator[tuple[str, bool]]:
    asked = approvers_of(spec)
    members = groups.members_of(db, [approver.value for approver in asked if approver.kind == GROUP])
    known = people.of_addresses(db, [approver.value for approver in asked if approver.kind != GROUP])
    for approver in asked:
        if approver.kind == GROUP:
            yield from ((member.email, member.notifications) for member in members.get(approver.value, ()))
        else:
            person = known.get(approver.value)
            if person is None or not person.is_disabled:
                yield approver.value, person is None or person.notifications


def _write_to(db: Unit, token: Token, addresses: Sequence[str], at_it: Collection[str]) -> None:
    """Queue what asks them, and what reminds them; who may have the page before them is given a while."""
    remind_at = reminder_at(db.now, token.timeout_at)
    for address in addresses:
        _queue(db, "request", token, address, db.now + _PRESENT if address in at_it else None)
        if remind_at is not None:
            _queue(db, "reminder", token, address, remind_at)


def _queue(db: Unit, kind: str, token: Token, address: str, not_before: datetime | None) -> None:
    queue(
        db,
        kind,
        address,
        cause=f"{kind}:{token.id}:{address}",
        environment_id=token.environment_id,
        subject_id=token.id,
        not_before=not_before,
    )
