"""What every broker must do with messages of ids. A new broker is done when it passes this file unchanged."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import MAX_IDS_PER_MESSAGE, Broker
from tests.contract.broker_kits import (
    BROKERS,
    PATIENCE_SECONDS,
    nothing_comes,
    open_brokers,
    some_ids,
    take,
    take_ids,
)

pytestmark = pytest.mark.contract

ALL = dict.fromkeys(Lane, 50)
MAX_RETURNS = 5


@pytest.fixture(params=BROKERS)
async def brokers(request: pytest.FixtureRequest) -> AsyncIterator[Sequence[Broker]]:
    async with open_brokers(request, count=2) as opened:
        yield opened


@pytest.fixture(params=BROKERS)
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    async with open_brokers(request) as [opened]:
        yield opened


async def test_published_ids_are_consumed_once_and_in_order(broker: Broker) -> None:
    ids = some_ids(20)
    async with broker.consume(prefetch=ALL) as messages:
        for id in ids:
            await broker.publish(Lane.NORMAL, [id])

        received = await take_ids(messages, len(ids))

        assert received == ids
        assert await nothing_comes(messages)


async def test_many_ids_are_split_into_messages_of_32_at_most(broker: Broker) -> None:
    ids = some_ids(2 * MAX_IDS_PER_MESSAGE + 5)
    await broker.publish(Lane.NORMAL, ids)

    async with broker.consume(prefetch=ALL) as messages:
        received = await take(messages, 3)

    assert [len(message.ids) for message in received] == [32, 32, 5]
    assert [id for message in received for id in message.ids] == ids


async def test_publishing_no_ids_sends_nothing(broker: Broker) -> None:
    await broker.publish(Lane.NORMAL, [])

    assert await broker.depth(Lane.NORMAL) == 0


async def test_a_message_names_its_lane(broker: Broker) -> None:
    for lane in Lane:
        await broker.publish(lane, some_ids(1))

    async with broker.consume(prefetch=ALL) as messages:
        received = await take(messages, 3)

    assert {message.lane for message in received} == set(Lane)


async def test_a_lane_without_prefetch_is_not_consumed(broker: Broker) -> None:
    low, normal = some_ids(2)
    await broker.publish(Lane.LOW, [low])
    await broker.publish(Lane.HIGH, [low])
    await broker.publish(Lane.NORMAL, [normal])

    async with broker.consume(prefetch={Lane.NORMAL: 5, Lane.LOW: 0}) as messages:
        assert await take_ids(messages, 1) == [normal]
        assert await nothing_comes(messages)

    assert await broker.depth(Lane.LOW) == 1
    assert await broker.depth(Lane.HIGH) == 1


async def test_unacknowledged_messages_come_back_in_order(broker: Broker) -> None:
    ids = some_ids(4)
    for id in ids:
        await broker.publish(Lane.NORMAL, [id])
    async with broker.consume(prefetch=ALL) as messages:
        received = await take(messages, 3)
        await received[1].ack()

    async with broker.consume(prefetch=ALL) as messages:
        again = await take_ids(messages, 3)

    assert again == [ids[0], ids[2], ids[3]]


async def test_messages_of_a_consumer_that_fails_come_back(broker: Broker) -> None:
    [id] = some_ids(1)
    await broker.publish(Lane.NORMAL, [id])

    async def fail() -> None:
        async with broker.consume(prefetch=ALL) as messages:
            await take(messages)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    async with broker.consume(prefetch=ALL) as messages:
        assert await take_ids(messages, 1) == [id]


async def test_acknowledged_messages_do_not_come_back(broker: Broker) -> None:
    await broker.publish(Lane.NORMAL, some_ids(40))
    async with broker.consume(prefetch=ALL) as messages:
        await take_ids(messages, 40)
    [sentinel] = some_ids(1)
    await broker.publish(Lane.NORMAL, [sentinel])

    async with broker.consume(prefetch=ALL) as messages:
        assert await take_ids(messages, 1) == [sentinel]


async def test_acknowledging_twice_or_too_late_is_harmless(broker: Broker) -> None:
    await broker.publish(Lane.NORMAL, some_ids(1))
    await broker.publish(Lane.NORMAL, some_ids(1))
    async with broker.consume(prefetch={Lane.NORMAL: 2}) as messages:
        first, second = await take(messages, 2)
        await first.ack()
        await first.ack()
    await second.ack()

    async with broker.consume(prefetch={Lane.NORMAL: 2}) as messages:
        assert await take_ids(messages, 1) == list(second.ids)
        assert await nothing_comes(messages)


async def test_no_more_than_prefetch_messages_are_given_out_unacknowledged(broker: Broker) -> None:
    ids = some_ids(5)
    for id in ids:
        await broker.publish(Lane.NORMAL, [id])

    async with broker.consume(prefetch={Lane.NORMAL: 2}) as messages:
        first, _ = await take(messages, 2)
        assert await nothing_comes(messages)
        await first.ack()

        [third] = await take(messages)

        assert third.ids[0] == ids[2]
        assert await nothing_comes(messages)


async def test_prefetch_is_counted_for_each_lane(broker: Broker) -> None:
    for lane in (Lane.LOW, Lane.HIGH):
        for _ in range(3):
            await broker.publish(lane, some_ids(1))

    async with broker.consume(prefetch={Lane.LOW: 1, Lane.HIGH: 2}) as messages:
        lanes = [message.lane for message in await take(messages, 3)]

        assert sorted(lanes) == [Lane.HIGH, Lane.HIGH, Lane.LOW]
        assert await nothing_comes(messages)


async def test_depth_counts_messages_that_wait_or_are_unacknowledged(brokers: Sequence[Broker]) -> None:
    broker, other = brokers
    for _ in range(5):
        await broker.publish(Lane.NORMAL, some_ids(3))
    assert await other.depth(Lane.NORMAL) == 5

    async with broker.consume(prefetch={Lane.NORMAL: 3}) as messages:
        [first, *_] = await take(messages, 3)
        assert await other.depth(Lane.NORMAL) == 5
        assert await broker.depth(Lane.NORMAL) == 5
        await first.ack()
        await take(messages)
        assert await other.depth(Lane.NORMAL) == 4

    async with asyncio.timeout(PATIENCE_SECONDS):
        while await other.depth(Lane.NORMAL) != 4:  # RabbitMQ takes back what was held a moment after the end
            await asyncio.sleep(0.01)
    assert await other.depth(Lane.HIGH) == 0


async def test_a_message_that_came_back_five_times_is_dead_and_taken_once(broker: Broker) -> None:
    poison, innocent = some_ids(2)
    await broker.publish(Lane.NORMAL, [poison])

    for _ in range(MAX_RETURNS):
        async with broker.consume(prefetch={Lane.NORMAL: 1}) as messages:
            [message] = await take(messages)
            assert message.ids == (poison,)

    assert await _take_dead(broker, 1) == [poison]
    assert await broker.take_dead(limit=10) == []
    await broker.publish(Lane.NORMAL, [innocent])
    async with broker.consume(prefetch={Lane.NORMAL: 1}) as messages:
        assert await take_ids(messages, 1) == [innocent]


async def test_dead_ids_are_taken_up_to_the_limit_and_the_rest_later(broker: Broker) -> None:
    ids = some_ids(MAX_IDS_PER_MESSAGE)
    await broker.publish(Lane.HIGH, ids)
    for _ in range(MAX_RETURNS):
        async with broker.consume(prefetch={Lane.HIGH: 1}) as messages:
            await take(messages)

    first = await _take_dead(broker, 10)
    rest = await broker.take_dead(limit=100)

    assert first == ids[:10]
    assert rest == ids[10:]


async def test_a_full_high_lane_leaves_the_low_one_its_share(broker: Broker) -> None:
    high, low = some_ids(640), some_ids(40)
    await broker.publish(Lane.HIGH, high)
    for id in low:
        await broker.publish(Lane.LOW, [id])

    async with broker.consume(prefetch={Lane.HIGH: 20, Lane.NORMAL: 4, Lane.LOW: 40}) as messages:
        for _ in range(10):  # let all of them come first
            await asyncio.sleep(0.05)
        taken = await take(messages, 20 + 40)

    last = max(place for place, message in enumerate(taken) if message.lane is Lane.LOW)
    ahead = sum(len(message.ids) for message in taken[:last] if message.lane is Lane.HIGH)
    assert ahead <= 40 * 4 + 3 * MAX_IDS_PER_MESSAGE, "of five executions one is low"


async def test_a_lane_that_is_alone_gets_all_there_is(broker: Broker) -> None:
    await broker.publish(Lane.LOW, some_ids(96))

    async with broker.consume(prefetch=ALL) as messages:
        taken = await take(messages, 3)

    assert [message.lane for message in taken] == [Lane.LOW] * 3


async def test_several_consumers_share_a_lane(brokers: Sequence[Broker]) -> None:
    ids = some_ids(6)
    async with (
        brokers[0].consume(prefetch={Lane.NORMAL: 2}) as one,
        brokers[1].consume(prefetch={Lane.NORMAL: 2}) as two,
    ):
        for id in ids:
            await brokers[0].publish(Lane.NORMAL, [id])
        ones, twos = await take(one, 2), await take(two, 2)
        assert await nothing_comes(one)
        for message in ones:
            await message.ack()

        ones += await take(one, 2)

    assert sorted(message.ids[0] for message in [*ones, *twos]) == sorted(ids)


async def test_what_one_consumer_drops_another_gets(brokers: Sequence[Broker]) -> None:
    [id] = some_ids(1)
    async with brokers[0].consume(prefetch={Lane.NORMAL: 1}) as one:
        await brokers[1].publish(Lane.NORMAL, [id])
        await take(one)
        async with brokers[1].consume(prefetch={Lane.NORMAL: 1}) as two:
            assert await nothing_comes(two)
    async with brokers[1].consume(prefetch={Lane.NORMAL: 1}) as two:
        assert await take_ids(two, 1) == [id]


async def test_concurrent_publishes_lose_and_double_nothing(broker: Broker) -> None:
    batches = [some_ids(70) for _ in range(40)]
    async with broker.consume(prefetch=ALL) as messages, asyncio.TaskGroup() as group:
        for number, batch in enumerate(batches):
            group.create_task(broker.publish(list(Lane)[number % 3], batch))

        received = await take_ids(messages, 40 * 70)

        assert sorted(received) == sorted(id for batch in batches for id in batch)
        assert await nothing_comes(messages)


async def test_a_consumer_that_stops_waiting_can_wait_again(broker: Broker) -> None:
    [id] = some_ids(1)
    async with broker.consume(prefetch=ALL) as messages:
        assert await nothing_comes(messages)
        waiter = asyncio.ensure_future(anext(messages))
        await asyncio.sleep(0)
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        await broker.publish(Lane.NORMAL, [id])

        assert await take_ids(messages, 1) == [id]


async def test_the_iterator_ends_with_its_context(broker: Broker) -> None:
    async with broker.consume(prefetch=ALL) as messages:
        waiter = asyncio.ensure_future(anext(messages, None))
        await asyncio.sleep(0)

    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await waiter is None
    assert [message async for message in messages] == []


async def test_a_broker_that_is_there_passes_the_check(broker: Broker) -> None:
    await broker.check()


async def _take_dead(broker: Broker, limit: int) -> list[ExecutionId]:
    """Take dead ids once there are some: RabbitMQ moves them a moment after they came back."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (taken := await broker.take_dead(limit=limit)):
            await asyncio.sleep(0.01)
    return list(taken)
