"""`waitpoint mail`: whether mails are sent."""

import argparse

from ..admin.client import ask
from ..settings import Settings, load
from .output import add_json_option, parser_of, show


def main(arguments: list[str]) -> int:
    parser = parser_of("mail", "Try out whether mails are sent.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")

    test = actions.add_parser("test", help="send a mail now, and say what the mail server said")
    test.add_argument("address", metavar="ADDRESS", help="to whom")
    test.set_defaults(run=_test)

    add_json_option(test)
    options = parser.parse_args(arguments)
    options.run(load(), options)
    return 0


def _test(settings: Settings, options: argparse.Namespace) -> None:
    tried = ask(settings, "mail.test", address=options.address)
    if options.json:
        show(tried)
    else:
        print(f"The mail server took a mail to {tried['to']}. If it does not arrive, look among the unwanted ones.")
