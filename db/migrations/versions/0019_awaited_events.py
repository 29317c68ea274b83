"""Triggers whose events steps wait for, and those events until they were held against the waits."""

import sqlalchemy as sa
from alembic import op

from db.types import Id

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.add_column("triggers", sa.Column("awaited", sa.Boolean()))
    op.create_table(
        "awaited_events",
        sa.Column("event_id", Id(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_awaited_events"),
    )
