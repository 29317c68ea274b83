"""Events, their executions and steps, and the dead letters."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime

revision = "0002"
down_revision = "0001"

# Rows of executions change two or three times soon after they were inserted: some room for that on their page, and a
# vacuum that comes before the dead rows outnumber the live ones.
_STORAGE = {
    "executions": "fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05",
    "events": "autovacuum_analyze_scale_factor = 0.05",
    "steps": "fillfactor = 90, autovacuum_analyze_scale_factor = 0.05",
}


def upgrade() -> None:
    _events()
    _executions()
    _execution_indexes()
    _steps()
    _dead_letters()
    if op.get_bind().dialect.name == "postgresql":
        _storage()


def _events() -> None:
    op.create_table(
        "events",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("trigger_id", Id(), nullable=False),
        sa.Column("dedupe_key", PlainText()),
        sa.Column("occurred_at", UtcDateTime(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.Column("envelope", JsonText()),
        sa.Column("data", JsonText()),
        sa.Column("fate", sa.String(length=16), nullable=False),
        sa.Column("reason", PlainText()),
        sa.Column("execution_id", Id()),
        sa.Column("first_event_id", Id()),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
    )
    _partial("ix_events_held", "events", ["workflow_id", "id"], where="fate = 'held'")
    _partial("ix_events_repeats", "events", ["first_event_id"], where="first_event_id IS NOT NULL")
    op.create_index("ix_events_workflow", "events", ["workflow_id", "id"])
    _partial(
        "uq_events_trigger_id_dedupe_key",
        "events",
        ["trigger_id", "dedupe_key"],
        where="dedupe_key IS NOT NULL",
        unique=True,
    )


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("version_id", Id(), nullable=False),
        sa.Column("trigger_id", Id()),
        sa.Column("trigger_key", sa.Text(), nullable=False),
        sa.Column("event_id", Id(), nullable=False),
        sa.Column("rerun_of", Id()),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("lane", sa.String(length=8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("woken_at", UtcDateTime(), nullable=False),
        sa.Column("deadline_at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime()),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("wait_reason", PlainText()),
        sa.Column("reply_to", PlainText()),
        sa.Column("output", JsonText()),
        sa.Column("error", JsonText()),
        sa.Column("response", JsonText()),
        sa.PrimaryKeyConstraint("id", name="pk_executions"),
    )


def _execution_indexes() -> None:
    _partial("ix_executions_queued", "executions", ["lane", "queued_at"], where="status = 'queued'")
    _partial("ix_executions_reruns", "executions", ["event_id"], where="rerun_of IS NOT NULL")
    _partial("ix_executions_running", "executions", ["owner"], where="status = 'running'")
    _partial("ix_executions_waiting", "executions", ["due_at"], where="status = 'waiting'")
    op.create_index("ix_executions_workflow", "executions", ["workflow_id", "id"])


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("execution_id", Id(), nullable=False),
        sa.Column("path", PlainText(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime()),
        sa.Column("ports", sa.Text()),
        sa.Column("output", JsonText()),
        sa.Column("assigned", JsonText()),
        sa.Column("error", JsonText()),
        sa.Column("due_at", UtcDateTime()),
        sa.Column("wait_reason", PlainText()),
        sa.PrimaryKeyConstraint("execution_id", "path", "attempt", name="pk_steps"),
    )


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("execution_id", Id(), nullable=False),
        sa.Column("step", PlainText()),
        sa.Column("code", PlainText(), nullable=False),
        sa.Column("message", PlainText(), nullable=False),
        sa.Column("fingerprint", PlainText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("resolved_at", UtcDateTime()),
        sa.Column("resolved_by", PlainText()),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
    )
    op.create_index("ix_dead_letters_execution_id", "dead_letters", ["execution_id"])


def _partial(name: str, table: str, columns: list[str], *, where: str, unique: bool = False) -> None:
    condition = sa.text(where)
    op.create_index(name, table, columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


def _storage() -> None:
    for table, options in _STORAGE.items():
        op.execute(f"ALTER TABLE {table} SET ({options})")
