"""What every table of the server shares."""

import sqlalchemy
from sqlmodel import SQLModel

# Named constraints can be changed by a migration on both databases.
SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Table = SQLModel
metadata = SQLModel.metadata


def table_of(model: type[Table]) -> sqlalchemy.Table:
    """The table of a model, for statements in Core style."""
    return metadata.tables[str(model.__tablename__)]
