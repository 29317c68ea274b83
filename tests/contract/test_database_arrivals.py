"""What every database must do about things that come from outside: store them once, and lose no wake-up."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.session import SqlDatabase
from engine.arrivals import Arrivals, Welcome
from engine.model.arrival import Arrival, Awaited
from engine.model.base import ExecutionId, new_id
from engine.model.execution import Claimed, Status, StepStatus
from engine.resumer import Resumer
from tests.contract.database_kits import LATER, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import START, FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract

DUE = LATER + timedelta(hours=1)


def door(database: SqlDatabase, clock: FakeClock | None = None) -> Arrivals:
    return Arrivals(database=database, announcements=RecordingAnnouncements(), clock=clock or FakeClock(LATER))


def resumer(database: SqlDatabase) -> Resumer:
    return Resumer(database, RecordingAnnouncements(), FakeClock(LATER))


def waits(path: str = "ask", *, due_at: datetime = DUE, **changes: Any) -> Any:
    changes = {"wait_reason": "callback", "finished_at": None, "ports": ()} | changes
    return step(path, status=StepStatus.WAITING, due_at=due_at, **changes)


async def suspend(database: SqlDatabase, claimed: Claimed, *paths: str) -> None:
    steps = tuple(waits(path, seq=number) for number, path in enumerate(paths, start=1))
    assert await save(database, [record(claimed, Status.WAITING, steps=steps, due_at=DUE, wait_reason="callback")])


async def start_waiting(database: SqlDatabase, sample: Sample, *paths: str) -> ExecutionId:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    await suspend(database, claimed, *(paths or ("ask",)))
    return id


async def test_what_comes_for_a_waiting_step_queues_its_execution_and_comes_with_the_claim(
    database: SqlDatabase, sample: Sample
) -> None:
    id = await start_waiting(database, sample)

    assert await door(database).callback(id, "ask", {"ok": True}, by="me") is Welcome.TAKEN

    assert await status_of(database, id) is Status.QUEUED
    [claimed] = await claim(database, [id])
    arrival = Arrival(
        execution_id=id, path="ask", kind=Awaited.CALLBACK, payload={"ok": True}, arrived_at=LATER, by="me"
    )
    assert claimed.arrivals == {"ask": (arrival,)}


async def test_the_second_is_told_so_and_changes_nothing(database: SqlDatabase, sample: Sample) -> None:
    id = await start_waiting(database, sample)
    await door(database).callback(id, "ask", 1, by="")

    assert await door(database).callback(id, "ask", 2, by="") is Welcome.REPEATED

    [claimed] = await claim(database, [id])
    assert [arrival.payload for arrival in claimed.arrivals["ask"]] == [1]


async def test_many_at_once_are_one(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    id = await start_waiting(databases[0], sample)

    told = await asyncio.gather(*(door(databases[n % 2]).callback(id, "ask", n, by="") for n in range(8)))

    assert sorted(told) == [Welcome.REPEATED] * 7 + [Welcome.TAKEN]
    [claimed] = await claim(databases[0], [id])
    assert [arrival.payload for arrival in claimed.arrivals["ask"]] == [told.index(Welcome.TAKEN)]


async def test_what_comes_while_the_execution_runs_wakes_it_once_it_waits(
    database: SqlDatabase, sample: Sample
) -> None:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])

    assert await door(database).callback(id, "ask", 1, by="") is Welcome.TAKEN
    await resumer(database).tick()
    assert await status_of(database, id) is Status.RUNNING
    await suspend(database, claimed, "ask")
    await resumer(database).tick()

    assert await status_of(database, id) is Status.QUEUED


async def test_what_comes_before_the_step_survives_other_waits(database: SqlDatabase, sample: Sample) -> None:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    pause = waits("pause", wait_reason="delay")
    await save(database, [record(claimed, Status.WAITING, steps=(pause,), due_at=DUE, wait_reason="delay")])

    await door(database).callback(id, "ask", 1, by="")
    await resumer(database).tick()
    assert await status_of(database, id) is Status.WAITING, "the delay is not cut short"
    async with database.write() as work:
        await work.executions.wake(DUE, limit=10)
        await work.commit()
    [claimed] = await claim(database, [id])
    await suspend(database, claimed, "ask")
    await resumer(database).tick()

    assert await status_of(database, id) is Status.QUEUED


async def test_no_wake_up_is_lost_when_things_come_at_the_moment_the_execution_begins_to_wait(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    ids = await sample.start(databases[0], 40)
    claimed = await claim(databases[0], ids)

    async with asyncio.TaskGroup() as group:
        for number, each in enumerate(claimed):
            group.create_task(suspend(databases[0], each, "ask"))
            group.create_task(door(databases[1]).callback(each.id, "ask", number, by=""))
    await resumer(databases[1]).tick()

    assert {await status_of(databases[0], id) for id in ids} == {Status.QUEUED}
    again = await claim(databases[0], ids)
    assert [each.arrivals["ask"][0].payload for each in again] == list(range(40))


async def test_two_resumers_wake_each_execution_once(databases: Sequence[SqlDatabase], sample: Sample) -> None:
    ids = [await start_waiting(databases[0], sample) for _ in range(6)]
    async with databases[0].write() as work:
        arrivals = [Arrival(execution_id=id, path="ask", kind=Awaited.CALLBACK, arrived_at=LATER) for id in ids]
        await work.arrivals.add(PROJECT, arrivals)
        await work.commit()
    told = [RecordingAnnouncements(), RecordingAnnouncements()]

    both = zip(databases, told, strict=True)
    await asyncio.gather(*(Resumer(each, heard, FakeClock(LATER)).tick() for each, heard in both))
    await resumer(databases[0]).tick()

    heard = [id for announced in told for _, id in announced.told]
    assert len(heard) == len(set(heard))
    assert {await status_of(databases[0], id) for id in ids} == {Status.QUEUED}


async def test_of_two_waiting_steps_only_the_one_that_is_called_has_an_arrival(
    database: SqlDatabase, sample: Sample
) -> None:
    id = await start_waiting(database, sample, "ask", "orders[3].ask#2")

    await door(database).callback(id, "orders[3].ask#2", "two", by="")

    [claimed] = await claim(database, [id])
    assert {path: arrivals[0].payload for path, arrivals in claimed.arrivals.items()} == {"orders[3].ask#2": "two"}


async def test_a_step_whose_time_is_up_takes_nothing(database: SqlDatabase, sample: Sample) -> None:
    id = await start_waiting(database, sample)

    assert await door(database, FakeClock(DUE)).callback(id, "ask", 1, by="") is Welcome.EXPIRED

    assert await status_of(database, id) is Status.WAITING
    assert (await door(database).look(id, "ask")).welcome is Welcome.TAKEN


@pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.FAILED])
async def test_an_execution_that_has_ended_takes_nothing(database: SqlDatabase, sample: Sample, status: Status) -> None:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    await save(database, [record(claimed, status)])

    assert await door(database).callback(id, "ask", 1, by="") is Welcome.OVER
    assert await door(database).callback(ExecutionId(new_id()), "ask", 1, by="") is Welcome.OVER
    assert await door(database).callback(ExecutionId("x"), "ask", 1, by="") is Welcome.OVER


async def test_a_first_claim_and_one_after_a_delay_do_not_look_for_arrivals(
    database: SqlDatabase, sample: Sample
) -> None:
    [id] = await sample.start(database)
    async with database.write() as work:
        early = Arrival(execution_id=id, path="ask", kind=Awaited.CALLBACK, arrived_at=START)
        assert await work.arrivals.add(PROJECT, [early]) == [early]
        assert await work.arrivals.add(PROJECT, [early]) == []
        await work.commit()

    [claimed] = await claim(database, [id])

    assert claimed.arrivals == {}


async def test_what_came_for_executions_that_ended_is_watched_no_more_and_goes_with_them(
    database: SqlDatabase, sample: Sample
) -> None:
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    await door(database).callback(id, "ask", 1, by="")
    await save(database, [record(claimed, Status.SUCCEEDED)])

    async with database.write() as work:
        assert await work.arrivals.forget_ended(limit=10) == 1
        assert await work.arrivals.forget_ended(limit=10) == 0
        await work.executions.delete([id])
        assert await work.arrivals.of(id, "ask") == ()
        await work.commit()
