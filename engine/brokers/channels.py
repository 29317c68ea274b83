"""Channels for rare calls, kept and used again.

A channel of its own for each call would be simpler, but aio-pika 10.2 leaves two callbacks at the connection for every
channel that was ever opened on it (its removal of them, https://github.com/mosquito/aio-pika/pull/491, finds nothing
since aiormq 7.2 hands out a new future each time); at three counts a second that would fill the memory.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from aio_pika.abc import AbstractChannel

from engine.brokers.connection import Connection, broker_errors, close_channel, open_channel
from engine.brokers.link import Link


class SpareChannels:
    """The channels of one link that nobody uses now; there are as many as were ever used at the same time."""

    def __init__(self, link: Link, *, timeout: timedelta) -> None:
        self._link = link
        self._timeout = timeout.total_seconds()
        self._spare: list[tuple[Connection, AbstractChannel]] = []

    @asynccontextmanager
    async def use(self, doing: str) -> AsyncIterator[AbstractChannel]:
        """Have a channel to oneself.

        A call that fails or is cancelled closes it: the broker takes back what was unacknowledged, and nothing else
        is disturbed.
        """
        connection = self._link.connection
        with broker_errors(doing):
            async with asyncio.timeout(self._timeout):
                channel = self._find(connection) or await open_channel(connection)
                try:
                    yield channel
                except BaseException:
                    await close_channel(channel)
                    raise
        self._spare.append((connection, channel))

    def _find(self, connection: Connection) -> AbstractChannel | None:
        while self._spare:
            its_connection, channel = self._spare.pop()
            if its_connection is connection and not channel.is_closed:
                return channel
        return None
