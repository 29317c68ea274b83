"""Executors hear of queued executions: at once, and again when the first news was lost."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

import pytest

from engine.admission import by_lane
from engine.announcer import Announcements, Announcer
from engine.errors import Unavailable
from engine.model.base import ExecutionId, new_id
from engine.model.execution import Status
from engine.model.workflow import Lane
from tests.fakes import FakeBroker, FakeClock, SwitchedDatabase
from tests.stored import Stored


class GatedBroker(FakeBroker):
    """Confirms nothing until the gate opens."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.under_way = 0
        self.asked = 0

    async def publish(self, lane: Lane, ids: Sequence[ExecutionId]) -> None:
        self.under_way += 1
        self.asked += 1
        try:
            await self.gate.wait()
            await super().publish(lane, ids)
        finally:
            self.under_way -= 1


def some(count: int) -> list[ExecutionId]:
    return [ExecutionId(new_id()) for _ in range(count)]


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_ids_are_sorted_by_lane_in_their_order() -> None:
    one, two, three = some(3)

    lanes = by_lane([(one, Lane.HIGH), (two, Lane.LOW), (three, Lane.HIGH)])

    assert lanes == {Lane.HIGH: [one, three], Lane.LOW: [two]}


async def test_an_idle_lane_is_announced_at_once(broker: FakeBroker) -> None:
    [one] = some(1)
    async with Announcements(broker) as announcements:
        announcements.announce({Lane.HIGH: [one]})
        await turns()

        assert broker.published == [(Lane.HIGH, [one])]


async def test_what_collects_while_the_broker_confirms_goes_out_together() -> None:
    broker, ids = GatedBroker(), some(50)
    async with Announcements(broker, parallel=1) as announcements:
        for execution_id in ids:
            announcements.announce({Lane.NORMAL: [execution_id]})
            await turns(2)
        broker.gate.set()

    assert [len(batch) for _, batch in broker.published] == [1, 49]
    assert broker.ids() == ids


async def test_several_publishes_are_under_way_but_not_more_than_allowed() -> None:
    broker = GatedBroker()
    async with Announcements(broker, parallel=3) as announcements:
        for execution_id in some(10):
            announcements.announce({Lane.NORMAL: [execution_id]})
            await turns()

        assert broker.under_way == 3
        broker.gate.set()


async def test_a_slow_lane_does_not_hold_up_another() -> None:
    broker = GatedBroker()
    async with Announcements(broker, parallel=1) as announcements:
        announcements.announce({Lane.LOW: some(1)})
        announcements.announce({Lane.HIGH: some(1)})
        await turns()

        assert broker.under_way == 2
        broker.gate.set()


async def test_leaving_sends_what_is_left(broker: FakeBroker) -> None:
    ids = some(5_000)

    async with Announcements(broker) as announcements:
        announcements.announce({Lane.NORMAL: ids})

    assert broker.ids() == ids


async def test_a_broker_that_is_away_costs_the_news_one_warning_and_a_count(
    broker: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    broker.away = True
    async with Announcements(broker) as announcements:
        for _ in range(3):
            announcements.announce({Lane.NORMAL: some(2)})
            await turns()

    assert announcements.dropped == 6
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


async def test_it_goes_on_when_the_broker_is_back(broker: FakeBroker) -> None:
    [late] = some(1)
    async with Announcements(broker) as announcements:
        broker.away = True
        announcements.announce({Lane.NORMAL: some(1)})
        await turns()
        broker.away = False

        announcements.announce({Lane.NORMAL: [late]})

    assert broker.ids() == [late]


async def test_a_broker_that_never_confirms_is_given_up() -> None:
    broker = GatedBroker()

    async with Announcements(broker, parallel=1, timeout=timedelta(milliseconds=10)) as announcements:
        announcements.announce({Lane.NORMAL: some(5_000)})

    assert announcements.dropped == 5_000
    assert broker.asked == 1  # the rest would only have waited as long, one after the other


async def test_memory_is_bounded_while_the_broker_does_not_confirm() -> None:
    broker = GatedBroker()
    async with Announcements(broker, parallel=1, bound=10) as announcements:
        announcements.announce({Lane.NORMAL: some(1)})
        await turns()
        announcements.announce({Lane.NORMAL: some(25)})

        assert announcements.dropped == 15
        broker.gate.set()

    assert len(broker.ids()) == 11


async def test_announcing_outside_the_context_raises_nothing(broker: FakeBroker) -> None:
    announcements = Announcements(broker)

    announcements.announce({Lane.NORMAL: some(2)})

    assert (announcements.dropped, broker.published) == (2, [])


# --- the safety net -----------------------------------------------------------------------------------------------


@pytest.fixture
def announcer(database: SwitchedDatabase, broker: FakeBroker, clock: FakeClock) -> Announcer:
    return Announcer(database, broker, clock, limit=5)


async def test_a_row_that_nobody_heard_of_is_announced_when_its_lane_is_empty(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    forgotten = await stored.queue(lane=Lane.LOW)
    clock.advance(2.1)

    await announcer.tick()

    assert broker.published == [(Lane.LOW, [forgotten])]


async def test_a_young_row_is_given_time(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    await stored.queue()
    clock.advance(1.9)

    await announcer.tick()

    assert broker.published == []


async def test_a_backlog_is_not_published_twice(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    await stored.queue()
    broker.waiting[Lane.NORMAL] = 1
    clock.advance(3600)

    await announcer.tick()

    assert broker.published == []


async def test_in_a_busy_lane_only_what_newer_ones_have_overtaken_is_repeated_and_only_once_in_a_while(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    lost = await stored.queue()
    clock.advance(11)
    await stored.run()
    await stored.queue()
    broker.waiting[Lane.NORMAL] = 1

    for _ in range(29):
        await announcer.tick()
        clock.advance(1)
    assert broker.ids() == [lost]

    clock.advance(1)
    await announcer.tick()
    assert broker.ids() == [lost, lost]


async def test_an_id_whose_lane_ran_empty_again_is_repeated_at_once(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    forgotten = await stored.queue()
    clock.advance(3)
    await announcer.tick()
    broker.waiting[Lane.NORMAL] = 0

    await announcer.tick()

    assert broker.ids() == [forgotten, forgotten]


async def test_many_forgotten_rows_come_in_portions_and_soon(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    forgotten = [await stored.queue() for _ in range(7)]
    clock.advance(3)

    first_wait = await announcer.tick()

    assert broker.ids() == forgotten[:5]
    assert first_wait < timedelta(seconds=1)


async def test_running_and_finished_executions_are_no_news(
    announcer: Announcer, stored: Stored, broker: FakeBroker, clock: FakeClock
) -> None:
    await stored.run()
    await stored.record(Status.SUCCEEDED, finished_at=clock.now())
    await stored.record(Status.WAITING)
    clock.advance(60)

    await announcer.tick()

    assert broker.published == []


async def test_a_broker_that_is_away_postpones_it(announcer: Announcer, stored: Stored, broker: FakeBroker) -> None:
    await stored.queue()
    broker.away = True

    with pytest.raises(Unavailable):
        await announcer.tick()
