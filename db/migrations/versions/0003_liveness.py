"""Executors, leases and breakers: what the processes share about each other."""

import sqlalchemy as sa
from alembic import op

from db.types import JsonText, PlainText, UtcDateTime

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    _executors()
    _leases()
    _breakers()


def _executors() -> None:
    op.create_table(
        "executors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("details", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_executors"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _breakers() -> None:
    op.create_table(
        "breakers",
        sa.Column("key", PlainText(), nullable=False),
        sa.Column("state", JsonText(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_breakers"),
    )
