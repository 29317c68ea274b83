"""Ending executions whose time was up and that nobody ended."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, TextClause, select, text, update

from db.repositories.dead_letters import write_letters
from db.repositories.steps import write_steps
from db.repositories.watching import tell_of_failure
from db.tables import executions
from db.transaction import Transaction
from engine.model.base import ExecutionId, ExecutorId, ProjectId, VersionId, WorkflowId
from engine.model.execution import DeadLetter, Failure, Overdue, Status, StepRecord

# Written out, not as parameters: only then can a plan use the partial indexes. Running ones have no index by their
# deadline, which every claim would have to write; there are never many.
_RESTING = text("executions.status IN ('queued', 'waiting', 'paused')")
_RUNNING = text("executions.status = 'running'")


class Deadlines:
    """The part of ``ExecutionRepository`` that enforces time limits."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def overdue(self, *, before: datetime, limit: int, lock: bool = False) -> Sequence[Overdue]:
        """Return some that have not ended although their time was up before a time.

        With ``lock`` they are locked until commit, and two callers never get the same one.
        """
        found: list[Overdue] = []
        for state in (_RESTING, _RUNNING):
            rows = await self._transaction.rows(_overdue(state, before, limit - len(found), lock=lock))
            found += [_shown(row) for row in rows]
            if len(found) >= limit:
                break
        return found

    async def expire(
        self, one: Overdue, failure: Failure, steps: Sequence[StepRecord], letter: DeadLetter, *, now: datetime
    ) -> None:
        """End a locked one as failed, with the steps as they end. Its owner's next write fails on the epoch."""
        await self._transaction.run(
            update(executions)
            .where(executions.c.id == one.id)
            .values(
                status=Status.FAILED.value,
                epoch=executions.c.epoch + 1,
                finished_at=now,
                owner=None,
                due_at=None,
                wait_reason=None,
                pause_asked_at=None,
                error=failure.as_json(),
            )
        )
        await write_steps(self._transaction, [(one.id, one.project_id, steps)])
        await write_letters(self._transaction, [letter])
        await tell_of_failure(self._transaction, [one.id], at=now)


def _overdue(state: TextClause, before: datetime, limit: int, *, lock: bool) -> Any:
    columns = executions.c
    statement = (
        select(
            columns.id,
            columns.project_id,
            columns.workflow_id,
            columns.version_id,
            columns.trigger_key,
            columns.status,
            columns.owner,
        )
        .where(state, columns.deadline_at < before)
        .order_by(columns.deadline_at)
        .limit(limit)
    )
    return statement.with_for_update(skip_locked=True) if lock else statement


def _shown(row: Row[Any]) -> Overdue:
    return Overdue(
        id=ExecutionId(row.id),
        project_id=ProjectId(row.project_id),
        workflow_id=WorkflowId(row.workflow_id),
        version_id=VersionId(row.version_id),
        trigger_key=row.trigger_key,
        status=Status(row.status),
        owner=None if row.owner is None else ExecutorId(row.owner),
    )
