"""`waitpoint migrate`: bring the database to this version's schema."""

import argparse

from .. import models as _models  # noqa: F401 - every table must be known
from ..database import schema
from ..opening import unopened_database
from ..settings import load


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="waitpoint migrate", description="Bring the database to this version's schema."
    )
    parser.parse_args(arguments)
    database = unopened_database(load())
    database.own()
    schema.migrate(database.writing_engine)
    print("The database has this version's schema.")
    return 0
