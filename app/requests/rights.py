"""Who may answer a request, and who may read it: asked inside the transaction that settles, and so at every door."""

from collections.abc import Sequence

import msgspec
from sqlalchemy import select

from ..database import Unit
from ..database.tables import table_of
from ..people import groups, people
from ..people.models import PersonRow
from ..people.people import Profile
from ..tokens.lifecycle import Answer, Changed, Objection, Refused, Unchecked
from ..tokens.models import By, Token
from . import reading
from . import spec as specs
from .models import GROUP
from .reading import Request
from .spec import Approver, Spec

_people = table_of(PersonRow)


def may_answer(db: Unit, token: Token, answer: Answer, by: By) -> Objection | None:
    """Who may answer, by which door, and whether the answer was checked (`Rules.may_answer`)."""
    if answer.is_early and token.default_output is None:
        return None  # nothing is decided by it, no more than by a withdrawal
    request = reading.find(db, token.id)
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
    request, reader = reading.find(db, token_id), reader_of(db, by)
    return not reader.is_shut_out if request is None else reader.sees(request.spec)


class Reader(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may be asked, and the groups they are in: looked up once, whatever number of requests they read."""

    address: str | None
    is_known: bool = False
    is_shut_out: bool = False
    groups: frozenset[str] = frozenset()

    def is_asked(self, spec: Spec) -> bool:
        """Whether a request asks them, by their address or by a group. Who was shut out is asked nothing."""
        return not self.is_shut_out and any(self._is(approver) for approver in specs.approvers_of(spec))

    def sees(self, spec: Spec) -> bool:
        """Whether they may read what a request asks."""
        return self.is_asked(spec) if spec.approvers else not self.is_shut_out

    def is_asked_signed_in(self, spec: Spec) -> bool:
        """The same, or it asks all who have signed in."""
        if not spec.approvers and not spec.is_open:
            return self.is_known and not self.is_shut_out
        return self.is_asked(spec)

    def _is(self, approver: Approver) -> bool:
        return approver.value in self.groups if approver.kind == GROUP else approver.value == self.address


def reader_of(db: Unit, by: By) -> Reader:
    """Somebody outside, by what they are known."""
    if by.kind == "person":
        person = people.get(db, by.id or "")
        return Reader(address=None) if person is None else _reader(db, person)
    return reader_at(db, by.name or "") if by.kind == "link" else Reader(address=None)


def reader_at(db: Unit, address: str, *, in_groups: bool = True) -> Reader:
    """Whoever has this address."""
    person = people.find(db, address) if address else None
    return Reader(address=address.lower() or None) if person is None else _reader(db, person, in_groups=in_groups)


def _reader(db: Unit, person: Profile, *, in_groups: bool = True) -> Reader:
    slugs = groups.groups_of(db, person.id) if in_groups and not person.is_disabled else ()
    return Reader(address=person.email, is_known=True, is_shut_out=person.is_disabled, groups=frozenset(slugs))


def known_as(db: Unit, request: Request, ways: Sequence[By]) -> By:
    """As whom somebody comes who holds a link and has signed in, too: these `ways`, the link first.

    The person is known best, if they may answer. Who asks stays who asks, whatever link they hold.
    """
    own = next((by for by in ways if is_own(db, request, by)), None)
    if own is not None:
        return own
    return next((by for by in reversed(ways) if refusal(db, request, by) is None), ways[0])


def is_own(db: Unit, request: Request, by: By) -> bool:
    """Whether somebody has asked a request themselves that wants somebody else to answer."""
    if request.spec.self_approval:
        return False
    if by.kind == "api_key":
        return by.id is not None and by.id == request.asked_by.id
    address = _address_of(db, by)
    return address is not None and address in {request.spec.requester.lower(), _address_of(db, request.asked_by)}


def is_requester(db: Unit, request: Request, by: By) -> bool:
    """Whether somebody who has signed in is whom a request names as asking."""
    return (
        by.kind == "person" and request.spec.requester != "" and _address_of(db, by) == request.spec.requester.lower()
    )


def asks_person(db: Unit, spec: Spec, address: str) -> bool:
    """Whether a request asks somebody who has signed in: by address or group, or as one of all who have."""
    return _reader_for(db, spec, address).is_asked_signed_in(spec)


def is_asked(db: Unit, spec: Spec, address: str) -> bool:
    """Whether a request asks whoever has this address, by it or by a group. Who was shut out is asked nothing."""
    return _reader_for(db, spec, address).is_asked(spec)


def _reader_for(db: Unit, spec: Spec, address: str) -> Reader:
    return reader_at(db, address, in_groups=any(each.kind == GROUP for each in specs.approvers_of(spec)))


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
