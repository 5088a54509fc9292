"""Environments are made here, once each."""

from sqlalchemy import insert, select

from .. import ids
from ..database import Unit
from ..database.tables import table_of
from .models import Environment, EnvironmentRow, columns_of

DEFAULT_SLUG = "dev"
_NAMES = {"dev": "Development", "stg": "Staging", "prod": "Production", "preview": "Preview"}

_environments = table_of(EnvironmentRow)
_COLUMNS = columns_of(_environments, Environment)


def ensure(db: Unit, slug: str, name: str | None = None) -> Environment:
    """The environment of that slug, made if there is none."""
    existing = find(db, slug)
    if existing is not None:
        return existing
    environment = Environment(ids.new_id("env_", db.now), slug, name or _NAMES.get(slug, slug.capitalize()), db.now)
    values = {name: getattr(environment, name) for name in environment.__struct_fields__}
    db.execute(insert(_environments), values)
    db.record("environment.created", environment.id, environment_id=environment.id, data={"slug": slug})
    return environment


def find(db: Unit, slug: str) -> Environment | None:
    """The environment of that slug."""
    row = db.execute(select(*_COLUMNS).where(_environments.c.slug == slug)).one_or_none()
    return None if row is None else Environment(**row._asdict())


def get(db: Unit, environment_id: str) -> Environment | None:
    """The environment of that id."""
    row = db.execute(select(*_COLUMNS).where(_environments.c.id == environment_id)).one_or_none()
    return None if row is None else Environment(**row._asdict())


def every(db: Unit) -> list[Environment]:
    """All environments, the oldest first."""
    return [Environment(**row._asdict()) for row in db.execute(select(*_COLUMNS).order_by(_environments.c.created_at))]
