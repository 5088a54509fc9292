"""The server's half of the `waitpoint` command. Each command is a file in `commands/`."""

import sys
from collections.abc import Callable
from importlib import import_module

from sqlalchemy.exc import SQLAlchemyError

from .database.ownership import AlreadyOwned
from .database.schema import WrongSchema
from .settings import BadSettings

COMMANDS = {
    "serve": "Run the server.",
    "migrate": "Bring the database to this version's schema.",
}

Command = Callable[[list[str]], int]


def main(argv: list[str]) -> int:
    """Run `argv[0]` with the rest as its arguments; gives the exit code. What a person can mend is said in one sentence."""
    name, *arguments = argv
    command: Command = import_module(f".commands.{name}", __package__).main
    try:
        return command(arguments)
    except (BadSettings, AlreadyOwned, WrongSchema) as error:
        print(f"waitpoint {name}: {error}", file=sys.stderr)
        return 2
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
        print(f"waitpoint {name}: the database cannot be used: {reason}", file=sys.stderr)
        return 2
