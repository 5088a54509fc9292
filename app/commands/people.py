"""`waitpoint people`: who can sign in, what they may do, their groups, and letting them in."""

import argparse
from typing import Any

from ..admin.client import ask
from ..settings import DEFAULT_URL, Settings, load
from .output import add_json_option, parser_of, show, show_table

_COLUMNS = {"email": "EMAIL", "name": "NAME", "role": "ROLE", "groups": "GROUPS", "disabled": "", "id": "ID"}
_ROLES = ("owner", "member", "approver")
_GROUP_COLUMNS = {"slug": "GROUP", "name": "NAME", "members": "PEOPLE"}


def main(arguments: list[str]) -> int:
    parser = parser_of("people", "List and invite people, say what they may do, let them in and out.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="show everybody")
    listing.set_defaults(run=_list)

    link = actions.add_parser("link", help="make a sign-in link, good once and for a day")
    link.add_argument("email", metavar="EMAIL", nargs="?", help="whose; the first owner needs none")
    link.set_defaults(run=_link)

    out = actions.add_parser("sign-out", help="end every session of a person")
    out.add_argument("email", metavar="EMAIL", help="whose")
    out.set_defaults(run=_sign_out)

    invite = actions.add_parser("invite", help="add a person, and mail them a sign-in link")
    invite.add_argument("email", metavar="EMAIL")
    invite.add_argument("--name", help="what others see; the part before the @ unless you say otherwise")
    invite.add_argument("--role", choices=_ROLES, default="approver", help="what they may do (approver)")
    invite.set_defaults(run=_invite)

    role = actions.add_parser("role", help="say what a person may do, everywhere or in one environment")
    role.add_argument("email", metavar="EMAIL")
    role.add_argument("role", choices=[*_ROLES, "same"], help="`same`: in the environment what they may do everywhere")
    role.add_argument("--environment", metavar="NAME", help="in this environment only")
    role.set_defaults(run=_role)

    disable = actions.add_parser("disable", help="keep a person out, from now on")
    disable.add_argument("email", metavar="EMAIL")
    disable.set_defaults(run=_disable)

    enable = actions.add_parser("enable", help="let a disabled person sign in again")
    enable.add_argument("email", metavar="EMAIL")
    enable.set_defaults(run=_enable)

    groups = actions.add_parser("groups", help="show all groups")
    groups.set_defaults(run=_groups)

    group = actions.add_parser("group", help="make a group, and say who is in it")
    group.add_argument("slug", metavar="GROUP", help="what requests call it, such as editors")
    group.add_argument("--name", help="what people call a new one")
    group.add_argument("--add", metavar="EMAIL", action="append", default=[], help="put a person in")
    group.add_argument("--remove", metavar="EMAIL", action="append", default=[], help="take a person out")
    group.add_argument("--delete", action="store_true", help="take the group away; its people stay")
    group.set_defaults(run=_group)

    for action in (listing, link, out, invite, role, disable, enable, groups, group):
        add_json_option(action)
    options = parser.parse_args(arguments)
    options.run(load(), options)
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> None:
    people = ask(settings, "people.list")
    if options.json:
        show(people)
    elif people:
        show_table([_line(person) for person in people], _COLUMNS)
    else:
        print("Nobody yet. `waitpoint people link` lets the first owner in.")


def _link(settings: Settings, options: argparse.Namespace) -> None:
    made = ask(settings, "people.link", email=options.email)
    if options.json:
        show(made)
        return
    print(made["url"])
    print(f"\nIt lets {made['email'] or 'the first owner'} in, once, within a day.")
    if made["url"].startswith(DEFAULT_URL) and settings.public_url is None:
        print("If the server has another address, put it in front, or set WAITPOINT_PUBLIC_URL.")


def _sign_out(settings: Settings, options: argparse.Namespace) -> None:
    person = ask(settings, "people.sign-out", email=options.email)
    if options.json:
        show(person)
    else:
        print(f"{person['email']} is signed out everywhere.")


def _invite(settings: Settings, options: argparse.Namespace) -> None:
    person = ask(settings, "people.invite", email=options.email, name=options.name, role=options.role)
    if options.json:
        show(person)
    else:
        print(f"{person['email']} is here now, as {person['role']}. A sign-in link is mailed, if a mail server is set.")
        print(f"To hand them one yourself: waitpoint people link {person['email']}")


def _role(settings: Settings, options: argparse.Namespace) -> None:
    arguments = {"email": options.email, "role": options.role, "environment": options.environment}
    _say(ask(settings, "people.role", **arguments), options)


def _disable(settings: Settings, options: argparse.Namespace) -> None:
    _say(ask(settings, "people.disable", email=options.email), options)


def _enable(settings: Settings, options: argparse.Namespace) -> None:
    _say(ask(settings, "people.enable", email=options.email), options)


def _groups(settings: Settings, options: argparse.Namespace) -> None:
    groups = ask(settings, "groups.list")
    if options.json:
        show(groups)
    elif groups:
        show_table([group | {"members": ", ".join(group["members"])} for group in groups], _GROUP_COLUMNS)
    else:
        print("No group yet. `waitpoint people group editors --add ada@example.com` makes one.")


def _group(settings: Settings, options: argparse.Namespace) -> None:
    if options.delete:
        slug = ask(settings, "groups.remove", slug=options.slug)
        if options.json:
            show(slug)
        else:
            print(f"The group {slug} was taken away.")
        return
    arguments = {"slug": options.slug, "name": options.name, "add": options.add, "remove": options.remove}
    group = ask(settings, "groups.change", **arguments)
    if options.json:
        show(group)
    else:
        print(f"group:{group['slug']} asks {', '.join(group['members']) or 'nobody yet'}.")


def _say(person: dict[str, Any], options: argparse.Namespace) -> None:
    if options.json:
        show(person)
        return
    elsewhere = "".join(f", {role} in {slug}" for slug, role in person["roles"].items())
    print(f"{person['email']}: {person['role']}{elsewhere}{' (disabled)' if person['disabled_at'] else ''}")


def _line(person: dict[str, Any]) -> dict[str, Any]:
    elsewhere = "".join(f", {role} in {slug}" for slug, role in person["roles"].items())
    return person | {
        "role": person["role"] + elsewhere,
        "groups": ", ".join(person["groups"]),
        "disabled": "disabled" if person["disabled_at"] else "",
    }
