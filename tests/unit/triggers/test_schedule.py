"""Every nominal time becomes exactly one event, whatever happens to schedulers, databases and definitions."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from engine.errors import Unavailable
from engine.model.base import JsonObject
from engine.model.event import Event, Fate
from engine.model.workflow import WorkflowStatus
from engine.service import AT_ONCE
from tests.fakes import FakeClock, SwitchedDatabase
from tests.schedulers import Scheduler
from tests.stored import Stored, store

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def scheduler(database: SwitchedDatabase, clock: FakeClock) -> Scheduler:
    return Scheduler(database, clock)


@pytest.fixture
def another(database: SwitchedDatabase, clock: FakeClock) -> Scheduler:
    return Scheduler(database, clock)


def document(**rule: object) -> JsonObject:
    return {
        "name": "scheduled",
        "triggers": {"tick": {"type": "schedule", **rule}},
        "nodes": {"done": {"type": "stop"}},
    }


async def every_minute(database: SwitchedDatabase, clock: FakeClock, **more: object) -> Stored:
    return await store(database, clock, document(every="1m", **more))


def times(events: Sequence[Event]) -> list[datetime]:
    return [event.occurred_at for event in events]


async def test_each_nominal_time_starts_one_execution_when_it_comes(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    start = clock.now()
    await scheduler.settle()

    for _ in range(3):
        clock.advance(MINUTE)
        await scheduler.settle()

    events = await stored.events()
    assert times(events) == [start + n * MINUTE for n in (1, 2, 3)]
    assert {event.fate for event in events} == {Fate.STARTED}
    assert [told for _, told in scheduler.announcements.told] == [event.execution_id for event in events]


async def test_an_event_tells_for_which_time_it_stands(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await store(database, clock, document(cron="0 14 * * *", timezone="Europe/Berlin"))
    await scheduler.settle()
    clock.advance(HOUR + timedelta(seconds=5))

    await scheduler.settle()

    [event] = await stored.events()
    assert event.data == {
        "scheduled_at": "2026-01-01T13:00:00+00:00",
        "local_time": "2026-01-01T14:00:00+01:00",
        "missed": False,
    }
    assert event.dedupe_key == "schedule:2026-01-01T13:00:00+00:00"


async def test_a_new_schedule_starts_from_now(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await store(database, clock, document(at=["2025-12-31T00:00:00Z", "2026-01-01T13:00:00Z"], missed="all"))

    await scheduler.settle()
    assert await stored.events() == []

    clock.advance(HOUR)
    await scheduler.settle()
    assert times(await stored.events()) == [clock.now()]
    assert scheduler.timetable.entries == {}


async def test_two_schedulers_at_once_make_one_event_per_nominal_time(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    workflows = [await every_minute(database, clock) for _ in range(3)]
    start = clock.now()
    await asyncio.gather(scheduler.settle(), another.settle())

    for _ in range(5):
        clock.advance(MINUTE)
        await asyncio.gather(scheduler.settle(), another.settle())

    for stored in workflows:
        events = await stored.events()
        assert times(events) == [start + n * MINUTE for n in range(1, 6)]
        assert {event.fate for event in events} == {Fate.STARTED}


async def test_a_lost_cursor_repeats_no_execution(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    start = clock.now()
    await scheduler.settle()
    clock.advance(MINUTE)
    await scheduler.settle()
    cursor = (await stored.trigger()).cursor
    async with database.write() as uow:
        await uow.triggers.advance(stored.trigger_id, seen=cursor, to=start.isoformat(), next_due_at=start + MINUTE)
        await uow.commit()

    await another.settle()

    assert [event.fate for event in await stored.events()] == [Fate.STARTED, Fate.DUPLICATE]
    assert another.announcements.told == []


async def test_the_other_scheduler_goes_on_where_a_killed_one_was(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    start = clock.now()
    await scheduler.settle()
    clock.advance(MINUTE)
    await scheduler.settle()

    clock.advance(MINUTE)
    await another.settle()

    assert times(await stored.events()) == [start + MINUTE, start + 2 * MINUTE]


@pytest.mark.parametrize(("missed", "expected"), [("skip", []), ("last", [120]), ("all", list(range(5, 121, 5)))])
async def test_after_a_downtime_the_policy_decides(
    scheduler: Scheduler,
    another: Scheduler,
    database: SwitchedDatabase,
    clock: FakeClock,
    missed: str,
    expected: list[int],
) -> None:
    stored = await store(database, clock, document(every="5m", missed=missed))
    start = clock.now()
    await scheduler.settle()

    clock.advance(2 * HOUR + 2 * MINUTE)
    await another.settle()

    events = await stored.events()
    assert times(events) == [start + n * MINUTE for n in expected]
    assert all(event.data["missed"] for event in events)

    clock.advance(3 * MINUTE)
    await another.settle()
    assert times(await stored.events())[len(expected) :] == [start + 125 * MINUTE]


async def test_a_very_long_downtime_is_made_up_for_in_portions(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock, missed="all")
    await scheduler.settle()
    clock.advance(2_500 * MINUTE)

    totals = []
    while await another.service.tick() == AT_ONCE:
        totals.append(len(await stored.events()))

    assert totals == [1_000, 2_000]
    assert len(await stored.events()) == 2_500


async def test_an_old_version_stops_and_the_new_one_starts_from_now(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    await scheduler.settle()
    clock.advance(MINUTE / 2)
    await stored.publish(document(cron="0 * * * *", missed="all"))

    for _ in range(4):
        clock.advance(MINUTE)
        await scheduler.settle()
    assert await stored.events() == []

    clock.advance(HOUR)
    await scheduler.settle()
    assert times(await stored.events()) == [datetime(2026, 1, 1, 13, 0, tzinfo=UTC)]


async def test_a_rule_changed_while_no_scheduler_ran_is_noticed(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await store(database, clock, document(cron="0 0 1 1 *"))
    await scheduler.settle()
    await stored.publish(document(every="1m", missed="all"))
    clock.advance(HOUR)

    await another.settle()
    assert await stored.events() == []

    clock.advance(MINUTE)
    await another.settle()
    assert len(await stored.events()) == 1


async def test_publishing_a_version_with_the_same_rule_loses_no_time(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    start = clock.now()
    await scheduler.settle()
    await stored.publish(document(every="1m") | {"description": "another text"})
    clock.advance(MINUTE)

    await another.settle()

    assert times(await stored.events()) == [start + MINUTE]


@pytest.mark.parametrize("how", ["disabled", "archived"])
async def test_a_schedule_that_is_switched_off_fires_no_more(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock, how: str
) -> None:
    stored = await every_minute(database, clock)
    await scheduler.settle()
    if how == "disabled":
        await stored.publish(document(every="1m", enabled=False), enabled=False)
    else:
        await stored.set_status(WorkflowStatus.ARCHIVED)
    clock.advance(MINUTE)

    await scheduler.settle()

    assert await stored.events() == []
    assert scheduler.timetable.entries == {}


async def test_a_schedule_switched_off_between_the_look_and_the_hand_over_fires_no_more(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    await scheduler.settle()
    clock.advance(MINUTE)
    await stored.publish(document(every="1m", enabled=False), enabled=False)

    settled = await scheduler.service._fire([stored.trigger_id])

    assert settled == {stored.trigger_id: None}
    assert await stored.events() == []


async def test_a_paused_workflow_collects_its_events(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    await scheduler.settle()
    await stored.set_status(WorkflowStatus.PAUSED)
    clock.advance(MINUTE)

    await scheduler.settle()

    assert [event.fate for event in await stored.events()] == [Fate.HELD]
    assert scheduler.announcements.told == []


async def test_a_standby_fires_nothing_and_takes_over_without_a_gap(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    start = clock.now()
    another.leads = False
    await scheduler.settle()
    clock.advance(MINUTE)
    await another.settle()
    assert await stored.events() == []

    scheduler.leads, another.leads = False, True
    await scheduler.settle()
    await another.settle()

    assert times(await stored.events()) == [start + MINUTE]
    assert scheduler.timetable.entries == {}


async def test_an_outage_in_the_middle_loses_nothing(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock, missed="all")
    start = clock.now()
    await scheduler.settle()
    database.away = True
    for _ in range(3):
        clock.advance(MINUTE)
        with pytest.raises(Unavailable):
            await scheduler.settle()

    database.away = False
    await scheduler.settle()

    assert times(await stored.events()) == [start + n * MINUTE for n in (1, 2, 3)]


async def test_a_schedule_that_cannot_be_read_does_not_hold_up_the_others(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    good = await every_minute(database, clock)
    bad = await store(database, clock, {"name": "bad", "triggers": {"tick": {"type": "no such thing"}}})
    await scheduler.settle()
    clock.advance(MINUTE)

    await scheduler.settle()

    assert len(await good.events()) == 1
    assert await bad.events() == []
    assert "schedule postponed" in caplog.text
    assert bad.trigger_id in scheduler.timetable.entries


async def test_where_nothing_was_published_a_tick_costs_one_read(
    scheduler: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    await every_minute(database, clock)
    await scheduler.settle()
    before = database.reads, database.writes

    await scheduler.service.tick()

    assert (database.reads, database.writes) == (before[0] + 1, before[1])


async def test_a_restart_takes_over_the_stored_due_times(
    scheduler: Scheduler, another: Scheduler, database: SwitchedDatabase, clock: FakeClock
) -> None:
    stored = await every_minute(database, clock)
    await scheduler.settle()
    due = (await stored.trigger()).next_due_at

    await another.service.tick()

    assert another.timetable.entries == {stored.trigger_id: due}
