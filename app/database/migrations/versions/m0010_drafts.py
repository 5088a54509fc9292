"""Drafts

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "drafts",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("saved_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_drafts_token_id")),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_drafts")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("drafts")
