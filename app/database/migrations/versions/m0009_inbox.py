"""Inbox: requests in the order in which they are due, and answered ones in the order of their answers

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

_FOR_EVER = 253_402_214_400_000  # 9999-12-31, in epoch milliseconds

_FILL = (
    """UPDATE requests SET status = (SELECT status FROM tokens WHERE id = token_id)""",
    """UPDATE requests SET moment = coalesce(
       (SELECT coalesce(completed_at, timeout_at) FROM tokens WHERE id = token_id), moment)""",
    """UPDATE request_approvers SET moment =
       (SELECT moment FROM requests WHERE requests.token_id = request_approvers.token_id)""",
)


def upgrade() -> None:
    op.add_column("requests", sa.Column("status", sa.Text(), server_default="WAITING", nullable=False))
    op.add_column(
        "requests", sa.Column("moment", sa.BigInteger(), server_default=sa.text(str(_FOR_EVER)), nullable=False)
    )
    op.add_column(
        "request_approvers",
        sa.Column("moment", sa.BigInteger(), server_default=sa.text(str(_FOR_EVER)), nullable=False),
    )
    for statement in _FILL:
        op.execute(sa.text(statement))
    op.drop_index("ix_request_approvers_inbox", "request_approvers")
    op.create_index(
        "ix_request_approvers_inbox",
        "request_approvers",
        ["environment_id", "kind", "value", "status", "moment", "token_id"],
    )
    op.create_index("ix_requests_inbox", "requests", ["environment_id", "status", "moment", "token_id"])


def downgrade() -> None:
    op.drop_index("ix_requests_inbox", "requests")
    op.drop_index("ix_request_approvers_inbox", "request_approvers")
    op.create_index(
        "ix_request_approvers_inbox", "request_approvers", ["environment_id", "kind", "value", "status", "token_id"]
    )
    op.drop_column("request_approvers", "moment")
    op.drop_column("requests", "moment")
    op.drop_column("requests", "status")
