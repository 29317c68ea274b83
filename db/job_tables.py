"""The tables of jobs, and of the executions that they are about.

An item names its execution without a foreign key: history may be removed while the job is kept.
"""

from sqlalchemy import Boolean, Column, Index, String, Table, text

from db.tables import metadata
from db.types import Id, JsonText, PlainText, UtcDateTime

jobs = Table(
    "jobs",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("plan", JsonText, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("created_by", PlainText, nullable=False),
    Column("next_at", UtcDateTime, nullable=False),
    Column("replay_at", UtcDateTime, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("after", Id),
    Column("collected", Boolean, nullable=False),
    Column("proven", Boolean, nullable=False),
    Column("finished_at", UtcDateTime),
)

job_items = Table(
    "job_items",
    metadata,
    Column("job_id", Id, primary_key=True),
    Column("execution_id", Id, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("state", String(16), nullable=False),
    Column("replayed_as", Id),
    Column("started_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("reason", PlainText, nullable=False),
)

_OPEN = text("finished_at IS NULL")
Index("ix_jobs_open", jobs.c.next_at, postgresql_where=_OPEN, sqlite_where=_OPEN)
Index("ix_jobs_project", jobs.c.project_id, jobs.c.id)
Index("ix_job_items_state", job_items.c.job_id, job_items.c.state, job_items.c.execution_id)
