"""Where an execution waits for its admission, the slot it holds, and when it began."""

import sqlalchemy as sa
from alembic import op

from db.types import UtcDateTime

revision = "0012"
down_revision = "0011"

_AT_A_GATE = "gate IS NOT NULL AND status = 'waiting'"
_HOLDS_A_SLOT = "slot_at IS NOT NULL AND status IN ('queued', 'running', 'waiting', 'paused')"
_HAS_BEGUN = "rate IS NOT NULL AND admitted_at IS NOT NULL"


def upgrade() -> None:
    op.add_column("events", sa.Column("position", sa.BigInteger()))
    op.add_column("executions", sa.Column("gate", sa.Text()))
    op.add_column("executions", sa.Column("position", sa.BigInteger()))
    op.add_column("executions", sa.Column("slot", sa.Text()))
    op.add_column("executions", sa.Column("slot_at", UtcDateTime()))
    op.add_column("executions", sa.Column("rate", sa.Text()))
    op.add_column("executions", sa.Column("admitted_at", UtcDateTime()))
    _partial("ix_executions_gates", ["gate", "position"], where=_AT_A_GATE)
    _partial("ix_executions_slots", ["slot", "slot_at"], where=_HOLDS_A_SLOT)
    _partial("ix_executions_starts", ["rate", "admitted_at"], where=_HAS_BEGUN)


def _partial(name: str, columns: list[str], *, where: str) -> None:
    op.create_index(name, "executions", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))
