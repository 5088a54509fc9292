"""What can be administered. One table serves both ways: the server's socket, and commands where no server runs."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any, Literal

import msgspec

from ..clock import iso
from ..database import Unit
from ..durations import BadDuration, parse_duration
from ..environments import api_keys, environments, signing_keys
from ..environments.environments import DEFAULT_SLUG
from ..environments.models import SCOPES, Environment, KeyListing
from ..environments.signing_keys import LINK, PUBLIC_ACCESS
from ..notifications import trial
from ..notifications.addresses import BadAddress, address_of
from ..pages.forms import wrong_name, wrong_name_of_person
from ..people import groups, people, sign_in
from ..people.models import ROLES, Role
from ..people.people import Profile
from ..settings import is_slug
from ..tokens.models import By
from . import backup, doctor
from .site import Refusal, Refused, Site, beside

_COMMAND = By(kind="system", door="command")
_LONGEST_NAME = 200  # characters
NO_GRACE = "0s"
SAME = "same"

Way = Literal["read", "write", "aside"]
"""On a read connection, in the writer, or on a thread beside both with a connection of its own."""


class Operation(msgspec.Struct, frozen=True):
    """A domain function, and how it is run. `read` and `write` ones get a unit of work, `aside` ones the site."""

    way: Way
    run: Callable[..., Any]
    finish: Callable[[Site, Any], Any] = lambda _site, result: result  # told what no domain function knows


async def perform(site: Site, name: str, arguments: dict[str, Any]) -> Any:
    """Do an operation, and give its result as plain values. Raises Refused."""
    operation = OPERATIONS.get(name)
    if operation is None:
        raise Refused(f"this server has no operation {name!r}: it is of another version than the command")
    result = await _run(site, operation.way, partial(operation.run, **arguments))
    if isinstance(result, Refusal):
        raise Refused(result.reason)
    return msgspec.to_builtins(operation.finish(site, result))


async def _run(site: Site, way: Way, function: Callable[..., Any]) -> Any:
    if way == "aside":
        return await beside(function, site)
    if way == "read":
        return await site.database.read(function)
    result = await site.database.write(function)
    site.changed()
    return result


class NewKey(msgspec.Struct, frozen=True):
    """An API key that was just made; `key` is shown now and never again."""

    id: str
    key: str
    environment: str
    name: str
    scope: str


class ShownKey(msgspec.Struct, frozen=True):
    """What can be shown of an API key later."""

    id: str
    environment: str
    name: str
    scope: str
    last_four: str
    created_at: str
    revoked_at: str | None


class Rotated(msgspec.Struct, frozen=True):
    """A signing key that was just made, and until when the old ones verify what they signed."""

    environment: str
    id: str
    verifies_until: str


class Link(msgspec.Struct, frozen=True):
    """A sign-in link that was just made. Without an email it is the first owner's."""

    secret: str
    email: str | None


class ShownPerson(msgspec.Struct, frozen=True):
    """A person as commands show them. `roles` says where the role is another, by the environment's short name."""

    id: str
    email: str
    name: str
    role: str
    roles: dict[str, str]
    groups: list[str]
    disabled_at: str | None


class ShownGroup(msgspec.Struct, frozen=True):
    """A group, and the addresses of those in it."""

    slug: str
    name: str
    members: list[str]


class Address(msgspec.Struct, frozen=True):
    """A sign-in link as it is opened, and whom it lets in."""

    url: str
    email: str | None


def where_it_leads(site: Site, link: Link) -> Address:
    """Where a sign-in link leads on this site."""
    return Address(f"{site.public_url}/sign-in/{link.secret}", link.email)


def list_keys(db: Unit, *, environment: str | None) -> list[ShownKey] | Refusal:
    """The keys of one environment, or of all."""
    if environment is None:
        chosen = environments.every(db)
    else:
        found = environments.find(db, environment)
        if found is None:
            return _no_environment(db, environment)
        chosen = [found]
    keys = api_keys.of_all(db, [each.id for each in chosen])
    return [_shown(key, each) for each in chosen for key in keys.get(each.id, ())]


def new_key(db: Unit, *, environment: str, name: str, scope: str) -> NewKey | Refusal:
    """Make a key. The default environment is made with its first key, if no server has run yet."""
    found = environments.find(db, environment)
    if found is None and environment == DEFAULT_SLUG:
        found = environments.ensure(db, DEFAULT_SLUG)
    if found is None:
        return _no_environment(db, environment)
    known = next((each for each in SCOPES if each == scope), None)
    if known is None:
        return Refusal(f"there is no scope {scope!r}: choose one of {', '.join(SCOPES)}")
    if not name.strip() or len(name) > _LONGEST_NAME:
        return Refusal(f"a key needs a name of 1 to {_LONGEST_NAME} characters")
    made = api_keys.create(db, found, name.strip(), known, _COMMAND)
    return NewKey(made.id, made.secret, found.slug, name.strip(), scope)


