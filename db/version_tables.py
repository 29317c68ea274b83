"""The tables of what is known about versions besides their texts: publications and labels."""

from sqlalchemy import Column, ForeignKey, Index, Table

from db.tables import metadata
from db.types import Id, PlainText, UtcDateTime

publications = Table(
    "publications",
    metadata,
    Column("id", Id, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), nullable=False),
    Column("version_id", Id, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
    Column("published_by", PlainText, nullable=False),
    Column("note", PlainText, nullable=False),
)

Index("ix_publications_workflow", publications.c.workflow_id, publications.c.id)

version_labels = Table(
    "version_labels",
    metadata,
    Column("workflow_id", Id, ForeignKey("workflows.id", ondelete="CASCADE"), primary_key=True),
    Column("name", PlainText, primary_key=True),
    Column("project_id", Id, ForeignKey("projects.id"), nullable=False),
    Column("version_id", Id, nullable=False),
    Column("set_at", UtcDateTime, nullable=False),
    Column("set_by", PlainText, nullable=False),
)
