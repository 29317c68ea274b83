"""The transport of ids and hints: in process on a laptop, RabbitMQ on a cluster, chosen by the scheme of a URL."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from engine.brokers import rabbitmq
from engine.brokers.inprocess import InProcessBroker
from engine.errors import ConfigurationError
from engine.ports import Broker


@asynccontextmanager
async def open_broker(url: str, *, prefix: str = "patchbay") -> AsyncIterator[Broker]:
    """Open the broker that ``url`` names: ``inprocess://``, ``amqp://…`` or ``amqps://…``.

    Args:
        url: Where it is.
        prefix: Begins the names of all queues and exchanges; two hubs with different prefixes can share one RabbitMQ.

    Raises:
        ConfigurationError: The scheme is none of these, or RabbitMQ refuses the user or the queues' arguments.
    """
    scheme = urlsplit(url).scheme
    if scheme == "inprocess":
        yield InProcessBroker()
    elif scheme in rabbitmq.SCHEMES:
        async with rabbitmq.open_broker(url, prefix=prefix) as broker:
            yield broker
    else:
        raise ConfigurationError(f'the broker URL begins with "{scheme}:"; write inprocess://, amqp:// or amqps://')
