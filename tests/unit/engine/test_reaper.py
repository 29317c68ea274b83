"""The work of executors that died goes back into the queue; executors notice in time that they may be taken for dead."""

import asyncio
from datetime import timedelta

import pytest

from engine.errors import Unavailable
from engine.model.base import ExecutorId, new_id
from engine.model.execution import ExecutionRecord, Status
from engine.model.workflow import Lane
from engine.reaper import BEAT_EVERY, CONFIRMED_AFTER, OVERDUE_AFTER, Heartbeat, Reaper
from engine.service import AT_ONCE
from tests.fakes import FakeClock, RecordingAnnouncements, SwitchedDatabase
from tests.stored import Stored

MOMENT = timedelta(milliseconds=1)


@pytest.fixture
def reaper(database: SwitchedDatabase, announcements: RecordingAnnouncements, clock: FakeClock) -> Reaper:
    return Reaper(database, announcements, clock, batch=3, monotonic=clock.monotonic)


@pytest.fixture
def executor() -> ExecutorId:
    return ExecutorId(new_id())


@pytest.fixture
def heartbeat(database: SwitchedDatabase, clock: FakeClock, executor: ExecutorId) -> Heartbeat:
    return Heartbeat(database, clock, executor, monotonic=clock.monotonic)


async def alive(database: SwitchedDatabase) -> list[ExecutorId]:
    async with database.read() as uow:
        return list(await uow.liveness.executors())


async def test_the_executions_of_a_silent_executor_are_queued_again_and_announced(
    reaper: Reaper,
    heartbeat: Heartbeat,
    stored: Stored,
    executor: ExecutorId,
    clock: FakeClock,
    announcements: RecordingAnnouncements,
) -> None:
    await heartbeat.tick()
    running = await stored.run(owner=executor, lane=Lane.HIGH)
    await reaper.tick()
    clock.advance(OVERDUE_AFTER + MOMENT)

    await reaper.tick()

    shown = await stored.shown(running)
    assert (shown.status, shown.owner, shown.epoch) == (Status.QUEUED, None, 2)
    assert announcements.told == [(Lane.HIGH, running)]


async def test_an_executor_that_beats_keeps_its_executions(
    reaper: Reaper, heartbeat: Heartbeat, stored: Stored, executor: ExecutorId, clock: FakeClock
) -> None:
    await heartbeat.tick()
    running = await stored.run(owner=executor)
    await reaper.tick()
    clock.advance(OVERDUE_AFTER)

    await reaper.tick()

    assert await stored.status(running) is Status.RUNNING


async def test_the_row_of_a_dead_executor_goes_when_nothing_of_it_is_left(
    reaper: Reaper,
    heartbeat: Heartbeat,
    stored: Stored,
    executor: ExecutorId,
    clock: FakeClock,
    database: SwitchedDatabase,
    announcements: RecordingAnnouncements,
) -> None:
    await heartbeat.tick()
    running = [await stored.run(owner=executor) for _ in range(4)]
    await reaper.tick()
    clock.advance(OVERDUE_AFTER + MOMENT)

    assert await reaper.tick() == AT_ONCE
    assert await alive(database) == [executor]
    await reaper.tick()

    assert await alive(database) == []
    assert sorted(told for _, told in announcements.told) == sorted(running)


async def test_an_executor_whose_clock_is_wrong_keeps_its_executions_as_long_as_it_beats(
    reaper: Reaper, database: SwitchedDatabase, stored: Stored, executor: ExecutorId, clock: FakeClock
) -> None:
    behind = FakeClock(clock.now() - timedelta(hours=1))
    heartbeat = Heartbeat(database, behind, executor, monotonic=clock.monotonic)
    running = await stored.run(owner=executor)

    for _ in range(5):
        await heartbeat.tick()
        await reaper.tick()
        clock.advance(BEAT_EVERY)
        behind.advance(BEAT_EVERY)

    assert await stored.status(running) is Status.RUNNING


