"""Puts workflows, triggers, events and executions into a database, for tests of what finds them there."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from engine.model.base import (
    DEFAULT_PROJECT,
    EventId,
    ExecutionId,
    ExecutorId,
    JsonObject,
    TriggerId,
    VersionId,
    WorkflowId,
    new_id,
)
from engine.model.event import Event, Fate, NewExecution
from engine.model.execution import Execution, ExecutionRecord, Status
from engine.model.trigger import Trigger
from engine.model.workflow import Lane, TriggerKind, Version, Workflow, WorkflowStatus
from engine.ports import Clock, Database
from engine.repositories import EventFilter, Page

OWNER = ExecutorId(new_id())


@dataclass
class Stored:
    """One published workflow with one trigger, and what was stored for it."""

    database: Database
    clock: Clock
    workflow_id: WorkflowId
    version_id: VersionId
    trigger_id: TriggerId
    executions: list[ExecutionId] = field(default_factory=list)

    async def queue(self, *, lane: Lane = Lane.NORMAL) -> ExecutionId:
        """Accept an event that starts an execution."""
        now = self.clock.now()
        event, execution = _accepted(self, now, lane)
        async with self.database.write() as uow:
            await uow.events.insert([event])
            await uow.executions.insert([execution])
            await uow.commit()
        self.executions.append(execution.id)
        return execution.id

    async def refuse(self, fate: Fate) -> None:
        """Store an event that starts nothing."""
        event, _ = _accepted(self, self.clock.now(), Lane.NORMAL)
        async with self.database.write() as uow:
            await uow.events.insert([replace(event, fate=fate, execution_id=None)])
            await uow.commit()

    async def run(self, *, owner: ExecutorId = OWNER, lane: Lane = Lane.NORMAL) -> ExecutionId:
        """Queue one and let an executor claim it."""
        execution_id = await self.queue(lane=lane)
        async with self.database.write() as uow:
            await uow.executions.claim([execution_id], owner=owner, now=self.clock.now())
            await uow.commit()
        return execution_id

    async def record(
        self, status: Status, *, due_at: datetime | None = None, finished_at: datetime | None = None
    ) -> ExecutionId:
        """Run one and hand it back with a status."""
        execution_id = await self.run()
        record = ExecutionRecord(
            id=execution_id, owner=OWNER, epoch=1, status=status, due_at=due_at, finished_at=finished_at
        )
        async with self.database.write() as uow:
            assert await uow.executions.record([record]) == {execution_id}
            await uow.commit()
        return execution_id

    async def shown(self, execution_id: ExecutionId) -> Execution:
        async with self.database.read() as uow:
            found = await uow.executions.find(DEFAULT_PROJECT, execution_id)
        assert found is not None
        return found

    async def status(self, execution_id: ExecutionId) -> Status:
        return (await self.shown(execution_id)).status

    async def trigger(self) -> Trigger:
        async with self.database.read() as uow:
            route = await uow.triggers.route(self.trigger_id)
        assert route is not None
        return route.trigger

    async def events(self) -> list[Event]:
        """All events of the workflow, oldest occurrence first."""
        async with self.database.read() as uow:
            where = EventFilter(workflow_id=self.workflow_id)
            found: list[Event] = []
            after: str | None = None
            while page := await uow.events.list(DEFAULT_PROJECT, where, Page(limit=200, after=after)):
                found += page
                after = page[-1].id
        return sorted(found, key=lambda event: (event.occurred_at, event.id))

    async def publish(self, document: JsonObject, *, number: int = 2, enabled: bool = True) -> VersionId:
        """Save and publish another version."""
        now = self.clock.now()
        version = _version(self.workflow_id, document, now, number)
        async with self.database.write() as uow:
            await uow.workflows.add_version(version)
            await uow.workflows.update(_workflow(self.workflow_id, version, now))
            await uow.triggers.publish(self.workflow_id, [_trigger(self.trigger_id, version, enabled=enabled)])
            await uow.triggers.touch()
            await uow.commit()
        return version.id

    async def set_status(self, status: WorkflowStatus) -> None:
        """Pause, archive or reactivate."""
        async with self.database.write() as uow:
            workflow = await uow.workflows.get(DEFAULT_PROJECT, self.workflow_id)
            changed = _workflow(self.workflow_id, None, workflow.created_at, status=status, like=workflow)
            await uow.workflows.update(changed)
            await uow.triggers.touch()
            await uow.commit()


async def store(database: Database, clock: Clock, document: JsonObject) -> Stored:
    """Store and publish a workflow whose only trigger is called ``tick``."""
    now = clock.now()
    workflow_id = WorkflowId(new_id())
    version = _version(workflow_id, document, now, 1)
    trigger = _trigger(TriggerId(new_id()), version)
    async with database.write() as uow:
        await uow.workflows.add(DEFAULT_PROJECT, _workflow(workflow_id, version, now))
        await uow.workflows.add_version(version)
        await uow.triggers.publish(workflow_id, [trigger])
        await uow.triggers.touch()
        await uow.commit()
    return Stored(database, clock, workflow_id, version.id, trigger.id)


def _workflow(
    workflow_id: WorkflowId,
    version: Version | None,
    now: datetime,
    *,
    status: WorkflowStatus = WorkflowStatus.ACTIVE,
    like: Workflow | None = None,
) -> Workflow:
    return Workflow(
        id=workflow_id,
        name=f"workflow-{workflow_id}",
        status=status,
        published=version.id if version else like.published if like else None,
        latest=version.number if version else like.latest if like else 0,
        description="",
        created_at=now,
        updated_at=now,
    )


def _version(workflow_id: WorkflowId, document: JsonObject, now: datetime, number: int) -> Version:
    return Version(
        id=VersionId(new_id()),
        workflow_id=workflow_id,
        number=number,
        text="",
        document=document,
        hash=f"{number}",
        created_at=now,
        created_by="tests",
    )


def _trigger(trigger_id: TriggerId, version: Version, *, enabled: bool = True) -> Trigger:
    return Trigger(
        id=trigger_id,
        project_id=DEFAULT_PROJECT,
        workflow_id=version.workflow_id,
        version_id=version.id,
        key="tick",
        kind=TriggerKind.SCHEDULE,
        active=True,
        enabled=enabled,
    )


def _accepted(stored: Stored, now: datetime, lane: Lane) -> tuple[Event, NewExecution]:
    event_id, execution_id = EventId(new_id()), ExecutionId(new_id())
    event = Event(
        id=event_id,
        project_id=DEFAULT_PROJECT,
        workflow_id=stored.workflow_id,
        trigger_id=stored.trigger_id,
        dedupe_key=None,
        occurred_at=now,
        accepted_at=now,
        envelope={},
        data=None,
        fate=Fate.STARTED,
        reason="",
        execution_id=execution_id,
    )
    execution = NewExecution(
        id=execution_id,
        project_id=DEFAULT_PROJECT,
        workflow_id=stored.workflow_id,
        version_id=stored.version_id,
        trigger_id=stored.trigger_id,
        trigger_key="tick",
        event_id=event_id,
        lane=lane,
        created_at=now,
        deadline_at=now,
    )
    return event, execution
