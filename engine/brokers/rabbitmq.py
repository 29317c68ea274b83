"""The broker of a cluster: quorum queues for ids, a topic exchange for hints, on RabbitMQ 3.10 or later.

Two connections: RabbitMQ stops reading from a connection that publishes while it is short of memory or disk, and the
acknowledgements of executors must get through just then.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from engine.brokers import underlay
from engine.brokers.background import Background
from engine.brokers.census import CensusTaker, count_held
from engine.brokers.channels import SpareChannels
from engine.brokers.connection import Connection, broker_errors, close_channel, open_channel
from engine.brokers.consuming import Consumer
from engine.brokers.hinting import Listener, SignalSender
from engine.brokers.link import Backoff, Link
from engine.brokers.subscriptions import Subscriptions
from engine.brokers.topics import MAX_WAITING_SIGNALS, require_topic
from engine.brokers.topology import Topology
from engine.brokers.wire import UnknownFormat, decode_ids, encode_ids
from engine.errors import ConfigurationError, Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import Message, Signal

SCHEMES: Final = ("amqp", "amqps")


@asynccontextmanager
async def open_broker(
    url: str,
    *,
    prefix: str = "patchbay",
    timeout: timedelta = timedelta(seconds=5),
    backoff: Backoff = Backoff(),  # noqa: B008 - immutable
    max_waiting_signals: int = MAX_WAITING_SIGNALS,
) -> AsyncIterator["RabbitBroker"]:
    """Connect, and stay connected until the context ends.

    When RabbitMQ is away at the start, the context begins nevertheless: ``check`` raises, and connecting goes on.

    Args:
        url: ``amqp://user:password@host:port/vhost``, or ``amqps``; TLS options as query parameters of aio-pika.
        prefix: Begins the names of all queues and exchanges.
        timeout: Bounds each answer of the broker: connecting, a confirmation, a count.
        backoff: The waits between attempts to connect.
        max_waiting_signals: How many signals a listener may leave unread before it loses the oldest.

    Raises:
        ConfigurationError: The URL is malformed, the user is refused, or a queue exists with other settings.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.hostname:
        raise ConfigurationError("the broker URL is malformed; write amqp://user:password@host:5672/")
    broker = RabbitBroker(url, prefix=prefix, timeout=timeout, backoff=backoff, max_waiting_signals=max_waiting_signals)
    async with broker.opened():
        yield broker


