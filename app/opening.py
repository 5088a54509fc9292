"""Opening a database for a server or a command: owned, migrated or checked, with the keys of the settings in it."""

import os

from . import models as _models  # noqa: F401 - every table must be known
from .clock import Clock
from .database import Database, Unit, schema
from .environments import api_keys, environments, signing_keys
from .environments.environments import DEFAULT_SLUG
from .environments.signing_keys import CALLBACK, PUBLIC_ACCESS, SESSION
from .events import append, head, hold
from .places import sqlite_file
from .settings import BadSettings, Settings


def open_database(settings: Settings, clock: Clock | None = None) -> Database:
    """The database of the settings, owned by this process and of this version's schema.

    SQLite is migrated, PostgreSQL only checked, as other servers may be using it. Raises BadSettings,
    AlreadyOwned or WrongSchema, each with a sentence that says what to do.
    """
    database = unopened_database(settings, clock)
    if database.path is None:
        schema.check(database.writing_engine)
        return database
    own(database)
    schema.migrate(database.writing_engine)
    return database


def unopened_database(settings: Settings, clock: Clock | None = None) -> Database:
    """The database of the settings, not yet touched. Raises BadSettings."""
    sqlite_file(settings)
    return Database(settings.database_url, seal=append, clock=clock)


def own(database: Database) -> None:
    """Take an SQLite file for this process, and make it if there is none. Raises AlreadyOwned or BadSettings."""
    try:
        database.own()
        if database.path is not None:
            # It holds secrets that sign: nobody but its owner reads it. SQLite gives its other files the same rights.
            os.close(os.open(database.path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise BadSettings(f"WAITPOINT_DATABASE_URL: {database.path} cannot be written: {error.strerror}") from None


async def prepare(database: Database, settings: Settings) -> str:
    """Make what every server needs, once, and give the secret of callback URLs. The database must be started."""
    _, latest = await database.read(head)
    database.clock.not_before(latest)
    return await database.write(_prepare, settings)


def _prepare(db: Unit, settings: Settings) -> str:
    hold(db)  # two servers that start on a new database must agree on its secrets
    default = environments.ensure(db, DEFAULT_SLUG)
    if settings.secret_key:
        api_keys.accept(db, default, "WAITPOINT_SECRET_KEY", settings.secret_key)
    for slug, key in settings.secret_keys.items():
        api_keys.accept(db, environments.ensure(db, slug), "WAITPOINT_SECRET_KEYS", key)
    signing_keys.ensure_everywhere(db, PUBLIC_ACCESS)
    signing_keys.ensure(db, SESSION)
    return signing_keys.ensure(db, CALLBACK).secret
