"""Executions: looking at them, and all the parts of their repository in one."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, func, literal_column, or_, select, union_all, update

from db.large_values import marked
from db.repositories.claiming import Claiming
from db.repositories.deadlines import Deadlines
from db.repositories.debugging import Debugging
from db.repositories.filtering import filtered
from db.repositories.paging import paged
from db.repositories.pausing import Pausing
from db.repositories.pruning import Pruning
from db.repositories.queueing import Queueing
from db.repositories.recording import Recording
from db.repositories.settling import Settling
from db.repositories.step_pages import StepPages
from db.repositories.steps import read_steps, write_steps
from db.tables import events, executions, triggers
from db.transaction import Transaction
from engine.model.base import (
    EventId,
    ExecutionId,
    ExecutorId,
    Json,
    ProjectId,
    TriggerId,
    VersionId,
    WorkflowId,
    is_id,
)
from engine.model.event import Fate, NewExecution
from engine.model.execution import Execution, Response, Status, StepRecord
from engine.model.trigger import Balance
from engine.model.workflow import Lane
from engine.repositories import ExecutionFilter, Page

_LISTED = [column for column in executions.c if column.name not in ("response", "debug")]


class ExecutionRepository(Claiming, Recording, Queueing, Pausing, Deadlines, Debugging, Settling, Pruning, StepPages):
    """Executions in one transaction. Implements ``engine.repositories.Executions``."""

    def __init__(self, transaction: Transaction) -> None:
        super().__init__(transaction)
        self._transaction = transaction
        self.woken: list[tuple[ExecutionId, Lane]] = []

    async def find(self, project: ProjectId, execution_id: ExecutionId) -> Execution | None:
        found = await self.outcome(execution_id)
        return found if found is not None and found.project_id == project else None

    async def outcome(self, execution_id: ExecutionId) -> Execution | None:
        """Find it in any project, for those who wait for it."""
        if not is_id(execution_id):
            return None
        row = await self._transaction.first(select(executions).where(executions.c.id == execution_id))
        if row is None:
            return None
        loaded = await self._transaction.blobs.load([row.output, row.response])
        return _execution(row, output=loaded.of(row.output), response=loaded.of(row.response))

    async def list(self, project: ProjectId, where: ExecutionFilter, page: Page) -> Sequence[Execution]:
        """A page of them, without responses; large outputs are markers, and the text is not sought in them."""
        statement = filtered(select(*_LISTED).where(executions.c.project_id == project), where)
        rows = await self._transaction.rows(paged(statement, executions.c.id, page))
        return [_execution(row, output=marked(row.output), response=None) for row in rows]

    async def matching(self, project: ProjectId, where: ExecutionFilter, page: Page) -> Sequence[ExecutionId]:
        """Return the ids of a page of them, newest first."""
        statement = filtered(select(executions.c.id).where(executions.c.project_id == project), where)
        return [ExecutionId(row.id) for row in await self._transaction.rows(paged(statement, executions.c.id, page))]

    async def count(self, project: ProjectId, where: ExecutionFilter, *, limit: int) -> int:
        """How many there are, counted up to ``limit``."""
        theirs = filtered(select(executions.c.id).where(executions.c.project_id == project), where)
        counted = select(func.count()).select_from(theirs.limit(limit).subquery())
        return int(await self._transaction.scalar(counted))

    async def take_over(self, execution: NewExecution, steps: Sequence[StepRecord]) -> None:
        """Store steps that another execution recorded as those of one that was just inserted.

        It gets an epoch as if it had had an owner, because a first owner does not look for steps.
        """
        raised = update(executions).where(executions.c.id == execution.id).values(epoch=executions.c.epoch + 1)
        await self._transaction.run(raised)
        await write_steps(self._transaction, [(execution.id, execution.project_id, steps)])

    async def steps(self, execution_id: ExecutionId) -> Sequence[StepRecord]:
        """All attempts, in the order of ``seq``."""
        if not is_id(execution_id):
            return ()
        return (await read_steps(self._transaction, [execution_id])).get(execution_id, ())

    async def balance(self, trigger_id: TriggerId) -> Balance:
        """Count what a trigger accepted and what became of it, in one statement and so at one instant.

        Reruns are left out: a person started them from an event that was accepted once. So is an event whose
        execution was removed and which only a rerun still needs.
        """
        workflow = select(triggers.c.workflow_id).where(triggers.c.id == trigger_id).scalar_subquery()
        fates = (
            select(literal_column("'fate'").label("what"), events.c.fate.label("name"), func.count().label("number"))
            .where(events.c.workflow_id == workflow, events.c.trigger_id == trigger_id)
            .where(or_(events.c.fate != Fate.STARTED.value, events.c.execution_id.is_not(None)))
            .group_by(events.c.fate)
        )
        states = (
            select(literal_column("'status'"), executions.c.status, func.count())
            .where(executions.c.workflow_id == workflow, executions.c.trigger_id == trigger_id)
            .where(executions.c.rerun_of.is_(None))
            .group_by(executions.c.status)
        )
        by_fate = {fate.value: 0 for fate in Fate}
        by_status = {status.value: 0 for status in Status}
        if is_id(trigger_id):
            for row in await self._transaction.rows(union_all(fates, states)):
                (by_fate if row.what == "fate" else by_status)[row.name] = row.number
        return Balance(accepted=by_fate[Fate.STARTED.value], by_status=by_status, by_fate=by_fate)

    async def totals(self) -> Mapping[Status, int]:
        """How many executions stand in each state."""
        statement = select(executions.c.status, func.count().label("number")).group_by(executions.c.status)
        counts = {row.status: row.number for row in await self._transaction.rows(statement)}
        return {status: counts.get(status.value, 0) for status in Status}


def _execution(row: Row[Any], *, output: Json, response: Any) -> Execution:
    return Execution(
        id=ExecutionId(row.id),
        project_id=ProjectId(row.project_id),
        workflow_id=WorkflowId(row.workflow_id),
        version_id=VersionId(row.version_id),
        trigger_id=None if row.trigger_id is None else TriggerId(row.trigger_id),
        trigger_key=row.trigger_key,
        event_id=EventId(row.event_id),
        rerun_of=None if row.rerun_of is None else ExecutionId(row.rerun_of),
        status=Status(row.status),
        lane=Lane(row.lane),
        epoch=row.epoch,
        owner=None if row.owner is None else ExecutorId(row.owner),
        created_at=row.created_at,
        woken_at=row.woken_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        due_at=row.due_at,
        wait_reason=row.wait_reason,
        output=output,
        error=row.error,
        response=Response(**response) if isinstance(response, dict) and "status" in response else None,
        pause_asked_at=None if Status(row.status).is_final else row.pause_asked_at,
        gate=row.gate,
        slot=row.slot,
        parent_id=None if row.parent_id is None else ExecutionId(row.parent_id),
        parent_path=row.parent_path,
        parent_slot=row.parent_slot,
        depth=row.depth or 0,
        entry=row.entry,
    )
