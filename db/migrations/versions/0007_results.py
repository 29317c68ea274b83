"""Results that steps left for others."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, UtcDateTime

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "results",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("output", JsonText()),
        sa.Column("stored_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_results"),
    )
    op.create_index("ix_results_expires_at", "results", ["expires_at"])
    op.create_index("ix_results_workflow_id", "results", ["workflow_id"])
