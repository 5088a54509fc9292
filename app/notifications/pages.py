"""The outbox in a browser: what became of every mail, and without a mail server what it says."""

import re
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.params import FromPath

from ..access.guards import forms_of_our_own_pages, requires_an_owner
from ..database import Unit
from ..pages.answers import see_other
from ..pages.desk import desk
from ..pages.forms import form_of
from ..pages.page import page
from ..requests.reading import titles
from ..service import service_of
from ..web.problems import not_found
from . import outbox
from .deliverer import Deliverer
from .kinds import NotNeeded
from .models import Mail

Asked = Request[Any, Any, Any]

PATH = "/settings/outbox"
_SHOWN = 100  # mails on the page


@get(PATH, guards=[requires_an_owner])
async def outbox_page(request: Asked) -> Response[str]:
    """The newest mails."""
    service = service_of(request)
    found = await service.database.read(_newest)
    return page(
        request,
        "outbox/index.html",
        frame=await desk(request),
        mails=found.mails,
        titles=found.titles,
        kinds=_deliverer(request).kinds,
        has_server=service.has_mail_server,
        now=service.database.clock.now(),
    )


@get(PATH + "/{mail_id:str}", guards=[requires_an_owner])
async def mail_page(request: Asked, mail_id: FromPath[str]) -> Response[str]:
    """One mail. Its words, which may hold a link for its reader alone, only where no mail server sends it or has sent it."""
    service, deliverer = service_of(request), _deliverer(request)
    mail = await _mail(request, mail_id)
    kind = deliverer.kinds.get(mail.kind)
    is_shown = not (service.has_mail_server or mail.is_sent) and kind is not None and not kind.lets_in
    written = await deliverer.letter_of(mail) if is_shown else None
    letter = None if written is None or isinstance(written, NotNeeded) else written
    return page(
        request,
        "outbox/show.html",
        frame=await desk(request),
        mail=mail,
        kind=kind,
        letter=letter,
        links=[] if letter is None else links_in(letter.text, service.public_url),
        not_needed=written.reason if isinstance(written, NotNeeded) else None,
        has_server=service.has_mail_server,
        now=service.database.clock.now(),
    )


@post(PATH + "/{mail_id:str}/retry", guards=[requires_an_owner, forms_of_our_own_pages])
async def retry(request: Asked, mail_id: FromPath[str]) -> Response[Any]:
    """Try a mail again that was given up."""
    service = service_of(request)
    await form_of(request)
    mail = await _mail(request, mail_id)
    await service.database.write(outbox.retry, mail.id)
    return see_other(f"{PATH}/{mail.id}", say="mail-tried-again")


ROUTES = [outbox_page, mail_page, retry]


def links_in(text: str, public_url: str) -> list[str]:
    """The addresses of pages of ours in a mail, each once: what its reader would click."""
    return [*dict.fromkeys(re.findall(rf"{re.escape(public_url)}/[^\s<>\"]+", text))]


class _Newest(msgspec.Struct, frozen=True):
    """The newest mails, and what those that ask something ask, by their tokens."""

    mails: list[Mail]
    titles: dict[str, str]


def _newest(db: Unit) -> _Newest:
    mails = outbox.latest(db, _SHOWN)
    return _Newest(mails, titles(db, sorted({mail.subject_id for mail in mails if mail.subject_id})))


async def _mail(request: Asked, mail_id: str) -> Mail:
    mail = await service_of(request).database.read(outbox.find, mail_id)
    if mail is None:
        raise not_found()
    return mail


def _deliverer(request: Asked) -> Deliverer:
    deliverer: Deliverer = request.app.state["deliverer"]
    return deliverer