def revoke_key(db: Unit, *, key: str) -> KeyListing | Refusal:
    """Make a key worthless."""
    found = api_keys.find(db, key)
    if found is None:
        return Refusal(f"there is no key {key!r}: `waitpoint keys list` shows all, with their ids")
    if not api_keys.revoke(db, key, _COMMAND):
        return Refusal(f"the key {found.name!r} was revoked before")
    return found


def rotate_key(db: Unit, *, environment: str, grace: str) -> Rotated | Refusal:
    """Sign public access tokens of an environment with a new key; the old one verifies for the grace period.

    Without grace the links in mails end, too: that is asked for when somebody has read the keys. They outlive
    every other rotation, because a mail cannot be sent anew.
    """
    found = environments.find(db, environment)
    if found is None:
        return _no_environment(db, environment)
    try:
        length = timedelta() if grace == NO_GRACE else parse_duration(grace)
    except BadDuration as error:
        return Refusal(f"the grace period {error}; {NO_GRACE} for none")
    made = signing_keys.rotate(db, PUBLIC_ACCESS, found.id, length, _COMMAND)
    if not length:
        signing_keys.rotate(db, LINK, found.id, length, _COMMAND)
    return Rotated(found.slug, made.id, iso(db.now + length))


def list_environments(db: Unit) -> list[Environment]:
    """All environments, the oldest first."""
    return environments.every(db)


def new_environment(db: Unit, *, slug: str, name: str | None) -> Environment | Refusal:
    """Make an environment, ready to be used."""
    if not is_slug(slug):
        return Refusal(f"{slug!r} is no name of an environment: use up to 20 small letters and digits")
    if environments.find(db, slug) is not None:
        return Refusal(f"there is an environment {slug!r} already")
    made = environments.ensure(db, slug, name)
    signing_keys.ensure(db, PUBLIC_ACCESS, made.id)
    return made


def sign_out(db: Unit, *, email: str) -> Profile | Refusal:
    """End every session of a person."""
    person = people.find(db, email)
    if person is None:
        return _nobody(email)
    sign_in.sign_out_everywhere(db, person.id)
    return person


def list_people(db: Unit) -> list[ShownPerson]:
    """Everybody, with what they may do and where they belong."""
    everybody, memberships, roles = people.every(db), groups.memberships(db), people.roles_of_all(db)
    slugs = {each.id: each.slug for each in environments.every(db)}
    return [
        _shown_person(person, memberships.get(person.id, []), roles.get(person.id, {}), slugs) for person in everybody
    ]


def invite(db: Unit, *, email: str, name: str | None, role: str) -> Profile | Refusal:
    """Make a person, and mail them a sign-in link."""
    try:
        address = address_of(email)
    except BadAddress as problem:
        return Refusal(f"{email!r} is no mail address: {problem}")
    known = next((each for each in ROLES if each == role), None)
    if known is None:
        return _no_role(role)
    if name is not None and (wrong := wrong_name_of_person(name, "name")):
        return Refusal(wrong["name"])
    invited = people.invite(db, address, name or address.partition("@")[0], known, _COMMAND)
    return invited.person if invited.is_new else Refusal(f"{invited.person.email} is here already")


def change_role(db: Unit, *, email: str, role: str, environment: str | None) -> ShownPerson | Refusal:
    """What a person may do everywhere, or in one environment, where SAME takes a difference back."""
    person = people.find(db, email)
    if person is None:
        return _nobody(email)
    known = next((each for each in ROLES if each == role), None)
    if known is None and (environment is None or role != SAME):
        return _no_role(role)
    if environment is None:
        assert known is not None  # noqa: S101 - for the type checker
        refusal = people.change_role(db, person.id, known, _COMMAND)
    else:
        found = environments.find(db, environment)
        if found is None:
            return _no_environment(db, environment)
        refusal = people.change_role_in(db, person.id, found.id, known, _COMMAND)
    return Refusal(refusal.reason) if refusal else _person(db, person.id)


def shut_out(db: Unit, *, email: str) -> ShownPerson | Refusal:
    """Keep a person out."""
    person = people.find(db, email)
    if person is None:
        return _nobody(email)
    refusal = sign_in.shut_out(db, person.id, _COMMAND)
    return Refusal(refusal.reason) if refusal else _person(db, person.id)


def let_in(db: Unit, *, email: str) -> ShownPerson | Refusal:
    """Let a person sign in again."""
    person = people.find(db, email)
    if person is None:
        return _nobody(email)
    sign_in.let_in(db, person.id, _COMMAND)
    return _person(db, person.id)


