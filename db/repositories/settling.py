"""What people and time do to executions: cancelling, reviving for a replay, and removing old ones."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, exists, func, literal, select, text, update

from db.repositories.arrivals import delete_arrivals
from db.repositories.steps import write_steps
from db.repositories.watching import tell_of_failure
from db.tables import dead_letters, events, executions, steps
from db.transaction import Transaction
from db.types import UtcDateTime, one_of
from engine.model.base import ExecutionId, ProjectId, WorkflowId, is_id
from engine.model.execution import Failure, Status, StepRecord, StepStatus
from engine.model.workflow import Lane

_FINAL = text("executions.status IN ('succeeded', 'failed', 'cancelled')")
_OPEN_STEPS = [StepStatus.WAITING.value, StepStatus.RETRYING.value, StepStatus.RUNNING.value]


class Settling:
    """The part of ``ExecutionRepository`` that ends, reopens and removes executions."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self.woken: list[tuple[ExecutionId, Lane]] = []

    async def cancel(self, execution_id: ExecutionId, *, now: datetime, reason: str) -> Status | None:
        """End it whatever it does; return the status it had, or ``None`` if it was final or unknown.

        Its owner's next write fails on the epoch; an outward call that is under way is not called back.
        """
        had = await self._locked_status(execution_id)
        if had is None or had.is_final:
            return None
        error = Failure(code="cancelled", message=reason).as_json()
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == execution_id)
            .values(
                status=Status.CANCELLED.value,
                epoch=executions.c.epoch + 1,
                finished_at=now,
                owner=None,
                due_at=None,
                wait_reason=None,
                error=error,
            )
        )
        await self._change_steps(
            execution_id,
            _OPEN_STEPS,
            status=StepStatus.CANCELLED.value,
            finished_at=func.coalesce(steps.c.finished_at, literal(now, UtcDateTime())),
        )
        self.woken += await tell_of_failure(self._transaction, [execution_id], at=now)
        return had

    async def revive(self, execution_id: ExecutionId, *, now: datetime, deadline_at: datetime) -> Lane | None:
        """Queue a failed one again, for a replay. ``None``: it is not failed. Its steps stay as they are."""
        if await self._locked_status(execution_id) is not Status.FAILED:
            return None
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == execution_id)
            .values(
                status=Status.QUEUED.value,
                queued_at=now,
                woken_at=now,
                deadline_at=deadline_at,
                finished_at=None,
                pause_asked_at=None,
                output=None,
                error=None,
            )
        )
        lane = await self._transaction.scalar(select(executions.c.lane).where(executions.c.id == execution_id))
        return Lane(lane)

    async def rewrite(self, execution_id: ExecutionId, project: ProjectId, records: Sequence[StepRecord]) -> None:
        """Write steps over those stored under the same path and attempt; the caller holds the execution's row."""
        await write_steps(self._transaction, [(execution_id, project, records)])

    async def expired(self, workflow_id: WorkflowId, *, before: datetime, limit: int) -> Sequence[ExecutionId]:
        """Final executions that finished before a time, oldest first."""
        statement = (
            select(executions.c.id)
            .where(executions.c.workflow_id == workflow_id, _FINAL, executions.c.finished_at < before)
            .order_by(executions.c.id)
            .limit(limit)
        )
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def delete(self, ids: Sequence[ExecutionId]) -> None:
        """Remove executions with their steps, dead letters and those events that no other execution needs.

        An event that a rerun still needs stays without its execution, and counts as accepted no more: the balance of
        its trigger, which does not count reruns, still holds. With an event that was made of several go those it was
        made of, unless a rerun needs it.
        """
        if not ids:
            return
        chosen = one_of(executions.c.id, ids)
        gone = await self._transaction.rows(select(executions.c.event_id).where(chosen).distinct())
        seen = [row.event_id for row in gone]
        made_of = select(events.c.first_event_id).where(one_of(events.c.id, seen), events.c.first_event_id.is_not(None))
        event_ids = [*seen, *(row.first_event_id for row in await self._transaction.rows(made_of))]
        await self._transaction.run(delete(steps).where(one_of(steps.c.execution_id, ids)))
        await self._transaction.run(delete(dead_letters).where(one_of(dead_letters.c.execution_id, ids)))
        await delete_arrivals(self._transaction, ids)
        await self._transaction.run(delete(executions).where(chosen))
        await self._transaction.run(
            update(events)
            .where(one_of(events.c.id, event_ids), one_of(events.c.execution_id, ids))
            .values(execution_id=None)
        )
        made, is_rerun = events.alias("made"), text("executions.rerun_of IS NOT NULL")
        rerun = exists().where(executions.c.event_id == events.c.id, is_rerun)
        rerun_of_made = exists().where(
            made.c.first_event_id == events.c.id, executions.c.event_id == made.c.id, is_rerun
        )
        unneeded = select(events.c.id).where(
            one_of(events.c.id, event_ids), events.c.execution_id.is_(None), ~rerun, ~rerun_of_made
        )
        removed = [row.id for row in await self._transaction.rows(unneeded)]
        repeats = and_(events.c.first_event_id.is_not(None), one_of(events.c.first_event_id, removed))
        await self._transaction.run(delete(events).where(repeats))
        await self._transaction.run(delete(events).where(one_of(events.c.id, removed)))

    async def _locked_status(self, execution_id: ExecutionId) -> Status | None:
        if not is_id(execution_id):
            return None
        found = await self._transaction.scalar(
            select(executions.c.status).where(executions.c.id == execution_id).with_for_update()
        )
        return None if found is None else Status(found)

    async def _change_steps(self, execution_id: ExecutionId, having: list[str], **values: Any) -> None:
        await self._transaction.run(
            update(steps).where(steps.c.execution_id == execution_id, one_of(steps.c.status, having)).values(**values)
        )
