"""Tags and children of runs

Revision ID: 0008
Revises: 0007
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    is_child = sa.text("parent_id IS NOT NULL")
    op.create_index("ix_runs_parent", "runs", ["parent_id", "id"], sqlite_where=is_child, postgresql_where=is_child)
    op.create_table(
        "run_tags",
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("environment_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_run_tags_run_id")),
        sa.PrimaryKeyConstraint("run_id", "tag", name=op.f("pk_run_tags")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_run_tags_status", "run_tags", ["environment_id", "tag", "status", "run_id"])
    _tell_the_tags_of_runs_that_are_there()


def _tell_the_tags_of_runs_that_are_there() -> None:
    columns: list[sa.ColumnClause[str]] = [sa.column(name) for name in ("run_id", "tag", "environment_id", "status")]
    runs = op.get_bind().execute(sa.text("SELECT id, tags, environment_id, status FROM runs WHERE tags != '[]'"))
    rows = [
        {"run_id": run.id, "tag": tag, "environment_id": run.environment_id, "status": run.status}
        for run in runs
        for tag in dict.fromkeys(json.loads(run.tags))
    ]
    op.bulk_insert(sa.table("run_tags", *columns), rows)


def downgrade() -> None:
    op.drop_table("run_tags")
    op.drop_index("ix_runs_parent", "runs")
