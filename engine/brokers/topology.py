"""The names and settings of what Patchbay declares at RabbitMQ, all of it under one prefix."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel

from engine.model.workflow import Lane

MAX_RETURNS = 5
# RabbitMQ counts the returns it tolerates: the next one makes the message a dead letter (seen on 3.10.8).
_TOLERATED_RETURNS = MAX_RETURNS - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """What is called what."""

    lanes: Mapping[Lane, str]
    dead: str
    signals: str
    census: str

    @classmethod
    def under(cls, prefix: str) -> "Topology":
        return cls(
            lanes={lane: f"{prefix}.{lane}" for lane in Lane},
            dead=f"{prefix}.dead",
            signals=f"{prefix}.signals",
            census=f"{prefix}.census",
        )

    async def declare(self, channel: AbstractChannel) -> None:
        """Make everything exist that must outlive us. Repeating it changes nothing.

        Raises:
            ChannelPreconditionFailed: One of them exists with other settings.
        """
        await channel.declare_queue(self.dead, durable=True, arguments={"x-queue-type": "quorum"})
        arguments: dict[str, Any] = {
            "x-queue-type": "quorum",
            "x-delivery-limit": _TOLERATED_RETURNS,
            "x-dead-letter-exchange": "",  # the default exchange routes by the name of the queue
            "x-dead-letter-routing-key": self.dead,
        }
        for queue in self.lanes.values():
            await channel.declare_queue(queue, durable=True, arguments=arguments)
        await channel.declare_exchange(self.signals, ExchangeType.TOPIC, durable=True)
        await channel.declare_exchange(self.census, ExchangeType.FANOUT, durable=True)