async def test_a_silence_that_was_long_before_the_watch_began_is_confirmed_first(
    reaper: Reaper, heartbeat: Heartbeat, stored: Stored, executor: ExecutorId, clock: FakeClock
) -> None:
    await heartbeat.tick()
    running = await stored.run(owner=executor)
    clock.advance(OVERDUE_AFTER * 4)

    await reaper.tick()
    assert await stored.status(running) is Status.RUNNING
    clock.advance(CONFIRMED_AFTER + MOMENT)
    await reaper.tick()
    assert await stored.status(running) is Status.QUEUED


async def test_executions_whose_owner_has_no_row_are_queued_again(
    reaper: Reaper, stored: Stored, executor: ExecutorId
) -> None:
    running = await stored.run(owner=executor)

    await reaper.tick()

    assert await stored.status(running) is Status.QUEUED


async def test_the_late_write_of_an_executor_that_was_reaped_changes_nothing(
    reaper: Reaper, stored: Stored, executor: ExecutorId, database: SwitchedDatabase
) -> None:
    running = await stored.run(owner=executor)
    await reaper.tick()
    late = ExecutionRecord(id=running, owner=executor, epoch=1, status=Status.SUCCEEDED)

    async with database.write() as uow:
        written = await uow.executions.record([late])
        await uow.commit()

    assert written == set()
    assert await stored.status(running) is Status.QUEUED


async def test_where_nobody_died_nothing_is_written(reaper: Reaper, database: SwitchedDatabase) -> None:
    assert await reaper.tick() == timedelta(seconds=1)
    assert database.writes == 0


async def test_an_executor_is_alive_from_before_its_work_begins_until_it_ends(
    heartbeat: Heartbeat, database: SwitchedDatabase, executor: ExecutorId
) -> None:
    assert not heartbeat.alive

    async with heartbeat:
        assert heartbeat.alive
        assert await alive(database) == [executor]

    assert not heartbeat.alive
    assert await alive(database) == []


async def test_an_executor_does_not_start_without_a_database(heartbeat: Heartbeat, database: SwitchedDatabase) -> None:
    database.away = True

    with pytest.raises(Unavailable):
        await heartbeat.__aenter__()


async def test_an_executor_that_cannot_beat_stops_trusting_itself_before_it_is_reaped(
    heartbeat: Heartbeat, clock: FakeClock
) -> None:
    await heartbeat.tick()

    clock.advance(OVERDUE_AFTER - timedelta(seconds=3) - MOMENT)
    assert heartbeat.alive
    clock.advance(MOMENT)
    assert not heartbeat.alive


async def test_an_executor_that_beats_again_trusts_itself_again(heartbeat: Heartbeat, clock: FakeClock) -> None:
    await heartbeat.tick()
    clock.advance(timedelta(minutes=1))

    await heartbeat.tick()

    assert heartbeat.alive


async def test_a_beat_counts_from_before_the_database_was_asked(
    database: SwitchedDatabase, clock: FakeClock, executor: ExecutorId
) -> None:
    def slowly() -> dict[str, str]:
        clock.advance(timedelta(seconds=20))
        return {}

    heartbeat = Heartbeat(database, clock, executor, details=slowly, monotonic=clock.monotonic)

    await heartbeat.tick()

    assert not heartbeat.alive


async def test_leaving_while_the_database_is_away_is_no_error(
    heartbeat: Heartbeat, database: SwitchedDatabase, executor: ExecutorId
) -> None:
    async with heartbeat:
        database.away = True

    database.away = False
    assert await alive(database) == [executor]  # the reaper's business now


async def test_an_executor_whose_work_fails_removes_its_row_all_the_same(
    heartbeat: Heartbeat, database: SwitchedDatabase
) -> None:
    with pytest.raises(ValueError, match="the work failed"):
        async with heartbeat:
            raise ValueError("the work failed")

    assert await alive(database) == []


async def test_an_executor_that_is_cancelled_removes_its_row_all_the_same(
    heartbeat: Heartbeat, database: SwitchedDatabase
) -> None:
    began = asyncio.Event()

    async def work() -> None:
        async with heartbeat:
            began.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert await alive(database) == []
