"""When a person asked to pause an execution, and which executions rest until when at the latest."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcDateTime

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("executions", sa.Column("pause_asked_at", UtcDateTime()))
    _partial("ix_executions_pausing", "status", where="pause_asked_at IS NOT NULL")
    _partial("ix_executions_deadline", "deadline_at", where="status IN ('queued', 'waiting', 'paused')")


def _partial(name: str, column: str, *, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, "executions", [column], postgresql_where=condition, sqlite_where=condition)
