"""`waitpoint environments`: make and list environments."""

import argparse

from ..admin.client import ask
from ..settings import Settings, load
from .output import add_json_option, parser_of, show, show_table

_COLUMNS = {"slug": "SLUG", "name": "NAME", "id": "ID", "created_at": "MADE"}


def main(arguments: list[str]) -> int:
    parser = parser_of("environments", "Make and list environments.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="show all environments")
    listing.set_defaults(run=_list)

    new = actions.add_parser("new", help="make an environment")
    new.add_argument("slug", metavar="SLUG", help="its short name, part of its keys: tr_<slug>_sk_…")
    new.add_argument("--name", help="its name for people")
    new.set_defaults(run=_new)

    for action in (listing, new):
        add_json_option(action)
    options = parser.parse_args(arguments)
    options.run(load(), options)
    return 0


def _list(settings: Settings, options: argparse.Namespace) -> None:
    environments = ask(settings, "environments.list")
    if options.json:
        show(environments)
    else:
        show_table(environments, _COLUMNS)


def _new(settings: Settings, options: argparse.Namespace) -> None:
    made = ask(settings, "environments.new", slug=options.slug, name=options.name)
    if options.json:
        show(made)
    else:
        print(f"{made['name']} is ready. Its first key: waitpoint keys new --environment {made['slug']} --name NAME")
