"""Jobs on many executions, and the executions they are about."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    _jobs()
    _items()


def _jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("plan", JsonText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", PlainText(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("replay_at", UtcDateTime(), nullable=False),
        sa.Column("reason", PlainText(), nullable=False),
        sa.Column("after", Id()),
        sa.Column("collected", sa.Boolean(), nullable=False),
        sa.Column("proven", sa.Boolean(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("id", name="pk_jobs"),
    )
    unfinished = sa.text("finished_at IS NULL")
    op.create_index("ix_jobs_open", "jobs", ["next_at"], postgresql_where=unfinished, sqlite_where=unfinished)
    op.create_index("ix_jobs_project", "jobs", ["project_id", "id"])


def _items() -> None:
    op.create_table(
        "job_items",
        sa.Column("job_id", Id(), nullable=False),
        sa.Column("execution_id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("replayed_as", Id()),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("reason", PlainText(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "execution_id", name="pk_job_items"),
    )
    op.create_index("ix_job_items_state", "job_items", ["job_id", "state", "execution_id"])
