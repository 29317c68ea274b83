"""The table of results that steps left for others.

It has no foreign keys: a row that is refused would refuse the steps that are committed with it.
"""

from sqlalchemy import Column, Index, String, Table, Text

from db.tables import metadata
from db.types import Id, JsonText, UtcDateTime

results = Table(
    "results",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("project_id", Id, nullable=False),
    Column("workflow_id", Id, nullable=False),
    Column("node", Text, nullable=False),
    Column("output", JsonText),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

Index("ix_results_expires_at", results.c.expires_at)
Index("ix_results_workflow_id", results.c.workflow_id)
