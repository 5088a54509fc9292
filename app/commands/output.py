"""How commands answer: a table for people, JSON for scripts."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

_WIDEST = 60  # characters


def parser_of(command: str, description: str) -> argparse.ArgumentParser:
    """An argument parser that speaks as all our commands do."""
    return argparse.ArgumentParser(
        prog=f"waitpoint {command}", description=description, epilog="Settings: docs/reference/settings.md"
    )


def add_json_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="answer in JSON, for scripts")


def show(value: Any) -> None:
    """For scripts: the value as JSON."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, str]) -> None:
    """For people: one line each, in columns that fit. `columns` is field → heading."""
    cells = [list(columns.values())]
    cells += [[_cell(row[field]) for field in columns] for row in rows]
    widths = [max(len(line[index]) for line in cells) for index in range(len(columns))]
    for line in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    visible = "".join(character if character.isprintable() else "�" for character in text)
    return visible if len(visible) <= _WIDEST else visible[: _WIDEST - 1] + "…"
