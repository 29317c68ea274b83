"""What every database must do about parents and children: one child per attempt, no lost end, and no child left over."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db.session import SqlDatabase
from engine.abandoned import AbandonedChildren
from engine.brokers.inprocess import InProcessBroker
from engine.children import Children
from engine.definition import load_document
from engine.graphs import Graphs
from engine.intake import Intake
from engine.model.arrival import Awaited
from engine.model.base import ExecutionId
from engine.model.event import Fate
from engine.model.execution import Claimed, Failure, Status, StepStatus
from engine.model.workflow import TriggerKind
from engine.nodes.child import ChildOrder
from engine.resumer import Resumer
from engine.routes import Routes
from tests.contract.database_kits import LATER, ME, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract

DUE = LATER + timedelta(hours=1)
DOCUMENT = {
    "name": "child",
    "triggers": {"incoming": {"type": "manual"}},
    "nodes": {"a": {"type": "transform", "value": 1}},
}


class Family:
    """A published child, and a parent of it that is being run."""

    def __init__(self, databases: Sequence[SqlDatabase]) -> None:
        self.databases = databases
        self.child, self.parent = Sample(), Sample()
        self.heard = RecordingAnnouncements()

    async def install(self) -> Claimed:
        database = self.databases[0]
        async with database.write() as work:
            await work.workflows.add(PROJECT, self.child.workflow(name="child"))
            await work.workflows.add_version(self.child.version(document=DOCUMENT))
            await work.triggers.publish(self.child.workflow_id, [self.child.trigger(kind=TriggerKind.MANUAL)])
            await work.triggers.touch()
            await work.commit()
        await self.parent.install(database)
        [id] = await self.parent.start(database)
        [claimed] = await claim(database, [id])
        return claimed

    def children(self, number: int = 0) -> Children:
        database, clock = self.databases[number], FakeClock(LATER)
        graphs = Graphs(database, load_document)
        intake = Intake(database=database, routes=Routes(database, graphs), announcements=self.heard, clock=clock)
        return Children(database=database, broker=InProcessBroker(), intake=intake, graphs=graphs, clock=clock)

    def order(self, claimed: Claimed, **changes: Any) -> ChildOrder:
        whole = ChildOrder(
            project_id=PROJECT,
            execution_id=claimed.id,
            epoch=claimed.epoch,
            path="ask",
            slot="1",
            workflow="child",
            version="published",
            data={"n": 1},
            awaited=True,
        )
        return replace(whole, **changes)

    async def suspend(self, claimed: Claimed, **changes: Any) -> None:
        changes = {"status": StepStatus.WAITING, "wait_reason": "child", "due_at": DUE, "finished_at": None} | changes
        steps = (step("ask", **changes),)
        waiting = record(claimed, Status.WAITING, steps=steps, due_at=DUE, wait_reason="child")
        assert await save(self.databases[0], [waiting])

    async def all(self, parent: ExecutionId) -> list[ExecutionId]:
        async with self.databases[0].read() as work:
            return [child.execution.id for child in await work.children.of(parent, "ask")]


@pytest.fixture
def family(databases: Sequence[SqlDatabase]) -> Family:
    return Family(databases)


async def test_however_often_it_is_asked_for_there_is_one_child(family: Family) -> None:
    parent = await family.install()

    begun = await asyncio.gather(*(family.children(n % 2).begin(family.order(parent)) for n in range(6)))

    assert len({each.execution_id for each in begun}) == 1
    assert await family.all(parent.id) == [begun[0].execution_id]
    assert [id for _, id in family.heard.told] == [begun[0].execution_id]
    async with family.databases[0].read() as work:
        event = await work.events.find(PROJECT, begun[0].event_id)  # type: ignore[arg-type]
    assert event is not None
    assert event.fate is Fate.STARTED
    assert event.envelope["parent"]["execution_id"] == parent.id


async def test_an_owner_that_lost_the_parent_starts_nothing(family: Family) -> None:
    parent = await family.install()
    async with family.databases[0].write() as work:
        await work.executions.requeue([ME], now=LATER, limit=10)
        await work.commit()

    begun = await family.children().begin(family.order(parent))

    assert begun.event_id is None
    assert await family.all(parent.id) == []


async def test_a_parent_that_was_cancelled_starts_nothing_and_one_that_is_cancelled_afterwards_leaves_no_child(
    family: Family,
) -> None:
    parent = await family.install()
    database = family.databases[0]

    async def cancel() -> None:
        async with family.databases[1].write() as work:
            await work.executions.cancel(parent.id, now=LATER, reason="enough")
            await work.commit()

    await asyncio.gather(family.children().begin(family.order(parent)), cancel())
    await AbandonedChildren(database, InProcessBroker(), FakeClock(LATER)).tick()

    assert {await status_of(database, child) for child in await family.all(parent.id)} <= {Status.CANCELLED}
    assert (await family.children().begin(family.order(parent))).event_id is None


async def test_the_end_of_the_child_wakes_the_parent_in_the_same_transaction(family: Family) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent))
    assert begun.execution_id is not None
    await family.suspend(parent)
    [child] = await claim(family.databases[0], [begun.execution_id])

    async with family.databases[0].write() as work:
        await work.executions.record([record(child, Status.SUCCEEDED, output=7)])
        woken = list(work.executions.woken)
        await work.commit()

    assert [id for id, _ in woken] == [parent.id]
    [again] = await claim(family.databases[0], [parent.id])
    (arrival,) = again.arrivals["ask"]
    assert (arrival.kind, arrival.payload) == (Awaited.CHILD, {"execution_id": child.id})
    ended = (await family.children().begin(family.order(again))).ended
    assert ended is not None
    assert (ended.status, ended.output) == (Status.SUCCEEDED, 7)


async def test_no_end_is_lost_when_the_child_ends_at_the_moment_the_parent_begins_to_wait(family: Family) -> None:
    parents = [await family.install()]
    ids = await family.parent.start(family.databases[0], 15)
    parents += await claim(family.databases[0], ids)
    begun = [await family.children().begin(family.order(parent)) for parent in parents]
    children = await claim(family.databases[0], [each.execution_id for each in begun if each.execution_id])

    async with asyncio.TaskGroup() as group:
        for parent, child in zip(parents, children, strict=True):
            group.create_task(family.suspend(parent))
            group.create_task(save(family.databases[1], [record(child, Status.SUCCEEDED)]))
    await Resumer(family.databases[1], family.heard, FakeClock(LATER)).tick()

    assert {await status_of(family.databases[0], parent.id) for parent in parents} == {Status.QUEUED}


async def test_a_child_that_has_ended_before_it_is_asked_for_again_is_found_ended(family: Family) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent))
    assert begun.execution_id is not None
    [child] = await claim(family.databases[0], [begun.execution_id])
    await save(family.databases[0], [record(child, Status.FAILED, error=Failure(code="x", message="y"))])

    again = await family.children().begin(family.order(parent))

    assert again.ended is not None
    assert again.ended.id == child.id


async def test_another_attempt_starts_another_child_unless_an_earlier_one_lives(family: Family) -> None:
    parent = await family.install()
    first = await family.children().begin(family.order(parent))
    second = family.order(parent, slot="2")

    joined = await family.children().begin(second)
    assert joined.execution_id == first.execution_id, "a replay brought it to life, or it never ended"
    [child] = await claim(family.databases[0], await family.all(parent.id))
    await save(family.databases[0], [record(child, Status.FAILED, error=Failure(code="x", message="y"))])
    fresh = await family.children().begin(second)

    assert fresh.execution_id not in (None, first.execution_id)
    assert len(await family.all(parent.id)) == 2


async def test_a_child_that_is_cancelled_by_a_person_wakes_its_parent(family: Family) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent))
    assert begun.execution_id is not None
    await family.suspend(parent)

    async with family.databases[0].write() as work:
        await work.executions.cancel(begun.execution_id, now=LATER, reason="no")
        await work.commit()

    assert await status_of(family.databases[0], parent.id) is Status.QUEUED


@pytest.mark.parametrize(
    ("status", "kept"),
    [(StepStatus.WAITING, True), (StepStatus.FAILED, False), (StepStatus.CANCELLED, False)],
)
async def test_the_sweep_cancels_children_of_steps_that_went_on_without_them(
    family: Family, status: StepStatus, *, kept: bool
) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent))
    assert begun.execution_id is not None
    await family.suspend(parent, status=status)
    abandoned = AbandonedChildren(family.databases[0], InProcessBroker(), FakeClock(LATER), page=1)

    await abandoned.tick()
    await abandoned.tick()

    found = await status_of(family.databases[0], begun.execution_id)
    assert found is (Status.QUEUED if kept else Status.CANCELLED)


async def test_children_of_a_failed_parent_run_on_because_a_replay_waits_for_them_again(family: Family) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent))
    assert begun.execution_id is not None
    steps = (step("ask", status=StepStatus.CANCELLED, wait_reason="child"),)
    await save(family.databases[0], [record(parent, Status.FAILED, steps=steps)])

    await AbandonedChildren(family.databases[0], InProcessBroker(), FakeClock(LATER)).tick()

    assert await status_of(family.databases[0], begun.execution_id) is Status.QUEUED


async def test_listing_by_parent_shows_its_children(family: Family) -> None:
    parent = await family.install()
    begun = await family.children().begin(family.order(parent, awaited=False))

    async with family.databases[0].read() as work:
        assert begun.execution_id is not None
        child = await work.executions.find(PROJECT, begun.execution_id)
        assert await work.children.live_of(parent.id) == [], "nobody waits for it"
        assert list(await work.children.lineage(begun.execution_id)) == [family.parent.name, "child"]

    assert child is not None
    assert (child.parent_id, child.parent_path, child.depth) == (parent.id, "ask", 1)
