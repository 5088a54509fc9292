"""Requests that wait and that their requester may not answer

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_OWN = sa.text("NOT self_approval AND status = 'WAITING'")


def upgrade() -> None:
    op.create_index("ix_requests_own", "requests", ["requester", "token_id"], sqlite_where=_OWN, postgresql_where=_OWN)


def downgrade() -> None:
    op.drop_index("ix_requests_own", "requests")
