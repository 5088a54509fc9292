"""What Alembic does for us. Imported only when there is work for it: it makes every start slower."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from .tables import metadata

_FOLDER = Path(__file__).parent / "migrations"


def upgrade(connection: Connection) -> None:
    """Run every migration that the database has not seen."""
    command.upgrade(config(connection), "head")


def differences(connection: Connection) -> list[object]:
    """How the tables in the database differ from the models; nothing, when all is well."""
    context = MigrationContext.configure(
        connection,
        opts={"include_object": lambda _o, name, kind, _r, _c: (kind, name) != ("table", "alembic_version")},
    )
    return list(compare_metadata(context, metadata))


def new_revision(connection: Connection, message: str) -> None:
    """Write a migration from what the models say. For developers."""
    command.revision(config(connection), message=message, autogenerate=True)


def config(connection: Connection) -> Config:
    """How Alembic finds the migrations, and this connection."""
    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    made.attributes["metadata"] = metadata
    return made
