"""The table of splits of events between two versions."""

from sqlalchemy import Column, ForeignKey, Integer, Table

from db.tables import metadata
from db.types import Id, PlainText, UtcDateTime

splits = Table(
    "splits",
    metadata,
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("id", Id, nullable=False),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("base_id", Id, nullable=False),
    Column("version_id", Id, nullable=False),
    Column("percent", Integer, nullable=False),
    Column("began_at", UtcDateTime, nullable=False),
    Column("began_by", PlainText, nullable=False),
)
