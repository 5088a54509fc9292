"""The schema and its migrations: each only expands, so that the server before can run beside this one."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from .tables import metadata

_HERE = Path(__file__).parent / "migrations"
_POSTGRESQL_LOCK = 7_287_315  # any number, the same for every process that migrates


class WrongSchema(Exception):
    """The database was made by another version of the server. The message says which command mends it."""


def migrate(engine: Engine) -> None:
    """Bring a database to this version's schema. Safe to run twice, and from two processes at once.

    Raises WrongSchema when the database is newer than this server.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL lock_timeout = 0"))
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_POSTGRESQL_LOCK})"))
        _refuse_newer(connection)
        command.upgrade(_config(connection), "head")


def check(engine: Engine) -> None:
    """Whether the schema is this version's. Raises WrongSchema with the command that mends it."""
    with engine.connect() as connection:
        _refuse_newer(connection)
        if _revision(connection) != _script().get_current_head():
            raise WrongSchema("the database has an older schema: run `waitpoint migrate` first")


def differences(connection: Connection) -> list[object]:
    """How the tables in the database differ from the models; nothing, when all is well."""
    context = MigrationContext.configure(
        connection,
        opts={"include_object": lambda _o, name, kind, _r, _c: (kind, name) != ("table", "alembic_version")},
    )
    return list(compare_metadata(context, metadata))


def new_revision(connection: Connection, message: str) -> None:
    """Write a migration from what the models say. For developers."""
    command.revision(_config(connection), message=message, autogenerate=True)


def _refuse_newer(connection: Connection) -> None:
    revision = _revision(connection)
    known = {script.revision for script in _script().walk_revisions()}
    if revision is not None and revision not in known:
        raise WrongSchema(f"the database has a newer schema ({revision}): use a newer waitpoint")


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_HERE))


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    config.attributes["metadata"] = metadata
    return config
