"""Who published which version and when, and the labels of versions.

What the audit log says about earlier publications is taken over.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime
from engine.model.base import new_id

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    _publications()
    _labels()
    _take_over(op.get_bind())


def _publications() -> None:
    op.create_table(
        "publications",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("version_id", Id(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("published_by", PlainText(), nullable=False),
        sa.Column("note", PlainText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_publications"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_publications_project_id"),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name="fk_publications_workflow_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_publications_workflow", "publications", ["workflow_id", "id"])


def _labels() -> None:
    op.create_table(
        "version_labels",
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("version_id", Id(), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.Column("set_by", PlainText(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "name", name="pk_version_labels"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_version_labels_project_id"),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name="fk_version_labels_workflow_id", ondelete="CASCADE"
        ),
    )


def _take_over(connection: sa.Connection) -> None:
    audit = sa.table(
        "audit_log",
        *(sa.column("at", UtcDateTime()), sa.column("actor", PlainText()), sa.column("action", PlainText())),
        *(sa.column("target", PlainText()), sa.column("details", JsonText())),
    )
    versions = sa.table(
        "workflow_versions",
        *(sa.column("id", Id()), sa.column("project_id", Id()), sa.column("workflow_id", Id())),
        sa.column("number", sa.Integer()),
    )
    known = {(row.workflow_id, row.number): row for row in connection.execute(sa.select(versions))}
    acts = connection.execute(sa.select(audit).where(audit.c.action == "workflow.publish").order_by(audit.c.at))
    rows = [
        _row(known[row.target, row.details.get("version")], row)
        for row in acts
        if (row.target, row.details.get("version")) in known
    ]
    if rows:
        op.bulk_insert(
            sa.table(
                "publications",
                *(sa.column(name, Id()) for name in ("id", "project_id", "workflow_id", "version_id")),
                sa.column("published_at", UtcDateTime()),
                *(sa.column(name, PlainText()) for name in ("published_by", "note")),
            ),
            rows,
        )


def _row(version: Any, act: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "project_id": version.project_id,
        "workflow_id": version.workflow_id,
        "version_id": version.id,
        "published_at": act.at,
        "published_by": act.actor,
        "note": "",
    }
