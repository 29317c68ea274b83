"""The brokers under contract, each with what a test needs to look at it from outside."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import aio_pika
import pytest

from engine.brokers import rabbitmq
from engine.brokers.inprocess import InProcessBroker
from engine.brokers.link import Backoff
from engine.brokers.topology import Topology
from engine.model.base import ExecutionId, new_id
from engine.ports import Broker, Message, Signal

BROKERS = ["inprocess", pytest.param("rabbitmq", marks=pytest.mark.integration)]
PATIENCE_SECONDS = 20
MOMENT_SECONDS = 0.05
QUICK = Backoff(first=timedelta(milliseconds=20), ceiling=timedelta(milliseconds=200))


@asynccontextmanager
async def open_brokers(request: pytest.FixtureRequest, *, count: int = 1) -> AsyncIterator[Sequence[Broker]]:
    """Open so many views of the same queues: processes of a cluster, or users of the one broker of a process."""
    if request.param == "inprocess":
        yield [InProcessBroker()] * count
        return
    url, prefix = request.getfixturevalue("broker_url"), request.getfixturevalue("broker_prefix")
    async with rabbit_queues(url, prefix), asyncio.timeout(60):
        if count == 1:
            async with rabbitmq.open_broker(url, prefix=prefix, backoff=QUICK) as only:
                yield [only]
        else:
            async with (
                rabbitmq.open_broker(url, prefix=prefix, backoff=QUICK) as first,
                rabbitmq.open_broker(url, prefix=prefix, backoff=QUICK) as second,
            ):
                yield [first, second]


@asynccontextmanager
async def rabbit_queues(url: str, prefix: str) -> AsyncIterator[None]:
    """Delete what the test declared under ``prefix``, at the end."""
    try:
        yield
    finally:
        topology = Topology.under(prefix)
        async with await aio_pika.connect(url) as connection, connection.channel() as channel:
            for queue in (*topology.lanes.values(), topology.dead):
                await channel.queue_delete(queue)
            for exchange in (topology.signals, topology.census):
                await channel.exchange_delete(exchange)


def some_ids(count: int) -> list[ExecutionId]:
    return [ExecutionId(new_id()) for _ in range(count)]


async def take(messages: AsyncIterator[Message], count: int = 1) -> list[Message]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(messages) for _ in range(count)]


async def take_ids(messages: AsyncIterator[Message], count: int) -> list[ExecutionId]:
    """Take and acknowledge messages until they had so many ids."""
    ids: list[ExecutionId] = []
    while len(ids) < count:
        [message] = await take(messages)
        ids += message.ids
        await message.ack()
    return ids


async def hear(signals: AsyncIterator[Signal], count: int = 1) -> list[Signal]:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return [await anext(signals) for _ in range(count)]


async def nothing_comes(iterator: AsyncIterator[object]) -> bool:
    try:
        async with asyncio.timeout(MOMENT_SECONDS):
            await anext(iterator)
    except TimeoutError:
        return True
    return False
