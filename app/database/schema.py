"""The schema and its version. Migrations only expand, so that the server before can run beside this one."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

_VERSIONS = Path(__file__).parent / "migrations" / "versions"
_POSTGRESQL_LOCK = 7_287_315  # any number, the same for every process that migrates


class WrongSchema(Exception):
    """The database was made by another version of the server. The message says which command mends it."""


def migrate(engine: Engine) -> None:
    """Bring a database to this version's schema. Safe to run twice, and from two processes at once.

    Raises WrongSchema when the database is newer than this server.
    """
    with engine.connect() as connection:
        if _is_current(connection):
            return
    from . import migrating  # noqa: PLC0415 (a server that starts on its own version does without Alembic)

    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        if not _is_current(connection):  # another process may have migrated meanwhile
            migrating.upgrade(connection)


def check(engine: Engine) -> None:
    """Whether the schema is this version's. Raises WrongSchema with the command that mends it."""
    with engine.connect() as connection:
        if not _is_current(connection):
            raise WrongSchema("the database has an older schema: run `waitpoint migrate` first")


@cache
def revisions() -> tuple[str, ...]:
    """The revisions that this version knows, oldest first: the file `m0001_…` is the revision 0001."""
    return tuple(sorted(path.name[1:5] for path in _VERSIONS.glob("m[0-9]*.py")))


def _is_current(connection: Connection) -> bool:
    revision = _revision(connection)
    if revision is not None and revision not in revisions():
        raise WrongSchema(f"the database has a newer schema ({revision}): use a newer waitpoint")
    return revision == revisions()[-1]


def _revision(connection: Connection) -> str | None:
    """What the database says of itself, in the table that Alembic keeps."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar_one_or_none()
    return revision
