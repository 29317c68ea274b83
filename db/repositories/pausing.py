"""Pausing single executions and letting them go on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, text, update

from db.admission_tables import GATE
from db.tables import executions
from db.transaction import Transaction
from engine.model.base import ExecutionId, is_id
from engine.model.debugging import BREAKPOINT
from engine.model.execution import Status
from engine.model.workflow import Lane

_RUNNING = text("executions.status = 'running' AND executions.pause_asked_at IS NOT NULL")
_COLUMNS = (
    executions.c.id,
    executions.c.status,
    executions.c.lane,
    executions.c.due_at,
    executions.c.wait_reason,
    executions.c.pause_asked_at,
    GATE,
)


class Pausing:
    """The part of ``ExecutionRepository`` for people who want to look before an execution goes on."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def pause(self, execution_id: ExecutionId, *, now: datetime) -> Status | None:
        """Pause a queued or waiting one at once, ask a running one to pause; return the status it had.

        What a waiting one waited for stays written down. ``None``: nothing changed, because it is unknown, has ended,
        is paused or was asked already.
        """
        row = await self._locked(execution_id)
        if row is None or row.pause_asked_at is not None:
            return None
        had = Status(row.status)
        if had.is_final or had is Status.PAUSED:
            return None
        status = Status.RUNNING if had is Status.RUNNING else Status.PAUSED
        await self._change(row, status=status.value, pause_asked_at=now)
        return had

    async def unpause(self, execution_id: ExecutionId, *, now: datetime) -> tuple[Status, Lane] | None:
        """Put a paused one back where it was, or take the request from a running one; return where it is now.

        A wait that became due meanwhile is over: the execution is queued, unless it waits for its admission, which is
        not decided here. ``None``: nothing changed.
        """
        row = await self._locked(execution_id)
        if row is None:
            return None
        lane, asked = Lane(row.lane), row.pause_asked_at is not None
        if row.status == Status.RUNNING.value and asked:
            await self._change(row, pause_asked_at=None)
            return Status.RUNNING, lane
        if row.status != Status.PAUSED.value:
            return None
        if row.wait_reason in (None, BREAKPOINT):
            fresh = {"queued_at": now, "pause_asked_at": None, "wait_reason": None}
            await self._change(row, status=Status.QUEUED.value, **fresh)
            return Status.QUEUED, lane
        if row.gate is not None or row.due_at is None or row.due_at > now:
            await self._change(row, status=Status.WAITING.value, pause_asked_at=None)
            return Status.WAITING, lane
        woken = {"queued_at": now, "woken_at": now, "due_at": None, "wait_reason": None}
        await self._change(row, status=Status.QUEUED.value, pause_asked_at=None, **woken)
        return Status.QUEUED, lane

    async def pausing(self, *, limit: int) -> Sequence[ExecutionId]:
        """Running ones that were asked to pause, the longest ago first."""
        statement = select(executions.c.id).where(_RUNNING).order_by(executions.c.pause_asked_at).limit(limit)
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def _locked(self, execution_id: ExecutionId) -> Row[Any] | None:
        if not is_id(execution_id):
            return None
        return await self._transaction.first(select(*_COLUMNS).where(executions.c.id == execution_id).with_for_update())

    async def _change(self, row: Row[Any], **values: Any) -> None:
        await self._transaction.run(update(executions).where(executions.c.id == row.id).values(**values))
