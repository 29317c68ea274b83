"""Receiving messages of ids: one consumer, whatever connection carries it at the moment."""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Self

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from engine.brokers import underlay
from engine.brokers.connection import broker_errors
from engine.brokers.shares import Shares
from engine.brokers.wire import UnknownFormat, decode_ids
from engine.errors import Unavailable
from engine.model.base import ExecutionId
from engine.model.workflow import Lane
from engine.ports import Message

log = logging.getLogger(__name__)


class Consumer:
    """One ``consume`` context: its iterator waits while the broker is away and forgets messages of a lost channel."""

    def __init__(self, queues: Mapping[Lane, str], prefetch: Mapping[Lane, int]) -> None:
        self._queues = queues
        self._prefetch = {lane: prefetch[lane] for lane in Lane if prefetch.get(lane, 0) > 0}
        self._shares = Shares()
        self._channel: AbstractChannel | None = None
        self._waiting: dict[Lane, deque[RabbitMessage]] = {}
        self._held: Counter[Lane] = Counter()
        self._changed = asyncio.Event()
        self._closed = False

    async def start(self, channel: AbstractChannel) -> None:
        self._channel = channel
        self._waiting = {}
        self._held.clear()
        for lane, count in self._prefetch.items():
            # Without "global", RabbitMQ applies the count to each consumer that is started after it.
            await channel.set_qos(prefetch_count=count)
            queue = await channel.get_queue(self._queues[lane], ensure=False)
            await queue.consume(self._receiver(channel, lane))

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    def lanes(self) -> Sequence[Lane]:
        return tuple(self._prefetch)

    def count_held(self, lane: Lane) -> int:
        """How many messages this consumer was given and has not acknowledged."""
        return self._held[lane]

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Message:
        while not self._closed:
            lane = self._shares.next_lane(self._waiting)
            if lane is not None:
                message = self._waiting[lane].popleft()
                self._shares.took(lane, len(message.ids))
                if not self._waiting[lane]:
                    del self._waiting[lane]
                return message
            self._changed.clear()
            await self._changed.wait()
        raise StopAsyncIteration

    async def acknowledge(self, message: "RabbitMessage") -> None:
        if message.channel is not self._channel or self._closed:
            return  # its channel is gone: the broker delivers it again
        self._held[message.lane] -= 1
        with suppress(Unavailable), broker_errors("acknowledging"):
            await underlay.acknowledge(message.channel, message.tag)

    def _receiver(self, channel: AbstractChannel, lane: Lane) -> Callable[[AbstractIncomingMessage], Awaitable[None]]:
        async def receive(delivered: AbstractIncomingMessage) -> None:
            tag = delivered.delivery_tag
            if channel is not self._channel or tag is None:
                return
            try:
                ids = decode_ids(delivered.body)
            except UnknownFormat as error:
                log.warning("a message is not ours", extra={"lane": lane, "reason": str(error)})
                with suppress(Unavailable), broker_errors("rejecting"):
                    await delivered.reject(requeue=False)
                return
            self._held[lane] += 1
            self._waiting.setdefault(lane, deque()).append(
                RabbitMessage(ids=ids, lane=lane, tag=tag, consumer=self, channel=channel)
            )
            self._changed.set()

        return receive


class RabbitMessage:
    """One delivery. Acknowledging it twice, or after its channel was lost, does nothing."""

    __slots__ = ("_acked", "_consumer", "channel", "ids", "lane", "tag")

    def __init__(
        self, *, ids: tuple[ExecutionId, ...], lane: Lane, tag: int, consumer: Consumer, channel: AbstractChannel
    ) -> None:
        self.ids: Sequence[ExecutionId] = ids
        self.lane = lane
        self.tag = tag
        self.channel = channel
        self._consumer = consumer
        self._acked = False

    async def ack(self) -> None:
        if not self._acked:
            self._acked = True
            await self._consumer.acknowledge(self)