def list_groups(db: Unit) -> list[ShownGroup]:
    """All groups, with who is in them."""
    every = groups.every(db)
    members = groups.members_of(db, [group.slug for group in every])
    return [_shown_group(group, members.get(group.slug, [])) for group in every]


def change_group(db: Unit, *, slug: str, name: str | None, add: list[str], remove: list[str]) -> ShownGroup | Refusal:
    """Put people into a group and take people out; it is made if there is none. All of it, or nothing."""
    if not groups.is_slug(slug):
        return Refusal(f"{slug!r} is no name of a group: use small letters, digits and hyphens, at most 40")
    if name is not None and wrong_name(name, "name"):
        return Refusal(wrong_name(name, "name")["name"])
    found = [(email, people.find(db, email)) for email in [*add, *remove]]
    for email, person in found:
        if person is None:
            return _nobody(email)
    groups.add(db, slug, name or slug.capitalize(), _COMMAND)
    for index, (_, person) in enumerate(found):
        assert person is not None  # noqa: S101 - for the type checker
        (groups.join if index < len(add) else groups.leave)(db, slug, person.id, _COMMAND)
    group = groups.find(db, slug)
    assert group is not None  # noqa: S101 - just made
    return _group(db, group)


def remove_group(db: Unit, *, slug: str) -> str | Refusal:
    """Take a group away; its people stay."""
    return slug if groups.remove(db, slug, _COMMAND) else Refusal(f"there is no group {slug!r}")


def new_link(db: Unit, *, email: str | None) -> Link | Refusal:
    """A sign-in link for somebody who is known, or for the first owner."""
    if email is None:
        secret = sign_in.first_link(db)
        return Refusal(_say_whose(db)) if secret is None else Link(secret, None)
    person = people.find(db, email)
    if person is None:
        return _nobody(email)
    return Link(sign_in.make_link(db, person.id), person.email)


OPERATIONS: dict[str, Operation] = {
    "keys.list": Operation("read", list_keys),
    "keys.new": Operation("write", new_key),
    "keys.revoke": Operation("write", revoke_key),
    "keys.rotate": Operation("write", rotate_key),
    "environments.list": Operation("read", list_environments),
    "environments.new": Operation("write", new_environment),
    "people.list": Operation("read", list_people),
    "people.link": Operation("write", new_link, where_it_leads),
    "people.sign-out": Operation("write", sign_out),
    "people.invite": Operation("write", invite),
    "people.role": Operation("write", change_role),
    "people.disable": Operation("write", shut_out),
    "people.enable": Operation("write", let_in),
    "groups.list": Operation("read", list_groups),
    "groups.change": Operation("write", change_group),
    "groups.remove": Operation("write", remove_group),
    "mail.test": Operation("aside", trial.try_out),
    "backup": Operation("aside", backup.make),
    "doctor": Operation("aside", doctor.examine),
}


def _no_environment(db: Unit, slug: str) -> Refusal:
    known = ", ".join(each.slug for each in environments.every(db)) or "none yet"
    return Refusal(f"there is no environment {slug!r}; there are: {known}")


def _nobody(email: str) -> Refusal:
    return Refusal(f"nobody has the address {email!r}: `waitpoint people list` shows everybody")


def _no_role(role: str) -> Refusal:
    return Refusal(f"there is no role {role!r}: choose one of {', '.join(ROLES)}")


def _person(db: Unit, person_id: str) -> ShownPerson:
    person = people.get(db, person_id)
    assert person is not None  # noqa: S101 - nobody is ever removed
    slugs = {each.id: each.slug for each in environments.every(db)}
    return _shown_person(person, groups.groups_of(db, person_id), people.roles_of(db, person_id), slugs)


def _shown_person(
    person: Profile, memberships: list[str], roles: dict[str, Role], slugs: dict[str, str]
) -> ShownPerson:
    return ShownPerson(
        person.id,
        person.email,
        person.name,
        person.role,
        {slugs[environment_id]: role for environment_id, role in roles.items()},
        memberships,
        iso(person.disabled_at) if person.disabled_at else None,
    )


def _group(db: Unit, group: groups.Group) -> ShownGroup:
    return _shown_group(group, groups.members(db, group.slug))


def _shown_group(group: groups.Group, members: list[Profile]) -> ShownGroup:
    return ShownGroup(group.slug, group.name, [person.email for person in members])


def _say_whose(db: Unit) -> str:
    addresses = ", ".join(person.email for person in people.every(db)[:5])
    return f"there are people already, so say whose link it is: waitpoint people link EMAIL ({addresses})"


def _shown(key: KeyListing, environment: Environment) -> ShownKey:
    created, revoked = msgspec.to_builtins((key.created_at, key.revoked_at))
    return ShownKey(key.id, environment.slug, key.name, key.scope, key.last_four, created, revoked)
