"""Executions that a step of another one started, and what a step still waits for."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.add_column("executions", sa.Column("parent_id", Id()))
    op.add_column("executions", sa.Column("parent_path", PlainText()))
    op.add_column("executions", sa.Column("parent_slot", PlainText()))
    op.add_column("executions", sa.Column("depth", sa.Integer()))
    op.add_column("executions", sa.Column("watched", sa.Boolean()))
    op.add_column("executions", sa.Column("entry", PlainText()))
    child = sa.text("parent_id IS NOT NULL")
    op.create_index("ix_executions_children", "executions", ["parent_id"], postgresql_where=child, sqlite_where=child)
    live = sa.text("parent_slot IS NOT NULL AND finished_at IS NULL")
    op.create_index("ix_executions_live_children", "executions", ["id"], postgresql_where=live, sqlite_where=live)
    op.add_column("arrivals", sa.Column("urgent", sa.Boolean()))
    op.create_table(
        "waits",
        sa.Column("execution_id", Id(), nullable=False),
        sa.Column("path", PlainText(), nullable=False),
        sa.Column("subject", PlainText(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("details", JsonText()),
        sa.PrimaryKeyConstraint("execution_id", "path", "subject", name="pk_waits"),
    )
    op.create_index("ix_waits_subject", "waits", ["subject"])
