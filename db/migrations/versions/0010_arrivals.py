"""What came from outside for executions that wait."""

import sqlalchemy as sa
from alembic import op

from db.types import Id, JsonText, PlainText, UtcDateTime

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "arrivals",
        sa.Column("execution_id", Id(), nullable=False),
        sa.Column("path", PlainText(), nullable=False),
        sa.Column("subject", PlainText(), nullable=False),
        sa.Column("project_id", Id(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("payload", JsonText()),
        sa.Column("arrived_at", UtcDateTime(), nullable=False),
        sa.Column("by", PlainText(), nullable=False),
        sa.Column("pending", sa.Boolean()),
        sa.PrimaryKeyConstraint("execution_id", "path", "subject", name="pk_arrivals"),
    )
    pending = sa.text("pending IS NOT NULL")
    op.create_index("ix_arrivals_pending", "arrivals", ["execution_id"], postgresql_where=pending, sqlite_where=pending)
