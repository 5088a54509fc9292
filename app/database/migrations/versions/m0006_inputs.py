"""Inputs of runs

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("waits", sa.Column("input", sa.Text(), nullable=True))
    op.create_table(
        "inputs",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_inputs_run_id")),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_inputs_token_id")),
        sa.PrimaryKeyConstraint("run_id", "name", "number", name=op.f("pk_inputs")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("inputs")
    op.drop_column("waits", "input")
