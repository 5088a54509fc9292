"""People: roles in an environment, groups, passwords, profiles, and what they did

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ON_SQLITE = "UPDATE events SET who = json_extract(actor, '$.id') WHERE actor LIKE :start"
_ON_POSTGRESQL = "UPDATE events SET who = actor::json ->> 'id' WHERE actor LIKE :start"


def upgrade() -> None:
    op.add_column("people", sa.Column("password_hash", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("time_zone", sa.Text(), nullable=True))
    op.add_column("people", sa.Column("notifications", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("people", sa.Column("disabled_at", sa.BigInteger(), nullable=True))
    op.add_column("sessions", sa.Column("device", sa.Text(), nullable=True))
    op.add_column("sessions", sa.Column("way", sa.Text(), server_default="link", nullable=False))

    op.create_table(
        "roles",
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.Column("environment_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_roles_person_id")),
        sa.ForeignKeyConstraint(["environment_id"], ["environments.id"], name=op.f("fk_roles_environment_id")),
        sa.PrimaryKeyConstraint("person_id", "environment_id", name=op.f("pk_roles")),
    )
    op.create_table(
        "groups",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_groups")),
    )
    op.create_table(
        "group_members",
        sa.Column("group_slug", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["group_slug"], ["groups.slug"], name=op.f("fk_group_members_group_slug")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_group_members_person_id")),
        sa.PrimaryKeyConstraint("group_slug", "person_id", name=op.f("pk_group_members")),
    )
    op.create_index("ix_group_members_person_id", "group_members", ["person_id"])

    op.add_column("events", sa.Column("who", sa.Text(), nullable=True))
    name_them = _ON_SQLITE if op.get_bind().dialect.name == "sqlite" else _ON_POSTGRESQL
    op.execute(sa.text(name_them).bindparams(start='{"kind":"person"%'))
    _index_of_people("ix_events_who", ["who", "seq"])
    _index_of_people("ix_events_people", ["environment_id", "seq"])


def _index_of_people(name: str, columns: list[str]) -> None:
    condition = sa.text("who IS NOT NULL")
    op.create_index(name, "events", columns, sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_events_people", "events")
    op.drop_index("ix_events_who", "events")
    op.drop_column("events", "who")
    op.drop_table("group_members")
    op.drop_table("groups")
    op.drop_table("roles")
    op.drop_column("sessions", "way")
    op.drop_column("sessions", "device")
    for column in ("disabled_at", "notifications", "time_zone", "password_hash"):
        op.drop_column("people", column)
