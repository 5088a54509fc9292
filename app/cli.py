"""The server's half of the `waitpoint` command. Each command is a file in `commands/`."""

import sys
from collections.abc import Callable
from importlib import import_module

from sqlalchemy.exc import SQLAlchemyError

from .admin.site import Refused
from .database import DatabaseUnavailable
from .database.failures import as_unavailable
from .database.ownership import AlreadyOwned
from .database.schema import WrongSchema
from .logs import described
from .settings import BadSettings

COMMANDS = {
    "serve": "Run the server.",
    "migrate": "Bring the database to this version's schema.",
    "backup": "Copy the database while the server runs.",
    "doctor": "Look for anything that is wrong.",
    "keys": "Make, list and revoke API keys.",
    "environments": "Make and list environments.",
    "mail": "Try out whether mails are sent.",
    "people": "List people, and let them in with a sign-in link.",
}

DONE, REFUSED, NOT_POSSIBLE = 0, 1, 2
"""Exit codes: done; refused, or the doctor found something; not possible as things are set up."""

Command = Callable[[list[str]], int]


def main(argv: list[str]) -> int:
    """Run `argv[0]` with the rest as its arguments; gives the exit code. What a person can mend is said in one sentence."""
    name, *arguments = argv
    command: Command = import_module(f".commands.{name}", __package__).main
    try:
        return command(arguments)
    except Refused as error:
        return _fail(name, error, REFUSED)
    except (BadSettings, AlreadyOwned, WrongSchema, DatabaseUnavailable) as error:
        return _fail(name, error, NOT_POSSIBLE)
    except SQLAlchemyError as error:
        return _fail(name, f"the database cannot be used: {_reason(error)}", NOT_POSSIBLE)
    except OSError as error:  # a disk, a socket
        where = f"{error.filename}: " if error.filename else ""
        return _fail(name, f"{where}{error.strerror or error}", NOT_POSSIBLE)
    except Exception as error:  # noqa: BLE001 - a mistake of ours: where it is, for whoever reports it
        print(described(error), file=sys.stderr)
        return _fail(name, "this is a mistake of Waitpoint; please report the lines above", REFUSED)


def _fail(name: str, reason: object, code: int) -> int:
    print(f"waitpoint {name}: {reason}", file=sys.stderr)
    return code


def _reason(error: SQLAlchemyError) -> str:
    """The database's own first line; a library's page of advice helps nobody here."""
    unavailable = as_unavailable(error)
    lines = str(getattr(error, "orig", error)).strip().splitlines() or [type(error).__name__]
    return lines[0] if unavailable is None else f"{unavailable} ({lines[0]})"
