"""What the RabbitMQ broker may find at the server that is not its own: queues, users, messages, signals."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aio_pika
import pytest
from aio_pika.abc import AbstractChannel

from engine.brokers import open_broker
from engine.errors import ConfigurationError, Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import Broker
from tests.contract.broker_kits import hear, rabbit_queues, some_ids, take_ids

pytestmark = pytest.mark.integration

ALL = dict.fromkeys(Lane, 10)


@pytest.fixture
async def channel(broker_url: str) -> AsyncIterator[AbstractChannel]:
    """Somebody else's channel to the same server."""
    async with await aio_pika.connect(broker_url) as connection, connection.channel() as opened:
        yield opened


async def test_a_queue_that_was_declared_otherwise_is_a_configuration_error(
    broker_url: str, broker_prefix: str, channel: AbstractChannel
) -> None:
    async with rabbit_queues(broker_url, broker_prefix):
        await channel.declare_queue(f"{broker_prefix}.normal", durable=True)

        with pytest.raises(ConfigurationError, match=rf"{broker_prefix}\.normal.*choose another prefix"):
            async with open_broker(broker_url, prefix=broker_prefix):
                pass


async def test_a_wrong_password_is_a_configuration_error_that_does_not_show_it(broker_url: str) -> None:
    parts = urlsplit(broker_url)

    with pytest.raises(ConfigurationError, match="refuses the user or password") as raised:
        async with open_broker(f"amqp://guest:wr0ng@{parts.hostname}:{parts.port}/", prefix="unused"):
            pass

    assert "wr0ng" not in str(raised.value)


async def test_a_queue_deleted_under_its_consumer_is_declared_again(
    broker_url: str, broker_prefix: str, channel: AbstractChannel
) -> None:
    [id] = some_ids(1)
    async with (
        rabbit_queues(broker_url, broker_prefix),
        open_broker(broker_url, prefix=broker_prefix) as broker,
        broker.consume(prefetch=ALL) as messages,
    ):
        await channel.queue_delete(f"{broker_prefix}.normal")
        await _publish_at_last(broker, id)

        assert (await take_ids(messages, 1))[0] == id


async def test_a_foreign_message_is_put_aside(broker_url: str, broker_prefix: str, channel: AbstractChannel) -> None:
    [id] = some_ids(1)
    async with rabbit_queues(broker_url, broker_prefix), open_broker(broker_url, prefix=broker_prefix) as broker:
        for body in (b"\xff\xfe", b"", b"9 of a later release"):
            await channel.default_exchange.publish(aio_pika.Message(body), f"{broker_prefix}.normal")
        await broker.publish(Lane.NORMAL, [id])

        async with broker.consume(prefetch={Lane.NORMAL: 1}) as messages:
            assert await take_ids(messages, 1) == [id]

        assert await broker.take_dead(limit=10) == []


async def test_a_foreign_signal_is_ignored(broker_url: str, broker_prefix: str, channel: AbstractChannel) -> None:
    async with (
        rabbit_queues(broker_url, broker_prefix),
        open_broker(broker_url, prefix=broker_prefix) as broker,
        broker.signals("#") as signals,
    ):
        exchange = await channel.get_exchange(f"{broker_prefix}.signals", ensure=False)
        for body in (b"?", b"1\0\0\0\x09short"):
            await exchange.publish(aio_pika.Message(body), "x")
        await broker.signal("y", b"ours")

        assert [signal.body for signal in await hear(signals)] == [b"ours"]


async def _publish_at_last(broker: Broker, id: ExecutionId) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                return await broker.publish(Lane.NORMAL, [id])
            except Unavailable:
                await asyncio.sleep(0.02)
