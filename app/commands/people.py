"""`waitpoint people`: who can sign in, and letting them in."""

import argparse

from ..admin.client import ask
from ..settings import DEFAULT_URL, Settings, load
from .output import add_json_option, parser_of, show, show_table

_COLUMNS = {"email": "EMAIL", "name": "NAME", "role": "ROLE", "id": "ID"}


def main(arguments: list[str]) -> int:
    parser = parser_of("people", "List people, let them in with a sign-in link, and sign them out.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="show everybody")
    listing.set_defaults(run=_list)

    link = actions.add_parser("link", help="make a sign-in link, good once and for a day")
    link.add_argument("email", metavar="EMAIL", nargs="?", help="whose; the first owner needs none")
    link.set_defaults(run=_link)

    out = actions.add_parser("sign-out", help="end every session of a person")
    out.add_argument("email", metavar="EMAIL", help="whose")
    out.set_defaults(run=_sign_out)

    for action in (listing, link, out):
        add_json_option(action)
    options = parser.parse_args(arguments)
    options.run(load(), options)
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> None:
    people = ask(settings, "people.list")
    if options.json:
        show(people)
    elif people:
        show_table(people, _COLUMNS)
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
