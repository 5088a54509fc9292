# ruff: noqa: T201 (a command prints)
"""What the commands of the clients share: reading what was typed, and printing for people."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waitpoint._errors import InvalidInput


def parser_of(
    prog: str, description: str, refused: str
) -> tuple[argparse.ArgumentParser, Callable[[str, Any, str], argparse.ArgumentParser]]:
    """A parser for a family of commands, and how to add one of them: its name, what it runs, and a sentence about it."""
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", action="store_true", help="print JSON, one document a line, for scripts")
    common.add_argument("--url", help="the address of the server, instead of WAITPOINT_URL")
    codes = f"Exit codes: 0 done; 1 {refused}; 2 not understood; 3 server not reached."
    parser = argparse.ArgumentParser(prog=prog, description=description, epilog=codes)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Any, sentence: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=sentence, description=sentence, parents=[common])
        added.set_defaults(run=run)
        return added

    return parser, command


def add_filters(listing: argparse.ArgumentParser, happened: str) -> None:
    """What every list can be narrowed by; `happened` is what the period is about: created, triggered."""
    listing.add_argument("--tag", action="append", help="with any of these tags; may be repeated")
    listing.add_argument("--period", help=f"{happened} within this span of time: 1h, 7d")
    listing.add_argument("--from", dest="created_from", metavar="WHEN", help=f"{happened} at or after (ISO 8601)")
    listing.add_argument("--to", dest="created_to", metavar="WHEN", help=f"{happened} at or before (ISO 8601)")
    listing.add_argument("--limit", type=count, default=25, help="at most so many; 0 for all (default: 25)")


def given(**options: Any) -> Any:
    """What was said on the command line, and no more: what is left out is the server's to decide."""
    return {name: value for name, value in options.items() if value is not None}


def json_in(text: str | None) -> Any:
    """A value as given: JSON, or `-` to read it from the standard input."""
    if text is None:
        return None
    try:
        return json.loads(sys.stdin.read() if text == "-" else text)
    except ValueError as problem:
        raise InvalidInput(f"This is not JSON ({problem}). A text needs quotes: --data '\"yes\"'.") from None


def request_in(name: str | None) -> Any:
    """What people are asked, from a file, or from the standard input for `-`."""
    if name is None:
        return None
    try:
        request = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text("utf-8"))
    except OSError as problem:
        raise InvalidInput(f"{name} cannot be read: {problem.strerror}.") from None
    except ValueError as problem:
        raise InvalidInput(f"{name} is not JSON ({problem}).") from None
    if not isinstance(request, dict):
        raise InvalidInput(f'{name} holds no JSON object. A request looks like {{"title": "Publish?"}}.')
    return request


def print_facts(facts: dict[str, str | None]) -> None:
    width = max(map(len, facts))
    for name, fact in facts.items():
        if fact is not None:
            print(f"{name:<{width}}  {fact.replace(chr(10), chr(10) + ' ' * (width + 2))}")


def print_table(columns: str, heading: Sequence[str], rows: Iterable[Sequence[str]], nothing: str) -> None:
    """Rows under a heading, cut at the width of a terminal."""
    wide = shutil.get_terminal_size().columns if sys.stdout.isatty() else 10_000
    rows = iter(rows)
    first = next(rows, None)
    if first is None:
        print(nothing)
        return
    for row in (heading, first, *rows):
        print(columns.format(*row).rstrip()[:wide])


def moment(at: datetime | None) -> str | None:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if at else None


def minute(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}" if at else "never"


def shown(text: str) -> str:
    """Text that somebody else wrote, without what would steer a terminal."""
    return "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in text)


def count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number")
    return int(text)
