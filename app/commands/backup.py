"""`waitpoint backup`: copy an SQLite database, while the server runs or without one."""

from pathlib import Path

from ..admin.client import ask
from ..settings import load
from .output import add_json_option, parser_of, show


def main(arguments: list[str]) -> int:
    parser = parser_of(
        "backup",
        "Copy an SQLite database into a new file, as it is at one instant, while the server goes on. "
        "The copy holds secrets, as the database does: keep it as safe. PostgreSQL is copied with pg_dump.",
    )
    parser.add_argument("destination", metavar="DEST", help="a file that does not exist yet, or a folder")
    add_json_option(parser)
    options = parser.parse_args(arguments)
    made = ask(load(), "backup", destination=str(Path(options.destination).absolute()))
    if options.json:
        show(made)
    else:
        beside = f"; files beside it: {made['files']:,}" if made["files"] else ""
        print(f"{made['path']}: {made['size']:,} bytes, up to event {made['last_event']:,}{beside}.")
    return 0
