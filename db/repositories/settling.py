"""What people do to executions: cancelling, and reviving for a replay."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, literal, select, text, update

from db.repositories.steps import write_steps
from db.repositories.watching import tell_of_failure
from db.tables import executions, steps
from db.transaction import Transaction
from db.types import UtcDateTime, one_of
from engine.model.base import ExecutionId, ProjectId, is_id
from engine.model.execution import Failure, Status, StepRecord, StepStatus
from engine.model.workflow import Lane

_FINAL = text("executions.status IN ('succeeded', 'failed', 'cancelled')")
_OPEN_STEPS = [StepStatus.WAITING.value, StepStatus.RETRYING.value, StepStatus.RUNNING.value]


class Settling:
    """The part of ``ExecutionRepository`` that ends and reopens executions."""

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
