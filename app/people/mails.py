"""The mails of people: an invitation, a sign-in link that was asked for, and the notice of another password.

Links that let in are made when the mail is written. Opening one shows a page; its button signs in.
"""

from datetime import timedelta
from urllib.parse import urlencode

from ..notifications.kinds import Context, Kind, Kinds, NotNeeded
from ..notifications.models import Mail
from ..pages.words import moment_in
from ..service import Service
from . import people, sign_in
from .people import Profile

_DISABLED = NotNeeded("they cannot sign in any more")


async def sign_in_mail(service: Service, mail: Mail) -> Context | NotNeeded:
    """What the mail with a sign-in link says."""
    person = await _person(service, mail)
    if person is None:
        return _DISABLED
    return {"name": person.name, "link": await _link(service, mail, person, sign_in.MAILED_LINK_LIFETIME)}


async def invitation_mail(service: Service, mail: Mail) -> Context | NotNeeded:
    """What an invitation says."""
    person = await _person(service, mail)
    if person is None:
        return _DISABLED
    return {
        "name": person.name,
        "inviter": mail.data.get("by") or None,
        "role": person.role,
        "link": await _link(service, mail, person, sign_in.INVITATION_LIFETIME),
    }


async def password_mail(service: Service, mail: Mail) -> Context | NotNeeded:
    """What the notice of another password says."""
    person = await _person(service, mail)
    if person is None:
        return _DISABLED
    return {"name": person.name, "at": moment_in(mail.created_at, person.time_zone)}


KINDS: Kinds = {
    "sign-in": Kind("Sign-in link", sign_in_mail, lets_in=True),
    "invitation": Kind("Invitation", invitation_mail, lets_in=True),
    "password": Kind("Password changed", password_mail),
}


async def _person(service: Service, mail: Mail) -> Profile | None:
    person = await service.database.read(people.get, mail.subject_id)
    return None if person is None or person.is_disabled else person


async def _link(service: Service, mail: Mail, person: Profile, lifetime: timedelta) -> str:
    secret = await service.database.write(sign_in.make_link, person.id, lifetime)
    query = f"?{urlencode({'next': mail.data['next']})}" if mail.data.get("next") else ""
    return f"{service.public_url}/sign-in/{secret}{query}"
