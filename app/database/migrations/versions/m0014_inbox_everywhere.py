"""Inbox: one range of an index for each name that is asked, however many environments there are

Revision ID: 0014
Revises: 0013
"""

from alembic import op

revision = "0014"
down_revision = "0013"

_IN_AN_ENVIRONMENT = ["environment_id", "kind", "value", "status", "moment", "token_id"]
_EVERYWHERE = ["kind", "value", "status", "moment", "token_id", "environment_id"]


def upgrade() -> None:
    op.drop_index("ix_request_approvers_inbox", "request_approvers")
    op.create_index("ix_request_approvers_inbox", "request_approvers", _EVERYWHERE)
    op.create_index("ix_requests_inbox_everywhere", "requests", ["status", "moment", "token_id"])


def downgrade() -> None:
    op.drop_index("ix_requests_inbox_everywhere", "requests")
    op.drop_index("ix_request_approvers_inbox", "request_approvers")
    op.create_index("ix_request_approvers_inbox", "request_approvers", _IN_AN_ENVIRONMENT)
