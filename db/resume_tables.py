"""The tables of what comes from outside for executions that wait.

They have no foreign keys, like the executions they belong to.
"""

from sqlalchemy import Boolean, Column, Index, String, Table, text

from db.tables import dead_letters, metadata
from db.types import Id, JsonText, PlainText, UtcDateTime

# ``pending`` is true until somebody was woken for it, then NULL; ``urgent``: it wakes although more is waited for.
arrivals = Table(
    "arrivals",
    metadata,
    Column("execution_id", Id, primary_key=True),
    Column("path", PlainText, primary_key=True),
    Column("subject", PlainText, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("payload", JsonText),
    Column("arrived_at", UtcDateTime, nullable=False),
    Column("by", PlainText, nullable=False),
    Column("pending", Boolean),
    Column("urgent", Boolean),
)

_PENDING = text("pending IS NOT NULL")
Index("ix_arrivals_pending", arrivals.c.execution_id, postgresql_where=_PENDING, sqlite_where=_PENDING)

# What a step still waits for, where it is more than one thing or somebody must find it; gone when it has come.
waits = Table(
    "waits",
    metadata,
    Column("execution_id", Id, primary_key=True),
    Column("path", PlainText, primary_key=True),
    Column("subject", PlainText, primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("kind", String(16), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("details", JsonText),
)

Index("ix_waits_subject", waits.c.subject)

# Events of awaited triggers that were not held against the waits yet.
awaited_events = Table("awaited_events", metadata, Column("event_id", Id, primary_key=True))

# Dead letters that somebody is still to be told of.
_UNTOLD = text("notify IS NOT NULL")
Index("ix_dead_letters_untold", dead_letters.c.id, postgresql_where=_UNTOLD, sqlite_where=_UNTOLD)
