"""What is set up on a connection and must be set up again on the next one: consumers, listeners, the census."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Protocol

from aio_pika.abc import AbstractChannel

from engine.brokers.connection import Connection, broker_errors, close_channel, open_channel
from engine.brokers.link import Link
from engine.errors import Unavailable


class Subscription(Protocol):
    """Something that receives deliveries on a channel of its own."""

    async def start(self, channel: AbstractChannel) -> None:
        """Declare and consume on a fresh channel; whatever came over an earlier one is void."""


class Subscriptions:
    """The subscriptions of one link; ``attach_all`` belongs into its ``prepare``."""

    def __init__(self) -> None:
        self._places: dict[Subscription, _Place] = {}

    async def attach_all(self, link: Link, connection: Connection) -> None:
        """Attach them to a new connection, those too that come while others are being attached."""
        attached: set[_Place] = set()
        while missing := [(one, place) for one, place in self._places.items() if place not in attached]:
            for subscription, place in missing:
                await place.attach(subscription, link, connection)
                attached.add(place)

    @asynccontextmanager
    async def keep(self, subscription: Subscription, link: Link, *, timeout: timedelta) -> AsyncIterator[None]:
        """Keep it attached to every connection of the link until the context ends.

        When the broker is there, the context begins once the subscription works; otherwise at once.
        """
        place = self._places[subscription] = _Place()
        try:
            if link.is_up:
                await self._attach_now(subscription, link, timeout=timeout)
            yield
        finally:
            del self._places[subscription]
            await place.detach(link)

    async def _attach_now(self, subscription: Subscription, link: Link, *, timeout: timedelta) -> None:
        connection = link.connection
        try:
            with broker_errors("subscribing"):
                async with asyncio.timeout(timeout.total_seconds()):
                    await self._places[subscription].attach(subscription, link, connection)
        except Unavailable as error:
            link.drop(connection, str(error))  # the next connection attaches it


class _Place:
    """Where one subscription is attached now."""

    def __init__(self) -> None:
        self._channel: AbstractChannel | None = None
        self._connection: Connection | None = None
        self._attaching = asyncio.Lock()
        self._ended = False

    async def attach(self, subscription: Subscription, link: Link, connection: Connection) -> None:
        async with self._attaching:
            if self._ended or self._connection is connection:
                return
            channel = await open_channel(connection)
            given_up = False
            await link.watch(connection, channel, until=lambda: self._ended or given_up)
            try:
                await subscription.start(channel)
            except BaseException:
                given_up = True
                await close_channel(channel)
                raise
            self._connection, self._channel = connection, channel

    async def detach(self, link: Link) -> None:
        self._ended = True
        async with self._attaching:
            if self._channel is None or self._connection is None:
                return
            if not await close_channel(self._channel):
                # Only the end of the connection will now give back what was unacknowledged.
                link.drop(self._connection, "a channel could not be closed")
