"""Who comes back to the queue: the due, the orphaned and the unheard. What the scheduler's housekeeping calls."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select, text, update

from db.liveness_tables import executors
from db.tables import executions
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import ExecutionId, ExecutorId
from engine.model.execution import Status
from engine.model.workflow import Lane

# Written out, not as parameters: only then can a cached plan use the partial indexes.
QUEUED = text("executions.status = 'queued'")
RUNNING = text("executions.status = 'running'")
WAITING = text("executions.status = 'waiting'")
UNGATED = text("executions.gate IS NULL")
"""Those at a gate are not woken by time, but let in by ``engine.admitter``."""

# Where an execution goes whose owner is gone.
_BACK = case((executions.c.pause_asked_at.is_(None), Status.QUEUED.value), else_=Status.PAUSED.value)

Announced = Sequence[tuple[ExecutionId, Lane]]


class Queueing:
    """The part of ``ExecutionRepository`` that puts executions back into the queue and finds forgotten ones."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def wake(self, now: datetime, *, limit: int) -> Announced:
        """Queue the waiting ones that are due, oldest first. Two callers never get the same one."""
        due = (
            select(executions.c.id, executions.c.lane)
            .where(WAITING, executions.c.due_at <= now, UNGATED)
            .order_by(executions.c.due_at, executions.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        change = {"woken_at": now, "queued_at": now, "due_at": None, "wait_reason": None}
        return await self._queue(await self._transaction.rows(due), change)

    async def next_due(self) -> datetime | None:
        """When the next waiting one is due."""
        found: datetime | None = await self._transaction.scalar(
            select(executions.c.due_at)
            .where(WAITING, executions.c.due_at.is_not(None), UNGATED)
            .order_by(executions.c.due_at)
            .limit(1)
        )
        return found

    async def requeue(self, owners: Sequence[ExecutorId], *, now: datetime, limit: int) -> Announced:
        """Queue running executions of these owners and raise their epoch, so that late writes of theirs fail.

        Those that a person asked to pause become paused; they are not among those returned. ``woken_at`` stays: what
        their expressions saw as ``now`` before the crash they see again.
        """
        if not owners:
            return []
        theirs = (
            select(executions.c.id, executions.c.lane, executions.c.pause_asked_at)
            .where(RUNNING, one_of(executions.c.owner, owners))
            .order_by(executions.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = await self._transaction.rows(theirs)
        change = {"status": _BACK, "queued_at": now, "owner": None, "epoch": executions.c.epoch + 1}
        await self._queue(rows, change)
        return [(ExecutionId(row.id), Lane(row.lane)) for row in rows if row.pause_asked_at is None]

    async def hand_back(self, ids: Sequence[ExecutionId], *, owner: ExecutorId) -> None:
        """Queue those that ``owner`` holds, which nobody works on: it never heard that its claim was committed."""
        if ids:
            await self._transaction.run(
                update(executions)
                .where(RUNNING, one_of(executions.c.id, ids), executions.c.owner == owner)
                .values(status=_BACK, owner=None)
            )

    async def orphans(self, *, limit: int) -> Sequence[ExecutorId]:
        """Owners of running executions that have no row in ``executors``."""
        statement = (
            select(executions.c.owner)
            .where(RUNNING, executions.c.owner.not_in(select(executors.c.id)))
            .distinct()
            .limit(limit)
        )
        return [ExecutorId(row.owner) for row in await self._transaction.rows(statement)]

    async def unheard(self, lane: Lane, *, queued_before: datetime, limit: int) -> Sequence[ExecutionId]:
        """The oldest queued ones of the lane that were queued before a time."""
        statement = (
            select(executions.c.id)
            .where(QUEUED, executions.c.lane == lane.value, executions.c.queued_at < queued_before)
            .order_by(executions.c.queued_at)
            .limit(limit)
        )
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def overtaken(self, lane: Lane, *, by: float, limit: int) -> Sequence[ExecutionId]:
        """Queued ones that were queued over ``by`` seconds before the newest running one of the lane."""
        newest = await self._transaction.scalar(
            select(func.max(executions.c.queued_at)).where(RUNNING, executions.c.lane == lane.value)
        )
        if newest is None:
            return []
        return await self.unheard(lane, queued_before=newest - timedelta(seconds=by), limit=limit)

    async def _queue(self, rows: Sequence[Any], change: dict[str, Any]) -> Announced:
        """Change these locked rows to ``queued``."""
        if rows:
            await self._transaction.run(
                update(executions)
                .where(one_of(executions.c.id, [row.id for row in rows]))
                .values(**{"status": Status.QUEUED.value, **change})
            )
        return [(ExecutionId(row.id), Lane(row.lane)) for row in rows]
