"""Sending and hearing signals over a topic exchange: unconfirmed, transient, and many in one message.

``signal`` only adds to a buffer. What gathers there while the last messages are being written goes out together, one
message per topic; so under load the cost per signal falls, and an idle hub sends at once.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from engine.brokers import underlay
from engine.brokers.connection import broker_errors
from engine.brokers.topics import MAX_WAITING_SIGNALS, SignalQueue
from engine.brokers.wire import UnknownFormat, decode_signals, encode_signals
from engine.errors import Unavailable
from engine.ports import Signal

log = logging.getLogger(__name__)


class SignalSender:
    """Writes buffered signals to whatever channel there is. A full buffer loses its oldest signals."""

    def __init__(self, exchange: str, channel: Callable[[], AbstractChannel | None]) -> None:
        self._exchange = exchange
        self._channel = channel
        self._pending: deque[tuple[str, bytes]] = deque(maxlen=MAX_WAITING_SIGNALS)
        self._changed = asyncio.Event()

    def put(self, topic: str, body: bytes) -> None:
        self._pending.append((topic, body))
        self._changed.set()

    async def run(self) -> None:
        """Send for ever; signals that cannot be sent now are lost."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            by_topic: dict[str, list[bytes]] = {}
            while self._pending:
                topic, body = self._pending.popleft()
                by_topic.setdefault(topic, []).append(body)
            channel = self._channel()
            if channel is not None:
                with suppress(Unavailable), broker_errors("signalling"):
                    await self._send(channel, by_topic)

    async def _send(self, channel: AbstractChannel, by_topic: dict[str, list[bytes]]) -> None:
        messages = [(topic, message) for topic, bodies in by_topic.items() for message in encode_signals(bodies)]
        for number, (topic, message) in enumerate(messages, start=1):
            # Waiting for the socket once per batch keeps a slow network from filling the memory.
            wait = number == len(messages)
            await underlay.signal(channel, message, exchange=self._exchange, topic=topic, wait=wait)


class Listener:
    """One ``signals`` context: a queue at the broker that lives as long as the connection, and the bounded one here."""

    def __init__(self, exchange: str, patterns: Sequence[str], *, size: int) -> None:
        self.queue = SignalQueue(size=size)
        self._exchange = exchange
        self._patterns = patterns

    async def start(self, channel: AbstractChannel) -> None:
        queue = await channel.declare_queue(
            exclusive=True, auto_delete=True, arguments={"x-max-length": MAX_WAITING_SIGNALS}
        )
        for pattern in self._patterns:
            await queue.bind(self._exchange, pattern)
        await queue.consume(self._receive, no_ack=True)

    async def _receive(self, delivered: AbstractIncomingMessage) -> None:
        topic = delivered.routing_key or ""
        try:
            for body in decode_signals(delivered.body):
                self.queue.put(Signal(topic, body))
        except UnknownFormat as error:
            log.warning("a signal is not ours", extra={"topic": topic, "reason": str(error)})
