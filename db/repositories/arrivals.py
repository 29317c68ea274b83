"""Arrivals: stored once, read by whoever claims the execution, and watched until somebody was woken for them."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, delete, exists, or_, select, text, update

from db.repositories.queueing import UNGATED, WAITING, Announced
from db.resume_tables import arrivals, waits
from db.tables import executions, steps
from db.transaction import Transaction
from db.types import one_of
from engine.model.arrival import AWAITED, Arrival, Awaited
from engine.model.base import ExecutionId, ProjectId, is_id
from engine.model.execution import Status, StepRecord, StepStatus
from engine.model.workflow import Lane
from engine.repositories.arrivals import Standing

_PENDING = text("arrivals.pending IS NOT NULL")
_URGENT = text("arrivals.urgent IS NOT NULL")
_FINAL = [status.value for status in Status if status.is_final]


class ArrivalRepository:
    """Arrivals in one transaction. Implements ``engine.repositories.Arrivals``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def standing(self, execution_id: ExecutionId, path: str, *, lock: bool = True) -> Standing | None:
        """Say how an execution and its step at ``path`` stand; with ``lock`` it stays so until the commit."""
        if not is_id(execution_id):
            return None
        columns = (executions.c.project_id, executions.c.status, executions.c.deadline_at)
        statement = select(*columns).where(executions.c.id == execution_id)
        found = await self._transaction.first(statement.with_for_update() if lock else statement)
        if found is None:
            return None
        step = await self._transaction.first(
            select(steps.c.status, steps.c.due_at)
            .where(steps.c.execution_id == execution_id, steps.c.path == path)
            .order_by(steps.c.attempt.desc())
            .limit(1)
        )
        return Standing(
            project_id=ProjectId(found.project_id),
            status=Status(found.status),
            deadline_at=found.deadline_at,
            step=None if step is None else StepStatus(step.status),
            due_at=None if step is None else step.due_at,
        )

    async def add(self, project: ProjectId, fresh: Sequence[Arrival]) -> list[Arrival]:
        """Store those whose identity is new and return them; they are pending until somebody is woken."""
        stored = []
        for arrival in fresh:
            statement = (
                self._transaction.insert(arrivals)
                .values(
                    execution_id=arrival.execution_id,
                    path=arrival.path,
                    subject=arrival.subject,
                    project_id=project,
                    kind=arrival.kind.value,
                    payload=arrival.payload,
                    arrived_at=arrival.arrived_at,
                    by=arrival.by,
                    pending=True,
                    urgent=arrival.urgent or None,
                )
                .on_conflict_do_nothing()
                .returning(arrivals.c.path)
            )
            if await self._transaction.first(statement) is not None:
                stored.append(arrival)
        return stored

    async def of(self, execution_id: ExecutionId, path: str) -> tuple[Arrival, ...]:
        """What has come for a step, the oldest first."""
        found = await read_arrivals(self._transaction, [execution_id])
        return found.get(execution_id, {}).get(path, ())

    async def ready(self, *, limit: int, ids: Sequence[ExecutionId] | None = None) -> Sequence[ExecutionId]:
        """Waiting executions whose step waits and has a pending arrival; each look begins at the pending ones."""
        statement = (
            _heard(select(arrivals.c.execution_id).distinct())
            .where(exists().where(executions.c.id == arrivals.c.execution_id, WAITING, UNGATED))
            .limit(limit)
        )
        if ids is not None:
            statement = statement.where(one_of(arrivals.c.execution_id, ids))
        return [ExecutionId(row.execution_id) for row in await self._transaction.rows(statement)]

    async def wake(self, ids: Sequence[ExecutionId], *, now: datetime) -> Announced:
        """Queue those that wait. What comes for a step that is not recorded yet stays pending.

        It never waits for another transaction, because its own may hold other executions.
        """
        if not ids:
            return []
        waiting = (
            select(executions.c.id, executions.c.lane)
            .where(one_of(executions.c.id, ids), WAITING, UNGATED)
            .order_by(executions.c.id)
            .with_for_update(skip_locked=True)
        )
        woken = [(ExecutionId(row.id), Lane(row.lane)) for row in await self._transaction.rows(waiting)]
        if woken:
            chosen = [execution_id for execution_id, _ in woken]
            await self._transaction.run(
                update(executions)
                .where(one_of(executions.c.id, chosen))
                .values(status=Status.QUEUED.value, woken_at=now, queued_at=now, due_at=None, wait_reason=None)
            )
            heard = _heard(update(arrivals).where(one_of(arrivals.c.execution_id, chosen)))
            await self._transaction.run(heard.values(pending=None))
        return woken

    async def forget_ended(self, *, limit: int) -> int:
        """Stop watching over arrivals whose execution has ended; a replay finds them all the same."""
        ended = exists().where(executions.c.id == arrivals.c.execution_id, one_of(executions.c.status, _FINAL))
        statement = select(arrivals.c.execution_id).distinct().where(_PENDING, ended).limit(limit)
        ids = [row.execution_id for row in await self._transaction.rows(statement)]
        if ids:
            change = update(arrivals).where(one_of(arrivals.c.execution_id, ids), _PENDING).values(pending=None)
            await self._transaction.run(change)
        return len(ids)


def awaiting(found: Iterable[tuple[str, Sequence[StepRecord]]]) -> list[ExecutionId]:
    """Return the executions with a step that waits for something from outside."""
    return [
        ExecutionId(execution)
        for execution, records in found
        if any(record.status is StepStatus.WAITING and record.wait_reason in AWAITED for record in records)
    ]


async def read_arrivals(
    transaction: Transaction, ids: Sequence[ExecutionId]
) -> dict[str, dict[str, tuple[Arrival, ...]]]:
    """Return what has come for these executions, by execution and path, the oldest first."""
    statement = (
        select(arrivals)
        .where(one_of(arrivals.c.execution_id, ids))
        .order_by(arrivals.c.execution_id, arrivals.c.path, arrivals.c.arrived_at, arrivals.c.subject)
    )
    found: dict[str, dict[str, tuple[Arrival, ...]]] = {}
    for row in await transaction.rows(statement):
        by_path = found.setdefault(row.execution_id, {})
        by_path[row.path] = (*by_path.get(row.path, ()), _arrival(row))
    return found


async def delete_arrivals(transaction: Transaction, theirs: Any) -> None:
    """Remove what came for executions and what they wait for: a list of ids, or a statement that selects them."""
    for table in (arrivals, waits):
        column = table.c.execution_id
        chosen = column.in_(theirs) if isinstance(theirs, Select) else one_of(column, theirs)
        await transaction.run(delete(table).where(chosen))


def _heard(statement: Any) -> Any:
    """Narrow a statement to pending arrivals whose step is recorded as waiting, and waits for nothing more."""
    recorded = exists().where(
        steps.c.execution_id == arrivals.c.execution_id,
        steps.c.path == arrivals.c.path,
        steps.c.status == StepStatus.WAITING.value,
    )
    more = exists().where(waits.c.execution_id == arrivals.c.execution_id, waits.c.path == arrivals.c.path)
    return statement.where(_PENDING, recorded, or_(_URGENT, ~more))


def _arrival(row: Row[Any]) -> Arrival:
    return Arrival(
        execution_id=ExecutionId(row.execution_id),
        path=row.path,
        subject=row.subject,
        kind=Awaited(row.kind),
        payload=row.payload,
        arrived_at=row.arrived_at,
        by=row.by,
        urgent=bool(row.urgent),
    )
