"""Splits of events between two versions."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, PlainText, UtcDateTime

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "splits",
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("base_id", Id(), nullable=False),
        sa.Column("version_id", Id(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("began_by", PlainText(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name="pk_splits"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_splits_workflow_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_splits_project_id"),
    )
