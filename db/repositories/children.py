"""Executions that other executions started, and what their parents wait for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Text, and_, delete, exists, literal, or_, select, text, type_coerce, update

from db.encoding import encode_json
from db.repositories.executions import ExecutionRepository
from db.resume_tables import arrivals, waits
from db.tables import events, executions, steps, workflows
from db.transaction import Transaction
from db.types import Id, one_of
from engine.model.arrival import Awaited
from engine.model.base import EventId, ExecutionId, ProjectId, TriggerId, VersionId, WorkflowId, is_id
from engine.model.execution import Execution, Status, StepStatus
from engine.repositories.children import AskedQuestion, Child, Holder, OpenWait

_LIVE = text("executions.parent_slot IS NOT NULL AND executions.finished_at IS NULL")
_AWAITED = text("executions.parent_slot IS NOT NULL")
_CLOSED = [
    StepStatus.SUCCEEDED.value,
    StepStatus.FAILED.value,
    StepStatus.UNKNOWN.value,
    StepStatus.SKIPPED.value,
    StepStatus.CANCELLED.value,
]
DEEPEST = 1000
"""No chain of parents is followed further."""


class ChildRepository:
    """Children in one transaction. Implements ``engine.repositories.Children``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction
        self._executions = ExecutionRepository(transaction)

    async def hold(self, execution_id: ExecutionId, *, epoch: int) -> Holder | None:
        """Lock an execution until the commit; ``None``: it does not run under this epoch any more."""
        columns = executions.c
        row = await self._transaction.first(
            select(executions)
            .where(columns.id == execution_id, columns.epoch == epoch, columns.status == Status.RUNNING.value)
            .with_for_update()
        )
        if row is None:
            return None
        trigger = await self._transaction.scalar(select(events.c.trigger_id).where(events.c.id == row.event_id))
        return Holder(
            id=execution_id,
            project_id=ProjectId(row.project_id),
            workflow_id=WorkflowId(row.workflow_id),
            version_id=VersionId(row.version_id),
            trigger_key=row.trigger_key,
            event_id=EventId(row.event_id),
            event_trigger_id=TriggerId(trigger),
            depth=row.depth or 0,
        )

    async def of(self, execution_id: ExecutionId, path: str) -> Sequence[Child]:
        """The awaited children of a step, oldest first."""
        columns = executions.c
        theirs = (columns.parent_id == execution_id, columns.parent_path == path, _AWAITED)
        found = await self._transaction.rows(select(columns.id).where(*theirs).order_by(columns.id))
        children = [await self._executions.outcome(ExecutionId(row.id)) for row in found]
        return [Child(slot=each.parent_slot or "", execution=each) for each in children if each is not None]

    async def lock(self, execution_id: ExecutionId) -> Execution | None:
        """Lock any execution until the commit, so that it cannot end meanwhile, and return it."""
        if not is_id(execution_id):
            return None
        locked = select(executions.c.id).where(executions.c.id == execution_id).with_for_update()
        await self._transaction.first(locked)
        return await self._executions.outcome(execution_id)

    async def watch(self, execution_id: ExecutionId) -> None:
        """Let the end of a locked execution be told to those who wait for it."""
        await self._transaction.run(update(executions).where(executions.c.id == execution_id).values(watched=True))

    async def lineage(self, execution_id: ExecutionId) -> Sequence[str]:
        """The names of the workflows from the outermost ancestor down to this execution's own."""
        names: list[str] = []
        current: str | None = execution_id
        while current is not None and len(names) < DEEPEST:
            row = await self._transaction.first(
                select(executions.c.parent_id, workflows.c.name)
                .join(workflows, workflows.c.id == executions.c.workflow_id)
                .where(executions.c.id == current)
            )
            if row is None:
                break
            names.append(row.name)
            current = row.parent_id
        return names[::-1]

    async def live_of(self, execution_id: ExecutionId) -> Sequence[ExecutionId]:
        """The awaited children of an execution that have not ended."""
        statement = select(executions.c.id).where(executions.c.parent_id == execution_id, _LIVE)
        return [ExecutionId(row.id) for row in await self._transaction.rows(statement)]

    async def abandoned(self, *, after: str, limit: int) -> tuple[Sequence[ExecutionId], str]:
        """Those among one page of live awaited children that nobody waits for any more, and where the next begins."""
        statement = select(executions.c.id).where(_LIVE).order_by(executions.c.id).limit(limit)
        if after:
            statement = statement.where(executions.c.id > literal(after, Id()))
        ids = [row.id for row in await self._transaction.rows(statement)]
        if not ids:
            return (), ""
        parents, later = executions.alias("parents"), steps.alias("later")
        step = and_(steps.c.execution_id == parents.c.id, steps.c.path == executions.c.parent_path)
        followed = exists().where(
            later.c.execution_id == steps.c.execution_id,
            later.c.path == steps.c.path,
            later.c.attempt > steps.c.attempt,
        )
        gone_on = exists().where(step, one_of(steps.c.status, _CLOSED), ~followed)
        left = (parents.c.status == Status.CANCELLED.value) | and_(parents.c.status != Status.FAILED.value, gone_on)
        found = await self._transaction.rows(
            select(executions.c.id)
            .join(parents, parents.c.id == executions.c.parent_id)
            .where(one_of(executions.c.id, ids), _LIVE, left)
        )
        return [ExecutionId(row.id) for row in found], ids[-1] if len(ids) == limit else ""

    async def open(self, project: ProjectId, opened: Sequence[OpenWait]) -> None:
        """Write down what a step waits for; what is written already stays."""
        if not opened:
            return
        rows: list[dict[str, Any]] = [
            {
                "execution_id": each.execution_id,
                "path": each.path,
                "subject": each.subject,
                "project_id": project,
                "kind": each.kind.value,
                "opened_at": each.opened_at,
                "details": each.details,
            }
            for each in opened
        ]
        await self._transaction.run(self._transaction.insert(waits).values(rows).on_conflict_do_nothing())

    async def waiting_for(
        self, subject: str, *, until: datetime, after: OpenWait | None, limit: int
    ) -> Sequence[OpenWait]:
        """The waits for events of a trigger that were opened until then, by executions that have not ended."""
        columns = waits.c
        statement = (
            select(waits)
            .join(executions, executions.c.id == columns.execution_id)
            .where(columns.subject == subject, columns.kind == Awaited.EVENT.value, columns.opened_at <= until)
            .where(executions.c.finished_at.is_(None))
            .order_by(columns.execution_id, columns.path)
            .limit(limit)
        )
        if after is not None:
            further = and_(columns.execution_id == after.execution_id, columns.path > after.path)
            statement = statement.where(or_(columns.execution_id > literal(after.execution_id, Id()), further))
        return [_wait(row) for row in await self._transaction.rows(statement)]

    async def questions(
        self,
        *,
        limit: int,
        project: ProjectId | None = None,
        id: str | None = None,
        execution_id: ExecutionId | None = None,
        path: str | None = None,
        after: str | None = None,
        assignee: str | None = None,
    ) -> Sequence[AskedQuestion]:
        """Open approvals of executions that have not ended, oldest first; of an assignee those without his answer."""
        statement = (
            select(waits, executions.c.workflow_id)
            .join(executions, executions.c.id == waits.c.execution_id)
            .where(waits.c.kind == Awaited.APPROVAL.value, executions.c.finished_at.is_(None))
            .order_by(waits.c.opened_at, waits.c.subject)
            .limit(limit)
        )
        exact = {"project_id": project, "subject": id, "execution_id": execution_id, "path": path}
        for name, value in exact.items():
            if value is not None:
                statement = statement.where(waits.c[name] == value)
        if after is not None:
            last = await self._transaction.first(select(waits.c.opened_at).where(waits.c.subject == after))
            if last is not None:
                later = and_(waits.c.opened_at == last.opened_at, waits.c.subject > after)
                statement = statement.where(or_(waits.c.opened_at > last.opened_at, later))
        if assignee is not None:
            needle = encode_json(assignee)
            answered = exists().where(
                arrivals.c.execution_id == waits.c.execution_id,
                arrivals.c.path == waits.c.path,
                arrivals.c.subject == assignee,
            )
            statement = statement.where(type_coerce(waits.c.details, Text).contains(needle, autoescape=True), ~answered)
        return [
            AskedQuestion(wait=_wait(row), workflow_id=WorkflowId(row.workflow_id))
            for row in await self._transaction.rows(statement)
        ]

    async def close(self, execution_id: ExecutionId, path: str) -> None:
        """Forget what a step waits for."""
        mine = (waits.c.execution_id == execution_id, waits.c.path == path)
        await self._transaction.run(delete(waits).where(*mine))


def _wait(row: Row[Any]) -> OpenWait:
    return OpenWait(
        execution_id=ExecutionId(row.execution_id),
        path=row.path,
        subject=row.subject,
        kind=Awaited(row.kind),
        opened_at=row.opened_at,
        details=row.details,
    )
