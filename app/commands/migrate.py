"""`waitpoint migrate`: bring the database to this version's schema."""

from .. import models as _models  # noqa: F401 - every table must be known
from ..database import schema
from ..opening import own, unopened_database
from ..settings import load
from .output import parser_of


def main(arguments: list[str]) -> int:
    parser = parser_of(
        "migrate",
        "Bring the database to this version's schema. Safe to run twice, and from several machines at once. "
        "An SQLite database is migrated by `waitpoint serve` itself.",
    )
    parser.parse_args(arguments)
    database = unopened_database(load())
    own(database)
    schema.migrate(database.writing_engine)
    print("The database has this version's schema.")
    return 0
