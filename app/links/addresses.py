"""The addresses of links: what their recipients open, and what a program hands on."""

import msgspec

from ..database import Unit
from ..requests import reading
from ..requests.spec import Spec
from ..service import Service
from ..tokens.models import Token
from ..tokens.questions import Ways
from . import links
from .models import JOURNEY, TOKEN, WHOEVER, Kind, Link
from .slugs import slug_of


async def url_of(service: Service, link: Link) -> str:
    """The address that the recipient of a link opens."""
    return f"{service.public_url}{_path(link.kind, link.subject)}?link={await service.authentication.mint_link(link)}"


async def ways_of(service: Service, token: Token) -> Ways | None:
    """Where people answer a token, and follow its journey; None where it asks nobody anything.

    Where everybody may answer who has the address, it carries a secret.
    """
    found: _Found | None = await service.database.read(_find, token)
    if found is None:
        return None
    approval_url = await _url(service, TOKEN, token.id, found.to_token)
    journey = found.spec.journey
    return Ways(approval_url, await _url(service, JOURNEY, journey, found.to_journey) if journey else None)


async def _url(service: Service, kind: Kind, subject: str, link: Link | None) -> str:
    return f"{service.public_url}{_path(kind, subject)}" if link is None else await url_of(service, link)


def _path(kind: Kind, subject: str) -> str:
    return f"/journeys/{slug_of(subject)}" if kind == JOURNEY else f"/approve/{subject}"


class _Found(msgspec.Struct, frozen=True):
    """What is asked, and the links that are for nobody in particular."""

    spec: Spec
    to_token: Link | None = None
    to_journey: Link | None = None


def _find(db: Unit, token: Token) -> _Found | None:
    request = reading.find(db, token.id)
    if request is None:
        return None
    spec, here = request.spec, token.environment_id
    if not spec.is_open:
        return _Found(spec)
    to_journey = links.standing(db, here, JOURNEY, spec.journey, WHOEVER) if spec.journey else None
    return _Found(spec, links.standing(db, here, TOKEN, token.id, WHOEVER), to_journey)
