"""Projects with the default one, who may use them, and their workflows, triggers and connections."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime

revision = "0001"
down_revision = None

# The project every object belongs to until projects are managed.
_DEFAULT_PROJECT = "00000000-0000-7000-8000-000000000001"


def upgrade() -> None:
    _projects()
    _api_keys()
    _audit_log()
    _workflows()
    _workflow_versions()
    _triggers()
    _hooks()
    _connections()
    _secrets()
    _encryption_keys()
    _stamps()
    _first_rows()


def _projects() -> None:
    op.create_table(
        "projects",
        sa.Column("id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_projects"),
    )


def _api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("scopes", JsonText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime()),
        sa.Column("revoked_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_api_keys_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_keys"),
        sa.UniqueConstraint("digest", name="uq_api_keys_digest"),
    )


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor", PlainText(), nullable=False),
        sa.Column("action", PlainText(), nullable=False),
        sa.Column("target", PlainText(), nullable=False),
        sa.Column("details", JsonText(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_audit_log_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_audit_log"),
    )


def _workflows() -> None:
    op.create_table(
        "workflows",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("published", Id()),
        sa.Column("latest", sa.Integer(), nullable=False),
        sa.Column("description", PlainText(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_workflows_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_workflows"),
        sa.UniqueConstraint("project_id", "name", name="uq_workflows_project_id_name"),
    )


def _workflow_versions() -> None:
    op.create_table(
        "workflow_versions",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", PlainText(), nullable=False),
        sa.Column("document", JsonText(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", PlainText(), nullable=False),
        sa.Column("note", PlainText(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_workflow_versions_project_id"),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflows.id"], name="fk_workflow_versions_workflow_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_workflow_versions"),
        sa.UniqueConstraint("workflow_id", "number", name="uq_workflow_versions_workflow_id_number"),
    )


def _triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("workflow_id", Id(), nullable=False),
        sa.Column("version_id", Id(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("cursor", PlainText()),
        sa.Column("next_due_at", UtcDateTime()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_triggers_project_id"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflows.id"], name="fk_triggers_workflow_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_triggers"),
        sa.UniqueConstraint("workflow_id", "key", name="uq_triggers_workflow_id_key"),
    )


def _hooks() -> None:
    op.create_table(
        "hooks",
        sa.Column("id", PlainText(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("trigger_id", Id(), nullable=False),
        sa.Column("path", PlainText()),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_hooks_project_id"),
        sa.ForeignKeyConstraint(["trigger_id"], ["triggers.id"], name="fk_hooks_trigger_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_hooks"),
        sa.UniqueConstraint("path", name="uq_hooks_path"),
        sa.UniqueConstraint("trigger_id", name="uq_hooks_trigger_id"),
    )


def _connections() -> None:
    op.create_table(
        "connections",
        sa.Column("id", Id(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("connector", PlainText(), nullable=False),
        sa.Column("config", JsonText(), nullable=False),
        sa.Column("credentials", sa.Text()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_connections_project_id"),
        sa.PrimaryKeyConstraint("id", name="pk_connections"),
        sa.UniqueConstraint("project_id", "name", name="uq_connections_project_id_name"),
    )


def _secrets() -> None:
    op.create_table(
        "secrets",
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("name", PlainText(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_secrets_project_id"),
        sa.PrimaryKeyConstraint("project_id", "name", name="pk_secrets"),
    )


def _encryption_keys() -> None:
    op.create_table(
        "encryption_keys",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("canary", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_encryption_keys"),
    )


def _stamps() -> None:
    op.create_table(
        "stamps",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_stamps"),
    )


def _first_rows() -> None:
    projects = sa.table(
        "projects", sa.column("id", Id), sa.column("name", sa.Text), sa.column("created_at", UtcDateTime)
    )
    first = {"id": _DEFAULT_PROJECT, "name": "default", "created_at": datetime(2000, 1, 1, tzinfo=UTC)}
    op.execute(projects.insert().values(**first))
    stamps = sa.table("stamps", sa.column("id", sa.Integer), sa.column("value", sa.BigInteger))
    op.execute(stamps.insert().values(id=1, value=1))
