# ruff: noqa: T201 (a command prints)
"""What the commands of the clients share: reading what was typed, and printing for people."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from waitpoint._errors import InvalidInput


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
