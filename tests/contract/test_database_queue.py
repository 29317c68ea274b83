"""What every database must do for the housekeeping: timers, dead owners, and executions nobody heard of."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from db.session import SqlDatabase
from engine.model.base import ExecutionId, ExecutorId
from engine.model.execution import Claimed, Status
from engine.model.workflow import Lane
from tests.contract.database_kits import (
    LATER,
    ME,
    SHE,
    Sample,
    claim,
    record,
    save,
    status_of,
    step,
)
from tests.fakes import START

pytestmark = pytest.mark.contract


async def waiting(database: SqlDatabase, sample: Sample, minutes: Sequence[int]) -> list[Claimed]:
    """Executions that wait so many minutes from ``LATER`` on, in this order."""
    claimed = await claim(database, await sample.start(database, len(minutes)))
    due = [LATER + timedelta(minutes=each) for each in minutes]
    await save(
        database,
        [record(each, Status.WAITING, due_at=at, wait_reason="delay") for each, at in zip(claimed, due, strict=True)],
    )
    return claimed


async def wake(database: SqlDatabase, limit: int = 100) -> list[tuple[ExecutionId, Lane]]:
    async with database.write() as work:
        woken = await work.executions.wake(LATER, limit=limit)
        await work.commit()
    return list(woken)


async def test_due_ones_are_woken_the_oldest_first(database: SqlDatabase, sample: Sample) -> None:
    first, late, second, third = await waiting(database, sample, [-30, 5, -20, 0])

    assert await wake(database, limit=2) == [(first.id, Lane.NORMAL), (second.id, Lane.NORMAL)]
    assert await wake(database) == [(third.id, Lane.NORMAL)]
    assert await wake(database) == []
    assert await status_of(database, late.id) is Status.WAITING


async def test_a_woken_one_is_queued_as_of_now_and_waits_for_nothing(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await waiting(database, sample, [-1])

    await wake(database)

    async with database.read() as work:
        stored = await work.executions.outcome(claimed.id)
    assert stored is not None
    assert (stored.status, stored.woken_at, stored.due_at, stored.wait_reason) == (Status.QUEUED, LATER, None, None)
    assert (stored.owner, stored.epoch, stored.started_at) == (None, claimed.epoch, LATER)


async def test_two_who_wake_at_once_never_get_the_same_one(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    claimed = await waiting(databases[0], sample, [-each for each in range(60)])

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(wake(databases[each % 2], limit=10)) for each in range(12)]

    woken = [id for task in tasks for id, _ in task.result()]
    assert len(woken) == len(set(woken))
    assert set(woken) | {id for id, _ in await wake(databases[0])} == {each.id for each in claimed}


async def test_one_that_waits_without_a_time_is_not_woken(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    await save(database, [record(claimed, Status.WAITING, wait_reason="callback")])

    assert await wake(database) == []
    async with database.read() as work:
        assert await work.executions.next_due() is None


async def test_the_next_due_time_is_the_earliest(database: SqlDatabase, sample: Sample) -> None:
    await waiting(database, sample, [30, 10, 20])

    async with database.read() as work:
        assert await work.executions.next_due() == LATER + timedelta(minutes=10)


async def test_executions_of_a_dead_owner_go_back_and_its_late_writes_fail(
    database: SqlDatabase, sample: Sample
) -> None:
    mine = await claim(database, await sample.start(database, 2, lane=Lane.HIGH))
    [hers] = await claim(database, await sample.start(database), SHE)

    async with database.write() as work:
        back = await work.executions.requeue([ME, ExecutorId("nobody")], now=LATER, limit=10)
        await work.commit()

    assert set(back) == {(each.id, Lane.HIGH) for each in mine}
    assert await status_of(database, hers.id) is Status.RUNNING
    assert await save(database, [record(each, Status.SUCCEEDED, steps=(step(),)) for each in mine]) == set()
    async with database.read() as work:
        stored = await work.executions.outcome(mine[0].id)
    assert stored is not None
    assert (stored.status, stored.owner, stored.epoch) == (Status.QUEUED, None, mine[0].epoch + 1)


async def test_a_crash_does_not_change_what_now_means(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    async with database.write() as work:
        await work.executions.requeue([ME], now=LATER + timedelta(minutes=5), limit=10)
        await work.commit()

    [again] = await claim(database, [claimed.id], SHE)

    assert again.woken_at == claimed.woken_at == START
    assert again.epoch > claimed.epoch


async def test_requeueing_stops_at_its_limit_and_needs_owners(database: SqlDatabase, sample: Sample) -> None:
    await claim(database, await sample.start(database, 5))

    async with database.write() as work:
        first = await work.executions.requeue([ME], now=LATER, limit=3)
        second = await work.executions.requeue([ME], now=LATER, limit=3)
        none = await work.executions.requeue([], now=LATER, limit=3)
        await work.commit()

    assert (len(first), len(second), none) == (3, 2, [])


async def test_two_reapers_at_once_never_get_the_same_one(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    claimed = await claim(databases[0], await sample.start(databases[0], 40))

    async def reap(database: SqlDatabase) -> list[ExecutionId]:
        async with database.write() as work:
            back = await work.executions.requeue([ME], now=LATER, limit=10)
            await work.commit()
        return [id for id, _ in back]

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(reap(databases[each % 2])) for each in range(8)]

    back = [id for task in tasks for id in task.result()]
    assert len(back) == len(set(back))
    assert set(back) | set(await reap(databases[0])) == {each.id for each in claimed}


async def test_owners_without_a_heartbeat_row_are_orphaners(database: SqlDatabase, sample: Sample) -> None:
    await claim(database, await sample.start(database, 3))
    await claim(database, await sample.start(database), SHE)
    async with database.write() as work:
        await work.liveness.beat(SHE, now=LATER, details={})
        await work.commit()

    async with database.read() as work:
        assert await work.executions.orphans(limit=10) == [ME]


async def test_the_unheard_are_the_oldest_queued_of_the_lane(database: SqlDatabase, sample: Sample) -> None:
    old = [
        (await sample.start(database, lane=lane, created_at=START - timedelta(minutes=age)))[0]
        for lane, age in ((Lane.NORMAL, 3), (Lane.NORMAL, 9), (Lane.LOW, 20), (Lane.NORMAL, 6))
    ]
    await sample.start(database)
    await claim(database, await sample.start(database, created_at=START - timedelta(hours=1)))

    async with database.read() as work:
        every = await work.executions.unheard(Lane.NORMAL, queued_before=START, limit=10)
        some = await work.executions.unheard(Lane.NORMAL, queued_before=START, limit=2)

    assert every == [old[1], old[3], old[0]]
    assert some == [old[1], old[3]]


async def test_a_requeued_one_is_not_unheard_at_once(database: SqlDatabase, sample: Sample) -> None:
    [claimed] = await claim(database, await sample.start(database))
    async with database.write() as work:
        await work.executions.requeue([ME], now=LATER, limit=10)
        await work.commit()

    async with database.read() as work:
        assert await work.executions.unheard(Lane.NORMAL, queued_before=LATER, limit=10) == []
        after = await work.executions.unheard(Lane.NORMAL, queued_before=LATER + timedelta(seconds=1), limit=10)
    assert after == [claimed.id]


async def test_the_overtaken_were_queued_long_before_a_running_one(database: SqlDatabase, sample: Sample) -> None:
    [left] = await sample.start(database)
    [near] = await sample.start(database, created_at=START + timedelta(seconds=50))
    [other] = await sample.start(database, lane=Lane.LOW)

    async with database.read() as work:
        assert await work.executions.overtaken(Lane.NORMAL, by=30, limit=10) == []
    await claim(database, await sample.start(database, created_at=START + timedelta(seconds=60)))

    async with database.read() as work:
        assert await work.executions.overtaken(Lane.NORMAL, by=30, limit=10) == [left]
        assert await work.executions.overtaken(Lane.NORMAL, by=5, limit=10) == [left, near]
        assert await work.executions.overtaken(Lane.LOW, by=0, limit=10) == []
    assert await status_of(database, other) is Status.QUEUED
