"""What admission adds to events and executions: where an execution waits, the slot it holds, when it began.

All of it is NULL for workflows that limit nothing, and none of their rows is in these indexes. A slot is held by a row
that is alive, so whatever ends, cancels or deletes the row frees the slot.
"""

from sqlalchemy import BigInteger, Column, Index, Text, text

from db.tables import events, executions
from db.types import UtcDateTime

events.append_column(Column("position", BigInteger))
for _column in (
    Column("gate", Text),
    Column("position", BigInteger),
    Column("slot", Text),
    Column("slot_at", UtcDateTime),
    Column("rate", Text),
    Column("admitted_at", UtcDateTime),
):
    executions.append_column(_column)

GATE = executions.c.gate
AT_A_GATE = "gate IS NOT NULL AND status = 'waiting'"
HOLDS_A_SLOT = "slot_at IS NOT NULL AND status IN ('queued', 'running', 'waiting', 'paused')"
HAS_BEGUN = "rate IS NOT NULL AND admitted_at IS NOT NULL"

_waits, _holds, _begun = text(AT_A_GATE), text(HOLDS_A_SLOT), text(HAS_BEGUN)
Index("ix_executions_gates", executions.c.gate, executions.c.position, postgresql_where=_waits, sqlite_where=_waits)
Index("ix_executions_slots", executions.c.slot, executions.c.slot_at, postgresql_where=_holds, sqlite_where=_holds)
Index("ix_executions_starts", executions.c.rate, executions.c.admitted_at, postgresql_where=_begun, sqlite_where=_begun)
