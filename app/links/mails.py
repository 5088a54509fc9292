"""The mails that ask and remind. Written when they are sent: the secret of a link is nowhere else."""

from typing import Any

import msgspec

from ..database import Unit
from ..notifications import outbox
from ..notifications.kinds import Context, Kind, Kinds, NotNeeded
from ..notifications.models import Mail
from ..pages.words import moment_in
from ..people import people
from ..requests import reading, rights
from ..requests.answers import choices_of
from ..requests.mailed import excerpt_of
from ..requests.spec import Spec
from ..requests.trees import said
from ..requests.views import default_values
from ..service import Service
from ..tokens.models import By, Token
from ..tokens.search import Doubt, certain, retrieve
from . import links
from .addresses import url_of
from .models import JOURNEY, TOKEN, Link

LONGEST_VALUE = 200  # characters of a value of the default answer

_ANSWERED = NotNeeded("the question was answered or withdrawn meanwhile")
_NOT_ASKED = NotNeeded("others are asked meanwhile")
_REVOKED = NotNeeded("the link was revoked meanwhile")


def need_no_more(db: Unit, token: Token, _: By) -> None:
    """Nobody is written to about what is settled (`Rules.on_settled`)."""
    if token.has_request:
        outbox.drop_about(db, token.id, _ANSWERED.reason)


class _Looked(msgspec.Struct, frozen=True):
    """What a mail is about, as it stands now."""

    token: Token
    spec: Spec
    link: Link
    time_zone: str | None


async def asked(service: Service, mail: Mail) -> Context | NotNeeded:
    """What the mails that ask and remind are filled with."""
    looked: _Looked | NotNeeded = await certain(service.database, _look, mail)
    if isinstance(looked, NotNeeded):
        return looked
    token, spec = looked.token, looked.spec
    return {
        "title": spec.title or "Do you approve?",
        "requester": spec.requester,
        "excerpt": excerpt_of(spec.body),
        "step": spec.step,
        "deadline": None if token.timeout_at is None else moment_in(token.timeout_at, looked.time_zone),
        "by_default": _label_of_default(spec),
        "default_lines": [(name, _in_short(value)) for name, value in default_values(spec).items()],
        "must_sign_in": spec.identity == "signed-in",
        "url": await url_of(service, looked.link),
    }


KINDS: Kinds = {"request": Kind("Question", asked), "reminder": Kind("Reminder", asked)}


def _look(db: Unit, mail: Mail) -> _Looked | NotNeeded | Doubt:
    token = retrieve(db, mail.subject_id or "", mail.environment_id)
    if isinstance(token, Doubt):
        return token
    request = None if token is None else reading.find(db, token.id)
    if token is None or request is None or token.is_settled:
        return _ANSWERED
    if request.spec.approvers and not rights.is_asked(db, request.spec, mail.recipient):
        return _NOT_ASKED
    journey = request.spec.journey
    kind, subject = (JOURNEY, journey) if journey else (TOKEN, token.id)
    link = links.standing(db, token.environment_id, kind, subject, mail.recipient)
    if link is None:
        return _REVOKED
    person = people.find(db, mail.recipient)
    return _Looked(token, request.spec, link, person.time_zone if person else None)


def _in_short(value: Any) -> str:
    text = " ".join(said(value).split())
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"


def _label_of_default(spec: Spec) -> str | None:
    """What the default answer is called on its button."""
    if spec.on_timeout is None:
        return None
    output: dict[str, Any] = spec.on_timeout.output
    fitting = (
        choice for choice in choices_of(spec) if all(output.get(name) == it for name, it in choice.output.items())
    )
    choice = next(fitting, None)
    return None if choice is None else choice.label
