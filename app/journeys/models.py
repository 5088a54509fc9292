"""The table of drafts."""

from datetime import datetime

from sqlalchemy import Column, ForeignKey, Text
from sqlmodel import Field

from ..database.tables import Table
from ..database.types import Instant


class DraftRow(Table, table=True):
    """What somebody has typed for a step and not sent yet: the fields of the form, as JSON."""

    __tablename__ = "drafts"
    __table_args__ = ({"sqlite_with_rowid": False},)

    token_id: str = Field(sa_column=Column(Text, ForeignKey("tokens.id"), primary_key=True))
    fields: str = Field(sa_type=Text)
    saved_at: datetime = Field(sa_type=Instant)
