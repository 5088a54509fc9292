"""Opening a database for a server or a command: owned, migrated or checked, with the keys of the settings in it."""

from . import models as _models  # noqa: F401 - every table must be known
from .clock import Clock
from .database import Database, Unit, schema
from .database.engines import parse_url, sqlite_path
from .environments import api_keys, environments, signing_keys
from .environments.environments import DEFAULT_SLUG
from .environments.signing_keys import CALLBACK, PUBLIC_ACCESS, SESSION
from .events import append, head
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
    database.own()
    schema.migrate(database.writing_engine)
    return database


def unopened_database(settings: Settings, clock: Clock | None = None) -> Database:
    """The database of the settings, not yet touched. Raises BadSettings."""
    try:
        path = sqlite_path(parse_url(settings.database_url))
    except Exception as error:
        raise BadSettings(f"WAITPOINT_DATABASE_URL: {error}") from None
    if path is not None and not path.parent.is_dir():
        raise BadSettings(f"WAITPOINT_DATABASE_URL: there is no folder {path.parent}")
    if path is not None and path.is_dir():
        raise BadSettings(f"WAITPOINT_DATABASE_URL: {path} is a folder, not a file")
    return Database(settings.database_url, seal=append, clock=clock)


async def prepare(database: Database, settings: Settings) -> str:
    """Make what every server needs, once, and give the secret of callback URLs. The database must be started."""
    _, latest = await database.read(head)
    database.clock.not_before(latest)
    return await database.write(_prepare, settings)


def _prepare(db: Unit, settings: Settings) -> str:
    default = environments.ensure(db, DEFAULT_SLUG)
    if settings.secret_key:
        api_keys.accept(db, default, "WAITPOINT_SECRET_KEY", settings.secret_key)
    for slug, key in settings.secret_keys.items():
        api_keys.accept(db, environments.ensure(db, slug), "WAITPOINT_SECRET_KEYS", key)
    for environment in environments.every(db):
        signing_keys.ensure(db, PUBLIC_ACCESS, environment.id)
    signing_keys.ensure(db, SESSION)
    return signing_keys.ensure(db, CALLBACK).secret
