"""Jobs, and the executions that they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, exists, func, or_, select, text, update

from db.job_tables import job_items, jobs
from db.repositories.paging import paged
from db.tables import executions
from db.transaction import Transaction
from db.types import one_of
from engine.model.base import ExecutionId, ProjectId, is_id
from engine.model.execution import Status
from engine.model.job import ItemState, Job, JobItem, JobStatus, Progress, plan_as_json, plan_of_json
from engine.repositories import Page

_OPEN = text("jobs.finished_at IS NULL")
_FINAL = [status.value for status in Status if status.is_final]


class JobRepository:
    """Jobs in one transaction. Implements ``engine.repositories.Jobs``."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, job: Job) -> None:
        fixed = {"project_id": job.project_id, "kind": job.kind, "plan": plan_as_json(job.plan)}
        made = {"id": job.id, "created_at": job.created_at, "created_by": job.created_by}
        await self._transaction.run(self._transaction.insert(jobs).values(**fixed, **made, **_changing(job)))

    async def find(self, project: ProjectId, job_id: str, *, lock: bool = False) -> Job | None:
        """Find it; with ``lock`` nobody else changes it until commit."""
        if not is_id(job_id):
            return None
        statement = select(jobs).where(jobs.c.id == job_id, jobs.c.project_id == project)
        row = await self._transaction.first(statement.with_for_update() if lock else statement)
        return None if row is None else _job(row)

    async def list(self, project: ProjectId, page: Page) -> Sequence[Job]:
        statement = paged(select(jobs).where(jobs.c.project_id == project), jobs.c.id, page)
        return [_job(row) for row in await self._transaction.rows(statement)]

    async def update(self, job: Job) -> None:
        """Write all that changes."""
        await self._transaction.run(update(jobs).where(jobs.c.id == job.id).values(**_changing(job)))

    async def next_at(self) -> datetime | None:
        """When the first unfinished one is to be looked at."""
        statement = select(jobs.c.next_at).where(_OPEN).order_by(jobs.c.next_at).limit(1)
        found: datetime | None = await self._transaction.scalar(statement)
        return found

    async def take(self, now: datetime) -> Job | None:
        """Return one that is to be looked at by now, locked until commit; two callers never get the same one."""
        statement = select(jobs).where(_OPEN, jobs.c.next_at <= now).order_by(jobs.c.next_at).limit(1)
        row = await self._transaction.first(statement.with_for_update(skip_locked=True))
        return None if row is None else _job(row)

    async def add_items(self, job: Job, ids: Sequence[ExecutionId]) -> None:
        """Write down executions; those that are there already stay as they are."""
        if not ids:
            return
        same = {"job_id": job.id, "project_id": job.project_id, "state": ItemState.PENDING.value, "reason": ""}
        rows = [{**same, "execution_id": execution_id} for execution_id in ids]
        await self._transaction.run(self._transaction.insert(job_items).values(rows).on_conflict_do_nothing())

    async def pending(self, job_id: str, *, limit: int) -> Sequence[ExecutionId]:
        """Executions that are not replayed yet, oldest first."""
        statement = (
            select(job_items.c.execution_id)
            .where(job_items.c.job_id == job_id, job_items.c.state == ItemState.PENDING.value)
            .order_by(job_items.c.execution_id)
            .limit(limit)
        )
        return [ExecutionId(row.execution_id) for row in await self._transaction.rows(statement)]

    async def settle(self, job_id: str, item: JobItem) -> bool:
        """Change a pending item; false if it is not pending any more. Of two callers at once one gets true."""
        return await self._transaction.changed(
            update(job_items)
            .where(
                job_items.c.job_id == job_id,
                job_items.c.execution_id == item.execution_id,
                job_items.c.state == ItemState.PENDING.value,
            )
            .values(
                state=item.state.value,
                replayed_as=item.replayed_as,
                started_at=item.started_at,
                finished_at=item.finished_at,
                reason=item.reason,
            )
        )

    async def watch(self, job_id: str, *, now: datetime, limit: int) -> Sequence[ItemState]:
        """Write down how started items ended, and return their new states."""
        statement = (
            select(job_items.c.execution_id, executions.c.status)
            .outerjoin(executions, executions.c.id == job_items.c.replayed_as)
            .where(job_items.c.job_id == job_id, job_items.c.state == ItemState.STARTED.value)
            .where(or_(executions.c.id.is_(None), one_of(executions.c.status, _FINAL)))
            .limit(limit)
        )
        ended: dict[ItemState, list[str]] = {}
        for row in await self._transaction.rows(statement):
            state = ItemState.GONE if row.status is None else ItemState(row.status)
            ended.setdefault(state, []).append(row.execution_id)
        for state, ids in ended.items():
            await self._transaction.run(
                update(job_items)
                .where(job_items.c.job_id == job_id, one_of(job_items.c.execution_id, ids))
                .values(state=state.value, finished_at=now)
            )
        return [state for state, ids in ended.items() for _ in ids]

    async def progress(self, job_id: str) -> Progress:
        statement = (
            select(job_items.c.state, func.count().label("number"))
            .where(job_items.c.job_id == job_id)
            .group_by(job_items.c.state)
        )
        return Progress(by_state={ItemState(row.state): row.number for row in await self._transaction.rows(statement)})

    async def items(self, job_id: str, page: Page, *, state: ItemState | None = None) -> Sequence[JobItem]:
        """By execution, newest first."""
        statement = select(job_items).where(job_items.c.job_id == job_id)
        if state is not None:
            statement = statement.where(job_items.c.state == state.value)
        return [_item(row) for row in await self._transaction.rows(paged(statement, job_items.c.execution_id, page))]

    async def has_old(self, *, before: datetime) -> bool:
        """Say whether there is anything to prune."""
        return await self._transaction.first(select(jobs.c.id).where(jobs.c.finished_at < before).limit(1)) is not None

    async def prune(self, *, before: datetime, limit: int) -> int:
        """Remove jobs that finished before a time, at most ``limit`` rows at once; return how many rows went."""
        old = jobs.c.finished_at < before
        job_id = await self._transaction.scalar(select(jobs.c.id).where(old).order_by(jobs.c.id).limit(1))
        if job_id is None:
            return 0
        ids = select(job_items.c.execution_id).where(job_items.c.job_id == job_id).limit(limit)
        some = [row.execution_id for row in await self._transaction.rows(ids)]
        await self._transaction.run(
            delete(job_items).where(job_items.c.job_id == job_id, one_of(job_items.c.execution_id, some))
        )
        left = exists().where(job_items.c.job_id == jobs.c.id)
        gone = await self._transaction.changed(delete(jobs).where(jobs.c.id == job_id, ~left))
        return len(some) + gone


def _changing(job: Job) -> dict[str, Any]:
    return {
        "status": job.status.value,
        "next_at": job.next_at,
        "replay_at": job.replay_at,
        "reason": job.reason,
        "after": job.after,
        "collected": job.collected,
        "proven": job.proven,
        "finished_at": job.finished_at,
    }


def _job(row: Row[Any]) -> Job:
    return Job(
        id=row.id,
        project_id=ProjectId(row.project_id),
        kind=row.kind,
        status=JobStatus(row.status),
        plan=plan_of_json(row.plan),
        created_at=row.created_at,
        created_by=row.created_by,
        next_at=row.next_at,
        replay_at=row.replay_at,
        reason=row.reason,
        after=row.after,
        collected=row.collected,
        proven=row.proven,
        finished_at=row.finished_at,
    )


def _item(row: Row[Any]) -> JobItem:
    return JobItem(
        execution_id=ExecutionId(row.execution_id),
        state=ItemState(row.state),
        replayed_as=None if row.replayed_as is None else ExecutionId(row.replayed_as),
        started_at=row.started_at,
        finished_at=row.finished_at,
        reason=row.reason,
    )
