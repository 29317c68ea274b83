"""What every database must do with workflows, their versions, triggers and hooks."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.errors import Conflict, NotFound
from engine.model.base import TriggerId, VersionId, WorkflowId, new_id
from engine.model.execution import Status
from engine.model.trigger import Trigger
from engine.model.workflow import TriggerKind, WorkflowStatus
from engine.repositories import EventFilter, Page, StoredRoute
from tests.contract.database_kits import (
    LATER,
    OTHER_PROJECT,
    PROJECT,
    Sample,
    claim,
    record,
    save,
    step,
)
from tests.fakes import START

pytestmark = pytest.mark.contract


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def publish(database: SqlDatabase, sample: Sample, *triggers: Trigger) -> None:
    async with database.write() as work:
        await work.triggers.publish(sample.workflow_id, triggers)
        await work.commit()


async def set_hook(database: SqlDatabase, trigger_id: TriggerId, hook_id: str, path: str | None = None) -> None:
    async with database.write() as work:
        await work.triggers.set_hook(trigger_id, hook_id=hook_id, path=path)
        await work.commit()


async def by_hook(database: SqlDatabase, address: str) -> StoredRoute | None:
    async with database.read() as work:
        return await work.triggers.by_hook(address)


async def routes(database: SqlDatabase, sample: Sample) -> dict[str, Trigger]:
    async with database.read() as work:
        found = await work.triggers.list(PROJECT, workflow_id=sample.workflow_id)
    return {route.trigger.key: route.trigger for route in found}


async def test_a_workflow_is_found_by_id_and_by_name(database: SqlDatabase, sample: Sample) -> None:
    async with database.read() as work:
        found = [await work.workflows.find(PROJECT, key) for key in (sample.workflow_id, sample.name, "x", new_id())]
        elsewhere = await work.workflows.find(OTHER_PROJECT, sample.name)
        with pytest.raises(NotFound, match='"x"'):
            await work.workflows.get(PROJECT, "x")

    assert found == [sample.workflow(), sample.workflow(), None, None]
    assert elsewhere is None


async def test_a_name_is_given_once(database: SqlDatabase, sample: Sample) -> None:
    with pytest.raises(Conflict, match=sample.name):
        async with database.write() as work:
            await work.workflows.add(PROJECT, Sample(name=sample.name).workflow())


async def test_updating_writes_all_but_the_identity(database: SqlDatabase, sample: Sample) -> None:
    changed = sample.workflow(
        name="renamed", status=WorkflowStatus.PAUSED, published=None, latest=2, description="new", updated_at=LATER
    )

    async with database.write() as work:
        await work.workflows.update(changed, expected_latest=1)
        await work.commit()

    async with database.read() as work:
        assert await work.workflows.get(PROJECT, "renamed") == changed


async def test_of_two_who_save_at_once_one_is_told_to_read_again(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    async def save_as(database: SqlDatabase, description: str) -> bool:
        async with database.write() as work:
            try:
                await work.workflows.update(sample.workflow(latest=2, description=description), expected_latest=1)
            except Conflict:
                return False
            await work.commit()
            return True

    results = await asyncio.gather(save_as(databases[0], "a"), save_as(databases[1], "b"))

    assert sorted(results) == [False, True]


async def test_a_taken_name_and_a_deleted_workflow_are_not_updated(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    await other.install(database)

    async with database.write() as work:
        with pytest.raises(Conflict, match=other.name):
            await work.workflows.update(sample.workflow(name=other.name))
        with pytest.raises(NotFound):
            await work.workflows.update(Sample().workflow())
        await work.commit()

    async with database.read() as work:
        assert await work.workflows.get(PROJECT, sample.workflow_id) == sample.workflow()


async def test_workflows_are_listed_newest_first_by_status_and_part_of_the_name(database: SqlDatabase) -> None:
    samples = [Sample(name=name) for name in ("Paid orders", "100% done", "unpaid_orders", "UNPAID")]
    for each in samples:
        await each.install(database, status=WorkflowStatus.PAUSED if each.name == "UNPAID" else WorkflowStatus.ACTIVE)

    async def names(page: Page | None = None, **filters: object) -> set[str]:
        async with database.read() as work:
            found = await work.workflows.list(PROJECT, page or Page(), **filters)  # type: ignore[arg-type]
        assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
        return {each.name for each in found}

    assert len(await names()) == 4
    assert await names(name="paid") == {"Paid orders", "unpaid_orders", "UNPAID"}
    assert await names(name="0%") == {"100% done"}
    assert await names(name="d_o") == {"unpaid_orders"}
    assert await names(status=WorkflowStatus.PAUSED) == {"UNPAID"}
    last = min(each.workflow_id for each in samples)
    assert await names(Page(after=last)) == set()
    assert len(await names(Page(limit=3))) == 3


async def test_versions_are_kept_by_number(database: SqlDatabase, sample: Sample) -> None:
    second = sample.version(id=VersionId(new_id()), number=2, document={"b": 1, "a": [None]}, note="wider")
    async with database.write() as work:
        await work.workflows.add_version(second)
        with pytest.raises(Conflict, match="version 2"):
            await work.workflows.add_version(sample.version(id=VersionId(new_id()), number=2))
        with pytest.raises(NotFound):
            await work.workflows.add_version(Sample().version())
        await work.commit()

    async with database.read() as work:
        assert await work.workflows.versions(sample.workflow_id) == [second, sample.version()]
        assert await work.workflows.version(second.id) == second
        assert await work.workflows.version_by_number(sample.workflow_id, 1) == sample.version()
        for version_id in (new_id(), "x"):
            with pytest.raises(NotFound):
                await work.workflows.version(VersionId(version_id))
        with pytest.raises(NotFound):
            await work.workflows.version_by_number(sample.workflow_id, 3)


async def test_deleting_a_workflow_takes_everything_along(database: SqlDatabase, sample: Sample) -> None:
    await set_hook(database, sample.trigger_id, "h1", "orders")
    other = Sample()
    await other.install(database)
    for each in (sample, other):
        [claimed] = await claim(database, await each.start(database))
        await save(database, [record(claimed, Status.SUCCEEDED, steps=(step(),))])

    async with database.write() as work:
        await work.workflows.delete(sample.workflow_id)
        await work.commit()

    async with database.read() as work:
        assert await work.workflows.find(PROJECT, sample.workflow_id) is None
        assert await work.workflows.versions(sample.workflow_id) == []
        assert await work.triggers.route(sample.trigger_id) is None
        events = await work.events.list(PROJECT, EventFilter(), Page())
        totals = await work.executions.totals()
    assert [event.workflow_id for event in events] == [other.workflow_id]
    assert totals[Status.SUCCEEDED] == 1
    assert await by_hook(database, "orders") is None


async def test_the_stamp_rises_with_every_touch(databases: Sequence[SqlDatabase]) -> None:
    async def touch(database: SqlDatabase) -> None:
        async with database.write() as work:
            await work.triggers.touch()
            await work.commit()

    async with asyncio.TaskGroup() as group:
        for number in range(10):
            group.create_task(touch(databases[number % 2]))

    async with databases[0].read() as work:
        assert await work.triggers.stamp() == 11


async def test_a_published_trigger_is_routed_with_its_workflow(database: SqlDatabase, sample: Sample) -> None:
    async with database.read() as work:
        route = await work.triggers.route(sample.trigger_id)
        unknown = [await work.triggers.route(TriggerId(id)) for id in (new_id(), "x")]

    assert route == StoredRoute(
        trigger=sample.trigger(), workflow_status=WorkflowStatus.ACTIVE, workflow_name=sample.name
    )
    assert unknown == [None, None]


async def test_publishing_again_keeps_ids_cursors_and_hooks(database: SqlDatabase, sample: Sample) -> None:
    await set_hook(database, sample.trigger_id, "h1", "orders")
    async with database.write() as work:
        assert await work.triggers.advance(sample.trigger_id, seen=None, to="2026-01-01", next_due_at=LATER)
        await work.commit()
    newer = VersionId(new_id())

    await publish(
        database, sample, sample.trigger(id=TriggerId(new_id()), version_id=newer, enabled=False, hook_id="ignored")
    )

    found = (await routes(database, sample))["incoming"]
    assert found == sample.trigger(
        version_id=newer, enabled=False, cursor="2026-01-01", next_due_at=LATER, hook_id="h1"
    )
    assert (await by_hook(database, "orders")) is not None


async def test_a_trigger_that_is_gone_becomes_inactive_and_may_come_back(database: SqlDatabase, sample: Sample) -> None:
    await set_hook(database, sample.trigger_id, "h1", "orders")
    other = sample.trigger(id=TriggerId(new_id()), key="other", kind=TriggerKind.MANUAL)

    await publish(database, sample, other)
    after = await routes(database, sample)
    await publish(database, sample, sample.trigger(), other)

    assert (after["incoming"].active, after["other"].active) == (False, True)
    assert after["incoming"].hook_id == "h1"
    assert {trigger.active for trigger in (await routes(database, sample)).values()} == {True}
    assert (await routes(database, sample))["incoming"].id == sample.trigger_id


async def test_an_inactive_trigger_gives_up_its_path_but_not_its_hook_id(database: SqlDatabase, sample: Sample) -> None:
    await set_hook(database, sample.trigger_id, "h1", "orders")
    other = Sample()
    await other.install(database)

    await publish(database, sample)
    await set_hook(database, other.trigger_id, "h2", "orders")

    by_path, by_id = await by_hook(database, "orders"), await by_hook(database, "h1")
    assert by_path is not None
    assert by_path.trigger.id == other.trigger_id
    assert by_id is not None
    assert (by_id.trigger.id, by_id.trigger.active) == (sample.trigger_id, False)


async def test_a_trigger_may_bring_its_first_hook_along(database: SqlDatabase, sample: Sample) -> None:
    await publish(database, sample, sample.trigger(hook_id="h1"))

    found = await by_hook(database, "h1")
    assert found is not None
    assert found.trigger == sample.trigger(hook_id="h1")
    other = Sample()
    await other.install(database)
    with pytest.raises(Conflict, match='"h1"'):
        await publish(database, other, other.trigger(hook_id="h1"))


async def test_a_path_belongs_to_one_trigger(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    await other.install(database)
    await set_hook(database, sample.trigger_id, "h1", "orders")

    for hook_id, path in (("h2", "orders"), ("h1", None)):
        with pytest.raises(Conflict, match="belongs to another trigger"):
            await set_hook(database, other.trigger_id, hook_id, path)
    with pytest.raises(NotFound):
        await set_hook(database, TriggerId(new_id()), "h3")

    found = await by_hook(database, "orders")
    assert found is not None
    assert found.trigger.id == sample.trigger_id


async def test_an_address_replaces_the_one_before(database: SqlDatabase, sample: Sample) -> None:
    await set_hook(database, sample.trigger_id, "h1", "old")

    await set_hook(database, sample.trigger_id, "h1", "new")
    assert await by_hook(database, "old") is None
    assert await by_hook(database, "new") is not None

    await set_hook(database, sample.trigger_id, "h2")
    assert await by_hook(database, "new") is await by_hook(database, "h1") is None
    assert await by_hook(database, "h2") is not None


async def test_a_path_that_looks_like_anothers_hook_id_does_not_hide_it(database: SqlDatabase, sample: Sample) -> None:
    other = Sample()
    await other.install(database)
    await set_hook(database, sample.trigger_id, "h1")
    await set_hook(database, other.trigger_id, "h2", "h1")

    found = await by_hook(database, "h1")

    assert found is not None
    assert found.trigger.id == sample.trigger_id


async def test_triggers_are_found_and_listed(database: SqlDatabase, sample: Sample) -> None:
    tick = sample.trigger(id=TriggerId(new_id()), key="tick", kind=TriggerKind.SCHEDULE)
    await publish(database, sample, sample.trigger(), tick)
    await Sample().install(database)

    async with database.read() as work:
        assert await work.triggers.find_by_key(sample.workflow_id, "tick") == tick
        assert await work.triggers.find_by_key(sample.workflow_id, "nothing") is None
        assert await work.triggers.find_by_key(WorkflowId(new_id()), "tick") is None
        everything = [route.trigger.id for route in await work.triggers.list(PROJECT)]
        schedules = await work.triggers.list(PROJECT, kind=TriggerKind.SCHEDULE)
        assert await work.triggers.list(OTHER_PROJECT) == []
    assert len(everything) == 3
    assert everything == sorted(everything)
    assert [route.trigger for route in schedules] == [tick]


async def test_a_trigger_knows_its_last_event(database: SqlDatabase, sample: Sample) -> None:
    async with database.write() as work:
        for at in (START, LATER):
            await work.events.insert([sample.event(accepted_at=at)])
        await work.commit()

    assert (await routes(database, sample))["incoming"].last_event_at == LATER


@pytest.mark.parametrize(
    ("status", "enabled", "published", "due"),
    [
        (WorkflowStatus.ACTIVE, True, True, True),
        (WorkflowStatus.PAUSED, True, True, True),
        (WorkflowStatus.ARCHIVED, True, True, False),
        (WorkflowStatus.DRAFT, True, True, False),
        (WorkflowStatus.ACTIVE, False, True, False),
        (WorkflowStatus.ACTIVE, True, False, False),
    ],
)
async def test_schedules_are_the_live_ones(
    database: SqlDatabase, status: WorkflowStatus, enabled: bool, published: bool, due: bool
) -> None:
    timed = Sample()
    await timed.install(database, status=status)
    trigger = timed.trigger(kind=TriggerKind.SCHEDULE, enabled=enabled)
    await publish(database, timed, trigger)
    if not published:
        await publish(database, timed)

    async with database.read() as work:
        found = [route.trigger.id for route in await work.triggers.schedules()]

    assert found == ([trigger.id] if due else [])


async def test_a_cursor_is_moved_by_one_of_two(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    async def advance(database: SqlDatabase, seen: str | None, to: str) -> bool:
        async with database.write() as work:
            moved = await work.triggers.advance(
                sample.trigger_id, seen=seen, to=to, next_due_at=LATER + timedelta(days=1)
            )
            await work.commit()
        return moved

    first = await asyncio.gather(*(advance(database, None, "a") for database in databases))
    second = await asyncio.gather(*(advance(database, "a", "b") for database in databases))
    stale = await advance(databases[0], "a", "c")

    assert sorted(first) == sorted(second) == [False, True]
    assert stale is False
    found = (await routes(databases[0], sample))["incoming"]
    assert (found.cursor, found.next_due_at) == ("b", LATER + timedelta(days=1))
