"""What people's control over workflows and executions comes to, on every database: nothing is stuck, order is kept."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.brokers.inprocess import InProcessBroker
from engine.definition import Outside, load_document
from engine.graphs import Graphs
from engine.holding import Releaser
from engine.intake import Intake
from engine.model.base import ExecutionId, ExecutorId, new_id
from engine.model.event import Fate, NewEvent
from engine.model.execution import ExecutionRecord, Status
from engine.publishing import Publishing
from engine.reaper import Reaper
from engine.replay import Control
from engine.repositories import EventFilter, Page
from engine.routes import Routes
from tests.contract.database_kits import PROJECT, status_of
from tests.fakes import FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract

ACTOR = "key:ann"
TEXT = """
name: orders
triggers: {hook: {type: webhook, verify: none}}
nodes: {a: {type: transform, value: 1}}
"""


class Hub:
    """The parts of one process that people touch, on one database."""

    def __init__(self, database: SqlDatabase) -> None:
        self.clock = FakeClock()
        self.database = database
        self.told = RecordingAnnouncements()
        self.broker = InProcessBroker()
        self.graphs = Graphs(database, load_document)
        self.intake = Intake(
            database=database, routes=Routes(database, self.graphs), announcements=self.told, clock=self.clock
        )
        self.publishing = Publishing(database=database, broker=self.broker, clock=self.clock, outside=Outside())
        self.control = Control(
            database=database, broker=self.broker, graphs=self.graphs, announcements=self.told, clock=self.clock
        )
        self.releaser = Releaser(database=database, graphs=self.graphs, announcements=self.told, clock=self.clock)

    async def publish(self) -> str:
        saved = await self.publishing.create(PROJECT, TEXT, actor=ACTOR)
        await self.publishing.publish(PROJECT, saved.workflow.id, actor=ACTOR)
        return saved.workflow.id

    async def accept(self, workflow: str, numbers: Sequence[int]) -> list[ExecutionId | None]:
        """Accept one event after the other."""
        async with self.database.read() as work:
            known = await work.workflows.get(PROJECT, workflow)
            trigger = await work.triggers.find_by_key(known.id, "hook")
        assert trigger is not None
        receipts = []
        async with self.intake.commits:
            for number in numbers:
                now = self.clock.advance(0.001)
                event = NewEvent(trigger_id=trigger.id, dedupe_key=None, occurred_at=now, data=number)
                receipts.append(await self.intake.accept(event))
        return [receipt.execution_id for receipt in receipts]


async def test_a_resumed_workflow_starts_what_it_held_in_the_order_of_acceptance(database: SqlDatabase) -> None:
    hub = Hub(database)
    workflow = await hub.publish()
    await hub.publishing.pause(PROJECT, workflow, actor=ACTOR)
    assert await hub.accept(workflow, range(20)) == [None] * 20
    await hub.releaser.tick()
    assert hub.told.told == []

    await hub.publishing.resume(PROJECT, workflow, actor=ACTOR)
    await hub.releaser.tick()

    async with database.read() as work:
        events = await work.events.list(PROJECT, EventFilter(fate=Fate.STARTED), Page(limit=200))
        assert list(await work.events.list(PROJECT, EventFilter(fate=Fate.HELD), Page())) == []
    by_execution = {event.execution_id: event.data for event in events}
    assert [by_execution[execution_id] for _, execution_id in hub.told.told] == list(range(20))
    assert sorted(by_execution, key=str) == [execution_id for _, execution_id in hub.told.told], (
        "ids sort like that, too"
    )


@pytest.mark.parametrize("heartbeat", ["none", "overdue"])
async def test_cancelling_ends_an_execution_whose_executor_is_gone_and_nobody_brings_it_back(
    database: SqlDatabase, heartbeat: str
) -> None:
    hub = Hub(database)
    [execution_id] = await hub.accept(await hub.publish(), [1])
    assert execution_id is not None
    gone = ExecutorId(new_id())
    async with database.write() as work:
        if heartbeat == "overdue":
            await work.liveness.beat(gone, now=hub.clock.now(), details={})
        (claimed,) = await work.executions.claim([execution_id], owner=gone, now=hub.clock.now())
        await work.commit()
    hub.clock.advance(timedelta(minutes=1))

    await hub.control.cancel(PROJECT, execution_id, actor=ACTOR)
    await Reaper(database, hub.told, hub.clock).tick()
    late = ExecutionRecord(id=execution_id, owner=gone, epoch=claimed.epoch, status=Status.SUCCEEDED)
    async with database.write() as work:
        counted = await work.executions.record([late])
        await work.commit()

    assert counted == set()
    assert await status_of(database, execution_id) is Status.CANCELLED
    async with database.read() as work:
        shown = await work.executions.outcome(execution_id)
        assert shown is not None
        assert shown.trigger_id is not None
        assert (await work.executions.balance(shown.trigger_id)).difference == 0
