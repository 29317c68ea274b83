"""What every database must do about steps that wait for events and executions: nothing is missed, each counts once."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from db.session import SqlDatabase
from engine.errors import InvalidInput
from engine.matcher import Matcher
from engine.model.base import EventId, ExecutionId
from engine.model.execution import Status, StepStatus
from engine.model.waiting import EventWish
from engine.watching import Watching
from tests.contract.database_kits import LATER, PROJECT, Sample, claim, record, save, status_of, step
from tests.fakes import FakeClock, RecordingAnnouncements

pytestmark = pytest.mark.contract

DUE = LATER + timedelta(hours=1)


def watching(database: SqlDatabase) -> Watching:
    return Watching(database=database, clock=FakeClock(LATER))


def matcher(database: SqlDatabase) -> Matcher:
    return Matcher(database, RecordingAnnouncements(), FakeClock(LATER))


async def waits(database: SqlDatabase, sample: Sample, wish: EventWish) -> ExecutionId:
    """An execution that waits for an event."""
    [id] = await sample.start(database)
    [claimed] = await claim(database, [id])
    await watching(database).subscribe(PROJECT, id, "ask", wish)
    recorded = step("ask", status=StepStatus.WAITING, wait_reason="event", due_at=DUE, finished_at=None, ports=())
    await save(database, [record(claimed, Status.WAITING, steps=(recorded,), due_at=DUE, wait_reason="event")])
    return id


async def happen(database: SqlDatabase, sample: Sample, n: int, *, at: datetime = LATER) -> EventId:
    """Store an event as intake does for an awaited trigger."""
    event = sample.event(data={"n": n}, accepted_at=at)
    async with database.write() as work:
        await work.events.insert([event])
        await work.events.keep_awaited([event.id])
        await work.commit()
    return event.id


def wish(sample: Sample, n: int) -> EventWish:
    return EventWish(
        workflow=sample.workflow_id, key="incoming", match="trigger.data.n == vars.n", scope={"vars": {"n": n}}
    )


async def test_an_event_wakes_those_it_fits_and_is_held_against_them_once(
    database: SqlDatabase, sample: Sample
) -> None:
    await sample.install(database)
    one, two = await waits(database, sample, wish(sample, 1)), await waits(database, sample, wish(sample, 2))
    await happen(database, sample, 2)

    await matcher(database).tick()

    assert (await status_of(database, one), await status_of(database, two)) == (Status.WAITING, Status.QUEUED)
    [claimed] = await claim(database, [two])
    assert claimed.arrivals["ask"][0].payload["data"] == {"n": 2}
    async with database.read() as work:
        assert await work.events.awaited(limit=10) == []
        trigger = await work.triggers.find_by_key(sample.workflow_id, "incoming")
    assert trigger is not None
    assert trigger.awaited is True


async def test_of_many_events_and_matchers_at_once_one_event_counts(
    databases: Sequence[SqlDatabase], sample: Sample
) -> None:
    await sample.install(databases[0])
    id = await waits(databases[0], sample, wish(sample, 1))
    for _ in range(4):
        await happen(databases[0], sample, 1)

    await asyncio.gather(*(matcher(databases[number % 2]).tick() for number in range(4)))

    assert await status_of(databases[0], id) is Status.QUEUED
    [claimed] = await claim(databases[0], [id])
    assert len(claimed.arrivals["ask"]) == 1


async def test_events_from_before_the_wait_and_those_that_match_fails_on_do_not_count(
    database: SqlDatabase, sample: Sample
) -> None:
    await sample.install(database)
    broken = EventWish(workflow=sample.workflow_id, key="incoming", match="trigger.data.n / 0 > 1", scope={})
    ids = [await waits(database, sample, wish(sample, 1)), await waits(database, sample, broken)]
    await happen(database, sample, 1, at=LATER - timedelta(seconds=1))
    await happen(database, sample, 2)

    await matcher(database).tick()

    assert [await status_of(database, id) for id in ids] == [Status.WAITING] * 2


async def test_what_cannot_be_waited_for_is_said(database: SqlDatabase, sample: Sample) -> None:
    await sample.install(database)
    [id] = await sample.start(database)
    nobody = EventWish(workflow="nobody", key="incoming", match=None, scope={})

    with pytest.raises(InvalidInput, match='no trigger "incoming" of the workflow "nobody"'):
        await watching(database).subscribe(PROJECT, id, "ask", nobody)
    with pytest.raises(InvalidInput, match="itself"):
        await watching(database).watch(PROJECT, id, "ask", id)
    with pytest.raises(InvalidInput, match="not there"):
        await watching(database).watch(PROJECT, id, "ask", ExecutionId("x"))


async def test_the_end_of_a_watched_execution_is_told_to_all_who_wait_for_it(
    database: SqlDatabase, sample: Sample
) -> None:
    [target, *watchers] = await sample.start(database, 3)
    claimed = await claim(database, [target, *watchers])
    recorded = step("ask", status=StepStatus.WAITING, wait_reason="execution", due_at=DUE, finished_at=None, ports=())
    for each in claimed[1:]:
        await watching(database).watch(PROJECT, each.id, "ask", target)
        waiting = record(each, Status.WAITING, steps=(recorded,), due_at=DUE, wait_reason="execution")
        await save(database, [waiting])

    await save(database, [record(claimed[0], Status.SUCCEEDED, output=7)])

    assert [await status_of(database, each) for each in watchers] == [Status.QUEUED] * 2
    assert (await watching(database).watch(PROJECT, watchers[0], "ask", target)).output == 7
