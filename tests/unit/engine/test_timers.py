"""Waiting executions are queued again when they are due."""

from datetime import timedelta

import pytest

from engine.errors import Unavailable
from engine.model.execution import Status
from engine.model.workflow import Lane
from engine.service import AT_ONCE
from engine.timers import LONGEST_SLEEP, Timers
from tests.fakes import FakeClock, RecordingAnnouncements, SwitchedDatabase
from tests.stored import Stored

MINUTE = timedelta(minutes=1)


@pytest.fixture
def timers(database: SwitchedDatabase, announcements: RecordingAnnouncements, clock: FakeClock) -> Timers:
    return Timers(database, announcements, clock, batch=3)


async def test_a_wait_that_is_over_is_queued_and_announced(
    timers: Timers, stored: Stored, clock: FakeClock, announcements: RecordingAnnouncements
) -> None:
    waiting = await stored.record(Status.WAITING, due_at=clock.now() + MINUTE)
    clock.advance(MINUTE)

    await timers.tick()

    assert await stored.status(waiting) is Status.QUEUED
    assert announcements.told == [(Lane.NORMAL, waiting)]
    assert (await stored.shown(waiting)).woken_at == clock.now()


async def test_a_wait_that_is_not_over_goes_on(
    timers: Timers, stored: Stored, clock: FakeClock, announcements: RecordingAnnouncements
) -> None:
    waiting = await stored.record(Status.WAITING, due_at=clock.now() + MINUTE)
    clock.advance(MINUTE - timedelta(milliseconds=1))

    await timers.tick()

    assert await stored.status(waiting) is Status.WAITING
    assert announcements.told == []


async def test_it_sleeps_until_the_next_is_due_and_never_so_long_that_a_new_wait_is_late(
    timers: Timers, stored: Stored, clock: FakeClock
) -> None:
    await stored.record(Status.WAITING, due_at=clock.now() + MINUTE)
    assert await timers.tick() == LONGEST_SLEEP <= timedelta(milliseconds=200)

    clock.advance(MINUTE - timedelta(milliseconds=30))

    assert await timers.tick() == timedelta(milliseconds=30)


async def test_a_wait_without_an_end_is_left_alone(timers: Timers, stored: Stored, clock: FakeClock) -> None:
    waiting = await stored.record(Status.WAITING)
    clock.advance(timedelta(days=1000))

    assert await timers.tick() == LONGEST_SLEEP
    assert await stored.status(waiting) is Status.WAITING


async def test_many_are_woken_in_batches_in_the_order_in_which_they_are_due(
    timers: Timers, stored: Stored, clock: FakeClock, announcements: RecordingAnnouncements
) -> None:
    now = clock.now()
    waiting = [await stored.record(Status.WAITING, due_at=now + (8 - n) * MINUTE) for n in range(7)]
    clock.advance(10 * MINUTE)

    waits = [await timers.tick() for _ in range(4)]

    assert [told for _, told in announcements.told] == waiting[::-1]
    assert waits == [AT_ONCE, AT_ONCE, AT_ONCE, LONGEST_SLEEP]


async def test_an_idle_hub_writes_nothing(timers: Timers, database: SwitchedDatabase) -> None:
    await timers.tick()

    assert database.writes == 0


async def test_nothing_is_announced_that_was_not_committed(
    timers: Timers, stored: Stored, database: SwitchedDatabase, clock: FakeClock, announcements: RecordingAnnouncements
) -> None:
    await stored.record(Status.WAITING, due_at=clock.now())
    database.away = True

    with pytest.raises(Unavailable):
        await timers.tick()

    assert announcements.told == []
