"""APScheduler rings when a key is due. Real time passes here, a few milliseconds of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from engine.service import Alarm
from tests.fakes import FakeClock
from triggers.timetable import ApschedulerTimetable

SOON = timedelta(milliseconds=5)
HOUR = timedelta(hours=1)


@pytest.fixture
def alarm() -> Alarm:
    return Alarm()


@pytest.fixture
async def timetable(alarm: Alarm, clock: FakeClock) -> AsyncIterator[ApschedulerTimetable]:
    async with ApschedulerTimetable(clock, alarm) as timetable:
        yield timetable


async def rung(alarm: Alarm, timetable: ApschedulerTimetable) -> list[str]:
    """Wait for the alarm, for at most a second, and return what is due."""
    await alarm.wait(timedelta(seconds=1))
    return list(timetable.take_due())


async def test_a_key_comes_due_at_its_time_by_our_clock(
    alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock
) -> None:
    began = datetime.now(UTC)
    timetable.put("later", clock.now() + HOUR)
    timetable.put("soon", clock.now() + SOON)

    due = await rung(alarm, timetable)

    assert due == ["soon"]
    assert datetime.now(UTC) - began >= SOON


async def test_a_time_that_is_past_is_due_at_once(
    alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock
) -> None:
    timetable.put("late", clock.now() - timedelta(days=400))

    assert await rung(alarm, timetable) == ["late"]


async def test_each_entry_comes_due_once(alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock) -> None:
    timetable.put("once", clock.now())
    await rung(alarm, timetable)

    timetable.look()
    await asyncio.sleep(0)

    assert list(timetable.take_due()) == []


async def test_a_key_has_one_time_the_newest(alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock) -> None:
    timetable.put("moved", clock.now() + SOON)
    timetable.put("moved", clock.now() + HOUR)
    timetable.put("other", clock.now() + SOON)

    assert await rung(alarm, timetable) == ["other"]


async def test_a_removed_key_is_not_due_even_if_it_has_just_come(
    alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock
) -> None:
    timetable.put("gone", clock.now())
    await alarm.wait(timedelta(seconds=1))

    timetable.remove("gone")
    timetable.remove("never there")

    assert list(timetable.take_due()) == []


async def test_many_entries_change_at_once(alarm: Alarm, timetable: ApschedulerTimetable, clock: FakeClock) -> None:
    with timetable.bulk():
        for number in range(500):
            timetable.put(f"{number}", clock.now() - SOON)

    assert len(await rung(alarm, timetable)) == 500
