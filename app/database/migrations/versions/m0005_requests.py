"""Requests

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("tokens", sa.Column("has_request", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("tokens", sa.Column("default_output", sa.Text(), nullable=True))

    op.create_table(
        "requests",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("environment_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("requester", sa.Text(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("self_approval", sa.Boolean(), nullable=False),
        sa.Column("journey", sa.Text(), nullable=True),
        sa.Column("step_index", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("amended_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["token_id"], ["tokens.id"], name=op.f("fk_requests_token_id")),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], name=op.f("fk_requests_environment_id")),
        sa.PrimaryKeyConstraint("token_id", name=op.f("pk_requests")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_requests_journey",
        "requests",
        ["environment_id", "journey", "token_id"],
        sqlite_where=sa.text("journey IS NOT NULL"),
        postgresql_where=sa.text("journey IS NOT NULL"),
    )

    op.create_table(
        "request_versions",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["requests.token_id"], name=op.f("fk_request_versions_token_id")),
        sa.PrimaryKeyConstraint("token_id", "version", name=op.f("pk_request_versions")),
        sqlite_with_rowid=False,
    )

    op.create_table(
        "request_approvers",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("environment_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["token_id"], ["requests.token_id"], name=op.f("fk_request_approvers_token_id")),
        sa.PrimaryKeyConstraint("token_id", "kind", "value", name=op.f("pk_request_approvers")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_request_approvers_inbox", "request_approvers", ["environment_id", "kind", "value", "status", "token_id"]
    )


def downgrade() -> None:
    op.drop_table("request_approvers")
    op.drop_table("request_versions")
    op.drop_table("requests")
    op.drop_column("tokens", "default_output")
    op.drop_column("tokens", "has_request")
