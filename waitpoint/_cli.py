"""The `waitpoint` command: `tokens`, `runs` and `worker` are clients of any server, `dev` starts one and a worker,
and everything else is handed to the server's half.

Exit codes: 0 done; 1 refused, not found or not answered; 2 not understood; 3 the server cannot be reached.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from waitpoint import _cli_dev as dev
from waitpoint import _cli_runs as runs
from waitpoint import _cli_tokens as tokens
from waitpoint import _cli_worker as worker
from waitpoint._errors import ServerUnavailable, WaitpointError

#: The server's half, listed here so that help comes at once, and without a server, too.
SERVER_COMMANDS = {
    "serve": "Run the server.",
    "migrate": "Bring the database to this version's schema.",
    "backup": "Copy the database while the server runs.",
    "doctor": "Look for anything that is wrong.",
    "keys": "Make, list and revoke API keys.",
    "environments": "Make and list environments.",
    "mail": "Try out whether mails are sent.",
    "people": "List people, and let them in with a sign-in link.",
}
NO_SERVER = "The server is not installed. Run: pip install 'waitpoint[server]'"

DONE, REFUSED, NOT_UNDERSTOOD, UNREACHABLE, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and answer its exit code. Never a traceback: what goes wrong is said in a sentence."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(arguments)
    except ServerUnavailable as problem:
        return _fail(problem, UNREACHABLE)
    except WaitpointError as problem:
        return _fail(problem, NOT_UNDERSTOOD if isinstance(problem, ValueError) else REFUSED)
    except SystemExit as end:  # argparse has said what is wrong, or has given help
        return end.code if isinstance(end.code, int) else DONE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone, `head` perhaps. Python would complain once more when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE


def _run(arguments: list[str]) -> int:
    match arguments:
        case [] | ["help" | "-h" | "--help", *_]:
            print(_help())
            return DONE
        case ["--version", *_]:
            print(f"waitpoint {version('waitpoint')}")
            return DONE
        case ["tokens", *rest]:
            return tokens.main(rest)
        case ["runs", *rest]:
            return runs.main(rest)
        case ["worker", *rest]:
            return worker.main(rest)
        case ["dev", *rest]:
            return _develop(rest)
        case _:
            return _run_on_server(arguments)


def _develop(arguments: list[str]) -> int:
    if _server() is None and arguments != ["--help"]:
        print(f"waitpoint dev: {NO_SERVER}", file=sys.stderr)
        return NOT_UNDERSTOOD
    return dev.main(arguments)


def _run_on_server(arguments: list[str]) -> int:
    name = arguments[0]
    if name not in SERVER_COMMANDS:
        print(f"waitpoint: there is no command {name!r}. See waitpoint --help", file=sys.stderr)
        return NOT_UNDERSTOOD
    server = _server()
    if server is None:
        print(f"waitpoint {name}: {NO_SERVER}", file=sys.stderr)
        return NOT_UNDERSTOOD
    return int(server.main(arguments) or DONE)


def _server() -> ModuleType | None:
    """The server's half of this command, or None when the extra is not installed.

    In a wheel it is `waitpoint.server`. In a checkout it is the folder `app` beside this package, and no other
    `app`: many projects have one of their own.
    """
    for package in ("waitpoint.server", "app"):
        found = importlib.util.find_spec(package)
        if found is None or not _is_ours(found.submodule_search_locations):
            continue
        try:
            return importlib.import_module(f"{package}.cli")
        except ModuleNotFoundError as missing:
            if f"{missing.name}.".startswith(f"{package}."):
                raise  # not the extra is missing, but a part of the server itself
            return None
    return None


def _is_ours(locations: Sequence[str] | None) -> bool:
    here = Path(__file__).resolve().parent
    return any(Path(location).resolve() in {here / "server", here.parent / "app"} for location in locations or ())


def _help() -> str:
    commands = {
        "tokens": "Create, list, show, complete, cancel and watch tokens.",
        "runs": "Trigger, list, show, watch, cancel and retry runs of tasks.",
        "worker": "Run the tasks of a module.",
        "dev": "Run a server, and the tasks of a module anew whenever they change.",
        **SERVER_COMMANDS,
    }
    width = max(map(len, commands))
    lines = [
        "usage: waitpoint COMMAND …",
        "",
        "A program asks, somebody answers, the program goes on.",
        "",
        *(f"  {name:<{width}}  {sentence}" for name, sentence in commands.items()),
        "",
        "waitpoint COMMAND --help says more. waitpoint --version says which version this is.",
    ]
    if importlib.util.find_spec("litestar") is None:
        lines += ["", f"All but tokens, runs and worker are commands of the server. {NO_SERVER}"]
    return "\n".join(lines)


def _fail(problem: WaitpointError, code: int) -> int:
    print(f"waitpoint: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
