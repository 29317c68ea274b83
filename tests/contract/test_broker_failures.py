"""What every broker promises when something dies in the middle: a consumer, or the whole server.

RabbitMQ is really stopped and really killed. The broker that lives in the process dies with it; what can die there
is a consumer, so the same load runs through the death of one.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field

import pytest

from engine.brokers import rabbitmq
from engine.brokers.inprocess import InProcessBroker
from engine.errors import Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import Broker
from tests.contract.broker_kits import QUICK, rabbit_queues, some_ids
from tests.services import Services

pytestmark = pytest.mark.contract

REAL = [pytest.mark.integration, pytest.mark.chaos]
CASES = [
    "inprocess",
    pytest.param("rabbitmq stopped", marks=REAL),
    pytest.param("rabbitmq killed", marks=REAL),
]
ALL = dict.fromkeys(Lane, 8)


@dataclass(kw_only=True)
class Load:
    """Publishers and a consumer that go on whatever happens, and what they know."""

    broker: Broker
    confirmed: set[ExecutionId] = field(default_factory=set)
    consumed: set[ExecutionId] = field(default_factory=set)
    refused: int = 0
    consumer_deaths: int = 0
    kill_consumer: asyncio.Event = field(default_factory=asyncio.Event)

    async def publish(self) -> None:
        while True:
            ids = some_ids(3)
            try:
                await self.broker.publish(Lane.NORMAL, ids)
                self.confirmed.update(ids)
            except Unavailable:
                self.refused += 1
            await asyncio.sleep(0.005)

    async def consume(self) -> None:
        while True:
            async with self.broker.consume(prefetch=ALL) as messages:
                async for message in messages:
                    if self.kill_consumer.is_set():
                        self.kill_consumer.clear()
                        self.consumer_deaths += 1
                        break  # holding this message and perhaps more
                    self.consumed.update(message.ids)
                    await message.ack()

    async def more(self, collection: set[ExecutionId], count: int) -> None:
        """Wait until ``collection`` has grown by ``count``."""
        goal = len(collection) + count
        while len(collection) < goal:
            await asyncio.sleep(0.01)


@dataclass(frozen=True, kw_only=True)
class Case:
    load: Load
    disturb: Callable[[], Awaitable[object]]
    server_dies: bool


@pytest.fixture(params=CASES)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    if request.param == "inprocess":
        load = Load(broker=InProcessBroker())

        async def kill_a_consumer() -> None:
            load.kill_consumer.set()

        yield Case(load=load, disturb=kill_a_consumer, server_dies=False)
        return
    services: Services = request.getfixturevalue("private_services")
    prefix: str = request.getfixturevalue("broker_prefix")
    server = services.rabbitmq
    assert server is not None

    def restart() -> Awaitable[None]:
        return asyncio.to_thread(server.restart, kill=request.param == "rabbitmq killed")

    async with AsyncExitStack() as stack:
        await stack.enter_async_context(rabbit_queues(services.broker_url, prefix))
        broker = await stack.enter_async_context(
            rabbitmq.open_broker(services.broker_url, prefix=prefix, backoff=QUICK)
        )
        yield Case(load=Load(broker=broker), disturb=restart, server_dies=True)


async def test_every_confirmed_id_is_consumed_although_something_dies_in_the_middle(case: Case) -> None:
    load = case.load
    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        publishers = [group.create_task(load.publish()) for _ in range(4)]
        consumer = group.create_task(load.consume())
        await load.more(load.consumed, 150)

        await case.disturb()

        await load.more(load.confirmed, 150)
        await load.more(load.consumed, 150)
        for publisher in publishers:
            publisher.cancel()
        while load.confirmed - load.consumed:
            await asyncio.sleep(0.01)
        consumer.cancel()

    assert load.refused > 0 if case.server_dies else load.consumer_deaths == 1


async def test_the_check_fails_while_the_server_is_away_and_passes_again(case: Case) -> None:
    broker, checks = case.load.broker, list[bool]()

    async def watch() -> None:
        while True:
            checks.append(await _passes(broker))
            await asyncio.sleep(0.005)

    async with asyncio.timeout(120), asyncio.TaskGroup() as group:
        watcher = group.create_task(watch())
        await case.disturb()
        while not await _passes(broker):
            await asyncio.sleep(0.01)
        watcher.cancel()

    assert (False in checks) == case.server_dies


async def test_listeners_hear_again_without_being_opened_again(case: Case) -> None:
    broker, heard = case.load.broker, asyncio.Event()

    async def signal_until_heard() -> None:
        while not heard.is_set():
            await broker.signal("after.restart", b"")
            await asyncio.sleep(0.01)

    async with asyncio.timeout(120), broker.signals("after.*") as signals:
        await case.disturb()
        async with asyncio.TaskGroup() as group:
            group.create_task(signal_until_heard())
            signal = await anext(signals)
            heard.set()

    assert signal.topic == "after.restart"


async def _passes(broker: Broker) -> bool:
    with suppress(Unavailable):
        await broker.check()
        return True
    return False
