"""How many messages consumers hold, summed over all processes.

AMQP tells how many messages of a queue wait, not how many were delivered and are unacknowledged, and the management
API is a plugin that may be missing. So the consumers are asked: a question to all processes over a fanout exchange,
an answer from each over RabbitMQ's direct reply queue.
"""

import asyncio
import struct
from collections.abc import Collection
from datetime import timedelta
from typing import Final

from aio_pika import Message
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from engine.brokers.consuming import Consumer
from engine.model.workflow import Lane

REPLY_QUEUE: Final = "amq.rabbitmq.reply-to"  # https://www.rabbitmq.com/docs/direct-reply-to
_ANSWER: Final = struct.Struct(">II")  # how many consumers the process has on the lane, how many messages they hold


class CensusTaker:
    """Answers for the consumers of this process."""

    def __init__(self, exchange: str, consumers: Collection[Consumer]) -> None:
        self._exchange = exchange
        self._consumers = consumers
        self._channel: AbstractChannel | None = None

    async def start(self, channel: AbstractChannel) -> None:
        self._channel = channel
        queue = await channel.declare_queue(exclusive=True, auto_delete=True)
        await queue.bind(self._exchange)
        await queue.consume(self._answer, no_ack=True)

    async def _answer(self, question: AbstractIncomingMessage) -> None:
        lane, reply_to = Lane(question.body.decode()), question.reply_to
        asked = [consumer for consumer in self._consumers if lane in consumer.lanes()]
        if asked and reply_to and self._channel:
            answer = _ANSWER.pack(len(asked), sum(consumer.count_held(lane) for consumer in asked))
            await self._channel.default_exchange.publish(Message(answer), reply_to, mandatory=False)


async def count_held(
    channel: AbstractChannel, exchange: str, lane: Lane, *, consumers: int, patience: timedelta
) -> int:
    """Ask until all ``consumers`` of the lane have answered; one that stays silent counts as holding one message."""
    answered = held = 0
    enough = asyncio.Event()

    async def count(answer: AbstractIncomingMessage) -> None:
        nonlocal answered, held
        some, of_them = _ANSWER.unpack(answer.body)
        answered, held = answered + some, held + of_them
        if answered >= consumers:
            enough.set()

    replies = await channel.get_queue(REPLY_QUEUE, ensure=False)
    counting = await replies.consume(count, no_ack=True)
    question = Message(lane.encode(), reply_to=REPLY_QUEUE)
    everybody = await channel.get_exchange(exchange, ensure=False)
    await everybody.publish(question, routing_key="", mandatory=False)
    try:
        async with asyncio.timeout(patience.total_seconds()):
            await enough.wait()
    except TimeoutError:
        held += max(0, consumers - answered)
    await replies.cancel(counting)  # RabbitMQ forgets the address, so no late answer reaches the next count
    return held
