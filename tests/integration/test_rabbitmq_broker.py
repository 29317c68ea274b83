"""What only the RabbitMQ broker can suffer: a server that is away, cut and frozen connections, a memory alarm."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from engine.brokers import rabbitmq
from engine.brokers.rabbitmq import RabbitBroker
from engine.errors import Unavailable
from engine.model.workflow import Lane
from engine.ports import Broker
from tests.contract.broker_kits import QUICK, hear, rabbit_queues, some_ids, take, take_ids
from tests.integration.tcp_proxy import Proxy, open_proxy
from tests.services import Services
from tests.services.private import PrivateServer
from tests.services.rabbitmq import find_program

pytestmark = pytest.mark.integration

ALL = dict.fromkeys(Lane, 10)


def opened(
    url: str, prefix: str, *, timeout: float = 5, max_waiting_signals: int = 1000
) -> AbstractAsyncContextManager[RabbitBroker]:
    return rabbitmq.open_broker(
        url,
        prefix=prefix,
        timeout=timedelta(seconds=timeout),
        backoff=QUICK,
        max_waiting_signals=max_waiting_signals,
    )


@pytest.fixture
async def proxy(broker_url: str, broker_prefix: str) -> AsyncIterator[Proxy]:
    parts = urlsplit(broker_url)
    async with rabbit_queues(broker_url, broker_prefix), open_proxy(broker_url, parts.hostname, parts.port) as opened:
        yield opened


async def test_a_hub_that_starts_before_its_broker_waits_for_it(private_services: Services, broker_prefix: str) -> None:
    server = private_services.rabbitmq
    assert server is not None
    [id] = some_ids(1)
    async with rabbit_queues(private_services.broker_url, broker_prefix):
        await asyncio.to_thread(server.stop)
        try:
            async with opened(private_services.broker_url, broker_prefix) as broker:
                await _refuses_everything(broker)
                async with broker.consume(prefetch=ALL) as messages:
                    await asyncio.to_thread(server.start)
                    await _until_up(broker)
                    await broker.publish(Lane.HIGH, [id])

                    assert await take_ids(messages, 1) == [id]
        finally:
            await asyncio.to_thread(server.start)


async def _refuses_everything(broker: Broker) -> None:
    started = time.monotonic()
    with pytest.raises(Unavailable, match="is not connected"):
        await broker.check()
    with pytest.raises(Unavailable):
        await broker.publish(Lane.NORMAL, some_ids(1))
    with pytest.raises(Unavailable):
        await broker.publish(Lane.NORMAL, some_ids(100))
    with pytest.raises(Unavailable):
        await broker.depth(Lane.NORMAL)
    with pytest.raises(Unavailable):
        await broker.take_dead(limit=1)
    await broker.signal("lost", b"")
    async with broker.signals("#"):
        pass
    assert time.monotonic() - started < 1


async def test_messages_come_back_after_the_connection_was_cut(proxy: Proxy, broker_prefix: str) -> None:
    ids = some_ids(2)
    async with opened(proxy.url, broker_prefix) as broker, broker.consume(prefetch=ALL) as messages:
        for id in ids:
            await broker.publish(Lane.NORMAL, [id])
        held = await take(messages, 2)

        proxy.cut()

        assert await take_ids(messages, 2) == ids
        for message in held:
            await message.ack()  # of a channel that is gone: must neither raise nor settle another message
        await _until_up(broker)
        await broker.publish(Lane.NORMAL, ids)
        assert await take_ids(messages, 2) == ids


async def test_a_publish_whose_connection_is_cut_is_refused(proxy: Proxy, broker_prefix: str) -> None:
    async with opened(proxy.url, broker_prefix) as broker:
        proxy.freeze()
        publishing = asyncio.ensure_future(broker.publish(Lane.NORMAL, some_ids(40)))
        await proxy.until_swallowed()

        proxy.cut()

        with pytest.raises(Unavailable):
            await publishing


async def test_a_frozen_connection_is_given_up_after_the_timeout(proxy: Proxy, broker_prefix: str) -> None:
    async with opened(proxy.url, broker_prefix, timeout=0.3) as broker:
        proxy.freeze()
        started = time.monotonic()

        with pytest.raises(Unavailable, match="did not answer in time"):
            await broker.publish(Lane.NORMAL, some_ids(1))

        assert time.monotonic() - started < 2
        with pytest.raises(Unavailable):
            await broker.check()
        proxy.thaw()
        await _until_up(broker)
        await broker.publish(Lane.NORMAL, some_ids(1))


async def test_leaving_while_the_network_is_frozen_is_quick(proxy: Proxy, broker_prefix: str) -> None:
    async with opened(proxy.url, broker_prefix), asyncio.timeout(20):
        proxy.freeze()


async def test_a_cancelled_publish_leaves_the_connection_working(proxy: Proxy, broker_prefix: str) -> None:
    async with opened(proxy.url, broker_prefix) as broker:
        for _ in range(20):
            publishing = asyncio.ensure_future(broker.publish(Lane.NORMAL, some_ids(70)))
            await asyncio.sleep(0)
            publishing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await publishing

        await broker.publish(Lane.NORMAL, some_ids(1))
        assert proxy.connections == 2


async def test_cancelling_a_count_disturbs_no_consumer(proxy: Proxy, broker_prefix: str) -> None:
    [id] = some_ids(1)
    async with opened(proxy.url, broker_prefix) as broker, broker.consume(prefetch=ALL) as messages:
        for _ in range(10):
            counting = asyncio.ensure_future(broker.depth(Lane.NORMAL))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            counting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await counting
        await broker.publish(Lane.NORMAL, [id])

        assert await take_ids(messages, 1) == [id]
        assert proxy.connections == 2


async def test_a_slow_listener_loses_the_oldest_signals(broker_url: str, broker_prefix: str) -> None:
    async with (
        rabbit_queues(broker_url, broker_prefix),
        opened(broker_url, broker_prefix, max_waiting_signals=3) as broker,
        broker.signals("n.*") as slow,
        broker.signals("end") as end,
    ):
        for number in range(10):
            await broker.signal("n.1", str(number).encode())
        await broker.signal("n.1", b"last")
        await broker.signal("end", b"")
        await hear(end)

        assert [signal.body for signal in await hear(slow, 3)] == [b"8", b"9", b"last"]


async def test_the_silence_of_one_consumer_is_counted_as_one_message(proxy: Proxy, broker_prefix: str) -> None:
    """A process that hangs holds at least one message as far as anybody can tell."""
    async with (
        opened(proxy.direct_url, broker_prefix, timeout=1) as broker,
        opened(proxy.url, broker_prefix) as other,
        other.consume(prefetch=ALL) as messages,
    ):
        for _ in range(2):
            await broker.publish(Lane.NORMAL, some_ids(1))
        await take(messages, 2)
        proxy.freeze()

        assert await broker.depth(Lane.NORMAL) == 1

        proxy.thaw()
        assert await _depth_becomes(broker, Lane.NORMAL, 2)


@pytest.mark.chaos
async def test_a_broker_short_of_memory_refuses_publishes_and_accepts_acknowledgements(
    private_services: Services, broker_prefix: str
) -> None:
    server = private_services.rabbitmq
    assert server is not None
    async with (
        rabbit_queues(private_services.broker_url, broker_prefix),
        opened(private_services.broker_url, broker_prefix, timeout=2) as broker,
        broker.consume(prefetch=ALL) as messages,
    ):
        await broker.publish(Lane.NORMAL, some_ids(1))
        [message] = await take(messages)
        async with _memory_alarm(server):
            with pytest.raises(Unavailable):
                await broker.publish(Lane.NORMAL, some_ids(1))
            with pytest.raises(Unavailable, match="short of memory or disk"):
                await broker.check()
            await message.ack()
        await _until_up(broker)

        assert await _depth_becomes(broker, Lane.NORMAL, 0, 1)  # the refused one may have got through


@asynccontextmanager
async def _memory_alarm(server: PrivateServer) -> AsyncIterator[None]:
    await asyncio.to_thread(_control, server, "set_vm_memory_high_watermark", "0.00001")
    try:
        yield
    finally:
        await asyncio.to_thread(_control, server, "set_vm_memory_high_watermark", "0.4")


def _control(server: PrivateServer, *arguments: str) -> None:
    program = find_program()
    assert program is not None
    subprocess.run(
        [program.with_name("rabbitmqctl"), "--node", server.environment["RABBITMQ_NODENAME"], *arguments],
        env={"PATH": "/usr/bin:/bin", "HOME": str(server.folder), "LC_ALL": "C.UTF-8", **server.environment},
        cwd=server.folder,
        user=server.user,
        check=True,
        capture_output=True,
        timeout=60,
    )


async def _depth_becomes(broker: Broker, lane: Lane, *depths: int) -> bool:
    async with asyncio.timeout(20):
        while await broker.depth(lane) not in depths:
            await asyncio.sleep(0.02)
    return True


async def _until_up(broker: Broker) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                return await broker.check()
            except Unavailable:
                await asyncio.sleep(0.02)