class RabbitBroker:
    """Use ``open_broker``. It belongs to one event loop; any number of its tasks may call it at once."""

    def __init__(
        self, url: str, *, prefix: str, timeout: timedelta, backoff: Backoff, max_waiting_signals: int
    ) -> None:
        self._topology = Topology.under(prefix)
        self._timeout = timeout
        self._max_waiting_signals = max_waiting_signals
        self._publishing = Link(
            url, name=f"{prefix} publishing", prepare=self._prepare_publishing, timeout=timeout, backoff=backoff
        )
        self._consuming = Link(
            url, name=f"{prefix} consuming", prepare=self._prepare_consuming, timeout=timeout, backoff=backoff
        )
        self._publish_channel: AbstractChannel | None = None
        self._signal_channel: AbstractChannel | None = None
        self._consumers: set[Consumer] = set()
        self._subscriptions = Subscriptions()
        self._spare_channels = SpareChannels(self._publishing, timeout=timeout)
        self._sender = SignalSender(self._topology.signals, lambda: self._signal_channel)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[None]:
        """Run the two links and the sender of signals."""
        taker = CensusTaker(self._topology.census, self._consumers)
        async with (
            self._publishing,
            self._consuming,
            Background(self._sender.run, name="broker signals"),
            self._subscriptions.keep(taker, self._consuming, timeout=self._timeout),
        ):
            yield

    async def publish(self, lane: Lane, ids: Sequence[ExecutionId]) -> None:
        queue = self._topology.lanes[lane]
        bodies = list(encode_ids(ids))
        if len(bodies) == 1:
            await self._publish(queue, bodies[0])
        elif bodies:
            await self._publish_all(queue, bodies)

    @asynccontextmanager
    async def consume(self, *, prefetch: dict[Lane, int]) -> AsyncIterator[AsyncIterator[Message]]:
        consumer = Consumer(self._topology.lanes, prefetch)
        self._consumers.add(consumer)
        try:
            async with self._subscriptions.keep(consumer, self._consuming, timeout=self._timeout):
                yield consumer
        finally:
            consumer.close()
            self._consumers.discard(consumer)

    async def depth(self, lane: Lane) -> int:
        """A snapshot: a message that is just then on its way to or from a consumer may be missing."""
        async with self._spare_channels.use("counting messages") as channel:
            queue = await channel.declare_queue(self._topology.lanes[lane], passive=True)
            declared = queue.declaration_result
            waiting, consumers = declared.message_count or 0, declared.consumer_count or 0
            if not consumers:
                return waiting
            patience = self._timeout / 5
            return waiting + await count_held(
                channel, self._topology.census, lane, consumers=consumers, patience=patience
            )

    async def take_dead(self, *, limit: int) -> Sequence[ExecutionId]:
        taken: list[ExecutionId] = []
        last: AbstractIncomingMessage | None = None
        async with self._spare_channels.use("taking dead messages") as channel:
            queue = await channel.get_queue(self._topology.dead, ensure=False)
            while len(taken) < limit and (message := await queue.get(fail=False)):
                taken += _ids_of_dead(message)
                last = message
            for body in encode_ids(taken[limit:]):
                await self._publish(self._topology.dead, body)
            if last is not None:
                # Once for all of them: a failure before this line leaves every message where it was.
                await last.ack(multiple=True)
        return taken[:limit]

    async def signal(self, topic: str, body: bytes) -> None:
        require_topic(topic)
        self._sender.put(topic, body)

    @asynccontextmanager
    async def signals(self, *patterns: str) -> AsyncIterator[AsyncIterator[Signal]]:
        for pattern in patterns:
            require_topic(pattern)
        listener = Listener(self._topology.signals, patterns, size=self._max_waiting_signals)
        try:
            async with self._subscriptions.keep(listener, self._consuming, timeout=self._timeout):
                yield listener.queue
        finally:
            listener.queue.close()

    async def check(self) -> None:
        _ = self._consuming.connection
        await self._require_unblocked()

    async def _prepare_publishing(self, connection: Connection) -> None:
        confirmed = await open_channel(connection, confirms=True)
        await self._topology.declare(confirmed)
        unconfirmed = await open_channel(connection)
        for channel in (confirmed, unconfirmed):
            await self._publishing.watch(connection, channel)
        self._publish_channel, self._signal_channel = confirmed, unconfirmed

    async def _prepare_consuming(self, connection: Connection) -> None:
        channel = await open_channel(connection)
        await self._topology.declare(channel)
        await close_channel(channel)
        await self._subscriptions.attach_all(self._consuming, connection)

    async def _publish_all(self, queue: str, bodies: Sequence[bytes]) -> None:
        """Publish several messages at once, in order, and wait for all confirmations."""
        try:
            async with asyncio.TaskGroup() as group:
                for body in bodies:
                    group.create_task(self._publish(queue, body))
        except* Unavailable as errors:
            failed = errors
        else:
            return
        raise Unavailable(f"not all of {len(bodies)} messages were published: {failed.exceptions[0]}") from failed

    async def _publish(self, queue: str, body: bytes) -> None:
        connection, channel = await self._require_unblocked(), self._publish_channel
        if channel is None:
            raise Unavailable("the broker was never connected")
        try:
            with broker_errors("publishing"):
                async with asyncio.timeout(self._timeout.total_seconds()):
                    await underlay.publish(channel, body, queue=queue)
        except Unavailable as error:
            if not await connection.is_blocked():
                # No confirmation, a refusal, or no such queue any more: begin anew.
                self._publishing.drop(connection, str(error))
            raise

    async def _require_unblocked(self) -> Connection:
        connection = self._publishing.connection
        if await connection.is_blocked():
            raise Unavailable("the broker takes no messages now: it is short of memory or disk")
        return connection


def _ids_of_dead(message: AbstractIncomingMessage) -> Sequence[ExecutionId]:
    try:
        return decode_ids(message.body)
    except UnknownFormat:
        return ()
