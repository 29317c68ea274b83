"""The few calls that go past aio-pika to the aiormq channel beneath it, its "underlay"; everything else is aio-pika's.

aio-pika waits after each publish and each acknowledgement until the socket has taken it, and keeps the channel locked
meanwhile. Without that wait a publish costs 83 instead of 107 microseconds of CPU, a signal 59 instead of 72, a
delivery with its acknowledgement 91 instead of 116 (``docs/decisions/0004-brokers-on-aio-pika.md``), and those that
publish at the same time do not queue up behind each other.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, cast

from aio_pika import DeliveryMode, Message
from aio_pika.abc import AbstractChannel


class _Underlay(Protocol):
    """What aiormq's channel has, and the abstract class that aio-pika promises does not declare."""

    def basic_publish(
        self, body: bytes, *, exchange: str, routing_key: str, properties: Any, mandatory: bool, wait: bool
    ) -> Awaitable[object]: ...


async def publish(channel: AbstractChannel, body: bytes, *, queue: str) -> None:
    """Publish a persistent message and wait for the confirmation, but not for the socket."""
    await (await _underlay(channel)).basic_publish(
        body,
        exchange="",
        routing_key=queue,
        properties=Message(body, delivery_mode=DeliveryMode.PERSISTENT).properties,
        mandatory=True,
        wait=False,
    )


async def signal(channel: AbstractChannel, body: bytes, *, exchange: str, topic: str, wait: bool) -> None:
    """Publish a transient message on a channel without confirms; ``wait`` for the socket or not."""
    await (await _underlay(channel)).basic_publish(
        body,
        exchange=exchange,
        routing_key=topic,
        properties=Message(body, delivery_mode=DeliveryMode.NOT_PERSISTENT).properties,
        mandatory=False,
        wait=wait,
    )


async def acknowledge(channel: AbstractChannel, tag: int) -> None:
    """Acknowledge one message without waiting for the socket."""
    await (await channel.get_underlay_channel()).basic_ack(tag, wait=False)


async def when_cancelled(channel: AbstractChannel, call: Callable[[], None]) -> None:
    """Call when the broker cancels a consumer, as it does when a queue is deleted.

    Of aio-pika's channels only the robust ones hear of it.
    """
    (await channel.get_underlay_channel()).on_consumer_cancel_callbacks.add(lambda _: call())


async def _underlay(channel: AbstractChannel) -> _Underlay:
    return cast(_Underlay, await channel.get_underlay_channel())
