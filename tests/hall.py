"""A hub's intake, control and admitter on one database, for tests of when executions may begin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from engine.admitter import Admitter
from engine.holding import Releaser
from engine.model.base import DEFAULT_PROJECT, ExecutionId, ExecutorId, Json, TriggerId
from engine.model.event import Event, Receipt
from engine.model.execution import Claimed, Execution, ExecutionRecord, Failure, Status
from engine.model.workflow import Workflow
from engine.ports import Database
from engine.repositories import EventFilter, ExecutionFilter, Page
from tests.fakes import FakeClock, RecordingAnnouncements, SwitchedDatabase
from tests.unit.engine.hub import Parts

OWNER = ExecutorId("executor-hall")


class Hall:
    """Sends events to one workflow and plays its executors."""

    def __init__(self, database: Database, clock: FakeClock | None = None) -> None:
        self.database = database
        self.clock = clock or FakeClock()
        self.news = RecordingAnnouncements()
        self.parts = Parts(SwitchedDatabase(database), self.clock, self.news)
        self.admitter = Admitter(database=database, graphs=self.parts.graphs, tells=self.news, clock=self.clock)
        self.releaser = Releaser(database=database, graphs=self.parts.graphs, announcements=self.news, clock=self.clock)
        self.control = self.parts.control
        self.workflow: Workflow
        self.trigger: TriggerId

    async def publish(self, settings: str, *, more: str = "") -> None:
        """Store and publish a workflow with one hook and these settings."""
        self.workflow = await self.parts.publish(definition(settings, more=more))
        self.trigger = await self.parts.trigger(self.workflow, "hook")

    async def change(self, settings: str) -> None:
        """Publish another version."""
        publishing, key = self.parts.publishing, self.workflow.id
        await publishing.save(DEFAULT_PROJECT, key, definition(settings), actor="test")
        await publishing.publish(DEFAULT_PROJECT, key, actor="test")

    async def send(self, data: Json = None, *, key: str | None = None) -> Receipt:
        return await self.parts.intake.accept(self.parts.event(self.trigger, data, key=key))

    async def send_all(self, values: Sequence[Json]) -> list[Receipt]:
        """Send so many events in one transaction."""
        async with self.database.write() as uow:
            events = [self.parts.event(self.trigger, value) for value in values]
            receipts = await self.parts.intake.accept_in(uow, events)
            await uow.commit()
        self.parts.intake.announce(receipts)
        return receipts

    async def settle(self, rounds: int = 8) -> None:
        """Let the admitter do all it can do now."""
        for _ in range(rounds):
            self.admitter.look_at_all()
            await self.admitter.tick()

    async def run(self, execution_id: ExecutionId) -> Claimed:
        """Claim a queued execution."""
        async with self.database.write() as uow:
            [claimed] = await uow.executions.claim([execution_id], owner=OWNER, now=self.clock.now())
            await uow.commit()
        return claimed

    async def record(self, claimed: Claimed, status: Status, *, due_in: timedelta | None = None) -> None:
        """Write what an executor found out."""
        now = self.clock.now()
        record = ExecutionRecord(
            id=claimed.id,
            owner=OWNER,
            epoch=claimed.epoch,
            status=status,
            finished_at=now if status.is_final else None,
            due_at=None if due_in is None else now + due_in,
            error=Failure(code="broken", message="broken") if status is Status.FAILED else None,
        )
        async with self.database.write() as uow:
            assert await uow.executions.record([record]) == {claimed.id}
            await uow.commit()

    async def finish(self, execution_id: ExecutionId, status: Status = Status.SUCCEEDED) -> Claimed:
        """Run a queued execution to its end."""
        claimed = await self.run(execution_id)
        await self.record(claimed, status)
        return claimed

    async def shown(self, execution_id: ExecutionId | None) -> Execution:
        assert execution_id is not None
        async with self.database.read() as uow:
            found = await uow.executions.find(DEFAULT_PROJECT, execution_id)
        assert found is not None
        return found

    async def event(self, receipt: Receipt) -> Event:
        async with self.database.read() as uow:
            found = await uow.events.find(DEFAULT_PROJECT, receipt.event_id)
        assert found is not None
        return found

    async def events(self) -> list[Event]:
        async with self.database.read() as uow:
            found = await uow.events.list(DEFAULT_PROJECT, EventFilter(), Page(limit=1000))
        return [*reversed(found)]

    async def having(self, *statuses: Status) -> list[ExecutionId]:
        """The executions in these states, oldest first."""
        async with self.database.read() as uow:
            where = ExecutionFilter(statuses=frozenset(statuses))
            found = await uow.executions.list(DEFAULT_PROJECT, where, Page(limit=1000))
        return [execution.id for execution in reversed(found)]

    async def ready(self) -> list[ExecutionId]:
        return await self.having(Status.QUEUED)

    async def waiting(self) -> list[ExecutionId]:
        return await self.having(Status.WAITING)

    async def difference(self) -> int:
        async with self.database.read() as uow:
            return (await uow.executions.balance(self.trigger)).difference


def definition(settings: str, *, more: str = "") -> str:
    return f"""
name: orders
triggers: {{hook: {{type: webhook, verify: none}}{more}}}
settings: {{{settings}}}
nodes: {{a: {{type: transform, value: 1}}}}
"""


@asynccontextmanager
async def open_hall(database: Database, settings: str) -> AsyncIterator[Hall]:
    """A hall with a published workflow."""
    hall = Hall(database)
    async with hall.parts.intake.commits:
        await hall.publish(settings)
        yield hall
