"""The databases under contract, and what tests put into them."""

import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from db.engines import PoolSizes
from db.session import SqlDatabase, open_database
from db.vault import Vault
from engine.model.base import (
    DEFAULT_PROJECT,
    EventId,
    ExecutionId,
    ExecutorId,
    ProjectId,
    TriggerId,
    VersionId,
    WorkflowId,
    new_id,
)
from engine.model.event import Event, Fate, NewExecution
from engine.model.execution import Claimed, ExecutionRecord, Status, StepRecord, StepStatus
from engine.model.trigger import Trigger
from engine.model.workflow import Lane, TriggerKind, Version, Workflow, WorkflowStatus
from tests.fakes import START, FakeClock

DATABASES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)]
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
PROJECT = DEFAULT_PROJECT
OTHER_PROJECT = ProjectId("00000000-0000-7000-8000-00000000ffff")
ME = ExecutorId("executor-1")
SHE = ExecutorId("executor-2")
LATER = START + timedelta(hours=1)


@asynccontextmanager
async def open_databases(request: pytest.FixtureRequest, *, count: int = 1) -> AsyncIterator[Sequence[SqlDatabase]]:
    """Open the same database so many times, as that many processes would."""
    url: str = request.getfixturevalue(f"migrated_{request.param}_url")
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_here(url)) for _ in range(count)]


def open_here(url: str) -> Any:
    pools = PoolSizes(write=4, read=4, wait=timedelta(seconds=20))
    return open_database(url, vault=Vault([KEY]), clock=FakeClock(), pools=pools)


_numbers = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A workflow with one trigger, and events and executions of it."""

    workflow_id: WorkflowId = field(default_factory=lambda: WorkflowId(new_id()))
    version_id: VersionId = field(default_factory=lambda: VersionId(new_id()))
    trigger_id: TriggerId = field(default_factory=lambda: TriggerId(new_id()))
    name: str = field(default_factory=lambda: f"workflow-{next(_numbers)}")

    def workflow(self, **changes: Any) -> Workflow:
        whole = Workflow(
            id=self.workflow_id,
            name=self.name,
            status=WorkflowStatus.ACTIVE,
            published=self.version_id,
            latest=1,
            description="",
            created_at=START,
            updated_at=START,
        )
        return replace(whole, **changes)

    def version(self, **changes: Any) -> Version:
        whole = Version(
            id=self.version_id,
            workflow_id=self.workflow_id,
            number=1,
            text="name: sample",
            document={"name": "sample"},
            hash="h1",
            created_at=START,
            created_by="cli",
        )
        return replace(whole, **changes)

    def trigger(self, **changes: Any) -> Trigger:
        whole = Trigger(
            id=self.trigger_id,
            project_id=PROJECT,
            workflow_id=self.workflow_id,
            version_id=self.version_id,
            key="incoming",
            kind=TriggerKind.WEBHOOK,
            active=True,
            enabled=True,
        )
        return replace(whole, **changes)

    def event(self, **changes: Any) -> Event:
        whole = Event(
            id=EventId(new_id()),
            project_id=PROJECT,
            workflow_id=self.workflow_id,
            trigger_id=self.trigger_id,
            dedupe_key=None,
            occurred_at=START,
            accepted_at=START,
            envelope={"method": "POST"},
            data={"amount": 120},
            fate=Fate.STARTED,
            reason="",
            execution_id=ExecutionId(new_id()),
        )
        return replace(whole, **changes)

    def execution(self, event: Event, **changes: Any) -> NewExecution:
        assert event.execution_id is not None
        whole = NewExecution(
            id=event.execution_id,
            project_id=PROJECT,
            workflow_id=self.workflow_id,
            version_id=self.version_id,
            trigger_id=self.trigger_id,
            trigger_key="incoming",
            event_id=event.id,
            lane=Lane.NORMAL,
            created_at=START,
            deadline_at=START + timedelta(days=30),
        )
        return replace(whole, **changes)

    async def install(self, database: SqlDatabase, **changes: Any) -> None:
        """Store the workflow with its version and its trigger."""
        async with database.write() as work:
            await work.workflows.add(PROJECT, self.workflow(**changes))
            await work.workflows.add_version(self.version())
            await work.triggers.publish(self.workflow_id, [self.trigger()])
            await work.commit()

    async def start(self, database: SqlDatabase, count: int = 1, **changes: Any) -> list[ExecutionId]:
        """Store so many events with their executions, queued; return the executions' ids."""
        events = [self.event() for _ in range(count)]
        executions = [self.execution(event, **changes) for event in events]
        async with database.write() as work:
            await work.events.insert(events)
            await work.executions.insert(executions)
            await work.commit()
        return [execution.id for execution in executions]


def record(claimed: Claimed, status: Status, **changes: Any) -> ExecutionRecord:
    """What ``ME`` has to say about an execution."""
    whole = ExecutionRecord(id=claimed.id, owner=ME, epoch=claimed.epoch, status=status)
    if status.is_final:
        whole = replace(whole, finished_at=LATER)
    return replace(whole, **changes)


def step(path: str = "shape", **changes: Any) -> StepRecord:
    whole = StepRecord(
        path=path,
        node=path.partition("#")[0],
        attempt=1,
        seq=1,
        status=StepStatus.SUCCEEDED,
        started_at=START,
        finished_at=LATER,
        ports=("main",),
    )
    return replace(whole, **changes)


async def claim(database: SqlDatabase, ids: Sequence[ExecutionId], owner: ExecutorId = ME) -> list[Claimed]:
    """Claim and commit; in the order of ``ids``."""
    async with database.write() as work:
        claimed = await work.executions.claim(ids, owner=owner, now=LATER)
        await work.commit()
    return sorted(claimed, key=lambda each: list(ids).index(each.id))


async def save(database: SqlDatabase, records: Iterable[ExecutionRecord]) -> set[ExecutionId]:
    """Record and commit."""
    async with database.write() as work:
        counted = await work.executions.record(list(records))
        await work.commit()
    return counted


async def status_of(database: SqlDatabase, execution_id: ExecutionId) -> Status:
    async with database.read() as work:
        found = await work.executions.outcome(execution_id)
    assert found is not None
    return found.status
