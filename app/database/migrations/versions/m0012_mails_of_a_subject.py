"""Mails that wait, by what they are about

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_WAITS = sa.text("status = 'WAITING'")


def upgrade() -> None:
    op.create_index("ix_outbox_subject", "outbox", ["subject_id"], sqlite_where=_WAITS, postgresql_where=_WAITS)


def downgrade() -> None:
    op.drop_index("ix_outbox_subject", "outbox")
