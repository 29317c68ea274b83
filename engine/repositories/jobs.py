"""What the database promises about jobs and the executions they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from engine.model.base import ExecutionId, ProjectId
from engine.model.job import ItemState, Job, JobItem, Progress
from engine.repositories.paging import Page


class Jobs(Protocol):
    """Jobs and their items."""

    async def add(self, job: Job) -> None: ...

    async def find(self, project: ProjectId, job_id: str, *, lock: bool = False) -> Job | None:
        """Find it; with ``lock`` nobody else changes it until commit."""

    async def list(self, project: ProjectId, page: Page) -> Sequence[Job]:
        """Newest first."""

    async def update(self, job: Job) -> None:
        """Write all that changes: status, reason, how far it is, when it is looked at again, when it finished."""

    async def next_at(self) -> datetime | None:
        """When the first unfinished one is to be looked at."""

    async def take(self, now: datetime) -> Job | None:
        """One that is to be looked at by now, locked until commit; two callers never get the same one."""

    async def add_items(self, job: Job, ids: Sequence[ExecutionId]) -> None:
        """Write down executions; those that are there already stay as they are."""

    async def pending(self, job_id: str, *, limit: int) -> Sequence[ExecutionId]:
        """Executions that are not replayed yet, oldest first."""

    async def settle(self, job_id: str, item: JobItem) -> bool:
        """Change a pending item; false if it is not pending any more."""

    async def watch(self, job_id: str, *, now: datetime, limit: int) -> Sequence[ItemState]:
        """Write down how started items ended, and return their new states."""

    async def progress(self, job_id: str) -> Progress: ...

    async def items(self, job_id: str, page: Page, *, state: ItemState | None = None) -> Sequence[JobItem]:
        """By execution, newest first; ``page.after`` is an execution's id."""

    async def has_old(self, *, before: datetime) -> bool:
        """Whether there is anything to prune."""

    async def prune(self, *, before: datetime, limit: int) -> int:
        """Remove jobs that finished before a time, at most ``limit`` rows at once; return how many rows went."""
