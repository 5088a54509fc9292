"""`waitpoint keys`: make, list and revoke API keys, and rotate the keys that sign public access tokens."""

import argparse

from ..admin.client import ask
from ..environments.environments import DEFAULT_SLUG
from ..environments.models import SCOPES
from ..settings import Settings, load
from .output import add_json_option, parser_of, show, show_table

_COLUMNS = {
    "id": "ID",
    "environment": "ENVIRONMENT",
    "name": "NAME",
    "scope": "SCOPE",
    "last_four": "ENDS IN",
    "created_at": "MADE",
    "revoked_at": "REVOKED",
}


def main(arguments: list[str]) -> int:
    parser = parser_of("keys", "Make, list and revoke API keys, and rotate signing keys.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="show the keys, without their secrets")
    listing.add_argument("--environment", metavar="SLUG", help="of this environment only")
    listing.set_defaults(run=_list)

    new = actions.add_parser("new", help="make a key, and show it this once")
    new.add_argument("--environment", metavar="SLUG", default=DEFAULT_SLUG, help="(default: %(default)s)")
    new.add_argument("--name", required=True, help="what it is for, as it shows in lists and timelines")
    new.add_argument("--scope", choices=SCOPES, default="full", help="what it may do (default: %(default)s)")
    new.set_defaults(run=_new)

    revoke = actions.add_parser("revoke", help="make a key worthless, at once and for good")
    revoke.add_argument("key", metavar="ID", help="as `waitpoint keys list` shows it: key_…")
    revoke.set_defaults(run=_revoke)

    rotate = actions.add_parser("rotate", help="sign public access tokens with a new key")
    rotate.add_argument("--environment", metavar="SLUG", default=DEFAULT_SLUG, help="(default: %(default)s)")
    rotate.add_argument(
        "--grace",
        metavar="DURATION",
        default="30d",
        help="how long the old key verifies (default: %(default)s; 0s: not at all)",
    )
    rotate.set_defaults(run=_rotate)

    for action in (listing, new, revoke, rotate):
        add_json_option(action)
    options = parser.parse_args(arguments)
    options.run(load(), options)
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> None:
    keys = ask(settings, "keys.list", environment=options.environment)
    if options.json:
        show(keys)
    else:
        show_table(keys, _COLUMNS)


def _new(settings: Settings, options: argparse.Namespace) -> None:
    made = ask(settings, "keys.new", environment=options.environment, name=options.name, scope=options.scope)
    if options.json:
        show(made)
        return
    print(made["key"])
    print(f"\nThis is the key {made['name']!r} of {made['environment']}; it is not shown again.")


def _revoke(settings: Settings, options: argparse.Namespace) -> None:
    revoked = ask(settings, "keys.revoke", key=options.key)
    if options.json:
        show(revoked)
    else:
        print(f"The key {revoked['name']!r} is revoked.")


def _rotate(settings: Settings, options: argparse.Namespace) -> None:
    rotated = ask(settings, "keys.rotate", environment=options.environment, grace=options.grace)
    if options.json:
        show(rotated)
        return
    print(f"Public access tokens of {rotated['environment']} are signed with a new key, {rotated['id']}.")
    print(f"What the old one signed is good until {rotated['verifies_until']}, or its own end.")
