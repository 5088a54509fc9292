"""A database for one test, on SQLite and on PostgreSQL."""

from tests.database.conftest import database

__all__ = ["database"]
