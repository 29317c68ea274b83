"""What every database must do when history is forgotten: find it, let go of it in parts, and keep nobody waiting."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from db.repositories.pruning import WINDOW
from db.session import SqlDatabase
from engine.model.base import ExecutionId, new_id
from engine.model.event import Fate
from engine.model.execution import Status
from engine.model.workflow import Retention
from engine.pruner import Pruner
from engine.repositories import EventFilter, Page
from tests.contract.database_kits import LATER, OTHER_PROJECT, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import START, FakeClock

pytestmark = pytest.mark.contract

DAY = timedelta(days=1)
SHORT_SECONDS, LONGEST_SECONDS = 0.2, 1.0
"""What 99 of 100 writes may take and what any may: the machine that tests has more to do."""


@pytest.fixture
async def sample(database: SqlDatabase) -> Sample:
    installed = Sample()
    await installed.install(database)
    return installed


async def finished(database: SqlDatabase, sample: Sample, count: int = 1, *, steps: int = 1) -> list[ExecutionId]:
    """Executions that succeeded at ``LATER``, in the order of their making."""
    ids = []
    for start in range(0, count, 200):
        claimed = await claim(database, await sample.start(database, min(200, count - start)))
        rows = tuple(step(f"s{number}", seq=number + 1) for number in range(steps))
        await save(database, [record(each, Status.SUCCEEDED, steps=rows) for each in claimed])
        ids += [each.id for each in claimed]
    return sorted(ids)


async def expired(database: SqlDatabase, sample: Sample, *, before: timedelta = DAY, limit: int = 10) -> Sequence[str]:
    async with database.read() as work:
        return await work.executions.expired(sample.workflow_id, before=START + before, limit=limit)


async def test_expired_ones_are_found_behind_many_that_are_not(database: SqlDatabase, sample: Sample) -> None:
    await sample.start(database, WINDOW + 5)
    (old,) = await finished(database, sample)
    await sample.start(database, WINDOW, created_at=START + 2 * DAY)

    assert await expired(database, sample) == [old]
    assert await expired(database, sample, before=timedelta(hours=1)) == []


async def test_events_that_started_nothing_are_found_behind_many_that_did(
    database: SqlDatabase, sample: Sample
) -> None:
    await sample.start(database, WINDOW + 5)
    refused = sample.event(fate=Fate.FILTERED, execution_id=None)
    async with database.write() as work:
        await work.events.insert([refused])
        await work.commit()

    async with database.read() as work:
        assert await work.events.expired(sample.workflow_id, before=LATER, limit=10) == [refused.id]
        assert await work.events.expired(sample.workflow_id, before=START, limit=10) == []


async def test_the_newest_final_ones_are_kept_and_the_oldest_of_the_others_go_first(
    database: SqlDatabase, sample: Sample
) -> None:
    ids = await finished(database, sample, 5)
    await sample.start(database, 2)

    async with database.read() as work:
        surplus = [
            await work.executions.surplus(sample.workflow_id, keep=keep, limit=limit)
            for keep, limit in ((5, 10), (3, 10), (1, 2), (100, 10))
        ]

    assert surplus == [[], ids[:2], ids[:2], []]


async def test_what_was_revived_meanwhile_is_not_removed(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    database, other = databases
    [claimed, *_] = await claim(database, await sample.start(database))
    await save(database, [record(claimed, Status.FAILED)])
    assert await expired(database, sample) == [claimed.id]

    async with other.write() as work:
        await work.executions.revive(claimed.id, now=LATER, deadline_at=LATER + DAY)
        await work.commit()

    async with database.write() as work:
        assert await work.executions.lock_final([claimed.id, ExecutionId(new_id())]) == []
    assert await status_of(database, claimed.id) is Status.QUEUED


async def test_steps_and_repeats_go_in_parts(database: SqlDatabase, sample: Sample) -> None:
    event = sample.event()
    repeats = [replace(event, id=sample.event().id, fate=Fate.DUPLICATE, first_event_id=event.id) for _ in range(5)]
    async with database.write() as work:
        await work.events.insert([event, *repeats])
        await work.executions.insert([sample.execution(event)])
        await work.commit()
    assert event.execution_id is not None
    [claimed] = await claim(database, [event.execution_id])
    await save(database, [record(claimed, Status.SUCCEEDED, steps=tuple(step(f"s{n}", seq=n + 1) for n in range(5)))])
    other = await finished(database, sample, steps=3)

    async with database.write() as work:
        went = [await work.executions.trim([claimed.id], limit=3) for _ in range(3)]
        assert await work.executions.trim([], limit=3) == 0
        await work.commit()

    async with database.read() as work:
        left = await work.events.list(PROJECT, EventFilter(), Page())
        assert len(await work.executions.steps(other[0])) == 3
        assert await work.executions.steps(claimed.id) == ()
    assert went == [6, 4, 0]
    assert event.id in {each.id for each in left}
    assert not {each.id for each in repeats} & {each.id for each in left}


async def test_workflows_of_all_projects_are_listed_for_the_house(database: SqlDatabase, sample: Sample) -> None:
    elsewhere = Sample()
    async with database.write() as work:
        await work.transaction.fetch(
            "INSERT INTO projects (id, name, created_at) SELECT "
            f"'{OTHER_PROJECT}', 'other', created_at FROM projects WHERE id = '{PROJECT}' "
            "ON CONFLICT DO NOTHING"
        )
        await work.workflows.add(OTHER_PROJECT, elsewhere.workflow())
        await work.commit()

    async with database.read() as work:
        first = await work.workflows.everywhere(Page(limit=1))
        second = await work.workflows.everywhere(Page(limit=1, after=first[0].id))

    assert {each[0].id for each in (first, second)} == {sample.workflow_id, elsewhere.workflow_id}


async def test_nobody_who_writes_waits_long_while_much_is_removed(database: SqlDatabase, sample: Sample) -> None:
    """Hundreds of executions, and one with very many steps, go while events are stored without a pause."""
    await finished(database, sample, 600, steps=4)
    [long] = await claim(database, await sample.start(database))
    for start in range(0, 6_000, 2_000):
        rows = tuple(step(f"loop[{number}].a", seq=number + 1) for number in range(start, start + 2_000))
        await save(database, [record(long, Status.RUNNING, steps=rows)])
    await save(database, [record(long, Status.SUCCEEDED)])
    clock = FakeClock(START + 2 * DAY)
    pruner = Pruner(database, clock, retention=Retention(age=DAY), batch=500)
    waits: list[float] = []
    newer: list[ExecutionId] = []

    async def write_all_the_time() -> None:
        while True:
            began = time.perf_counter()
            newer.extend(await sample.start(database, created_at=clock.now()))
            waits.append(time.perf_counter() - began)
            await asyncio.sleep(0.001)

    async with asyncio.TaskGroup() as group:
        writing = group.create_task(write_all_the_time())
        while (rest := await pruner.tick()) < timedelta(minutes=1):
            await asyncio.sleep(min(rest.total_seconds(), 0.05))
        writing.cancel()

    async with database.read() as work:
        assert await work.executions.expired(sample.workflow_id, before=clock.now() - DAY, limit=1) == []
        assert await work.executions.steps(long.id) == ()
        assert [each for each in newer if await work.executions.outcome(each) is None] == []
    assert len(waits) > 20
    assert sorted(waits)[len(waits) * 99 // 100 - 1] < SHORT_SECONDS
    assert max(waits) < LONGEST_SECONDS
