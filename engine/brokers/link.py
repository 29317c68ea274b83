"""One supervised connection to RabbitMQ: connect, prepare, wait until it is lost, wait a little, begin again.

There is one way to recover: whatever breaks (socket, channel, consumer, a confirmation that does not come), the
connection is dropped and everything is set up anew. aio-pika's ``connect_robust`` instead restores its objects in
place: a publish meanwhile waits for an unknown time, and all consumers of a channel come back with its last prefetch
count, while ours have one for each lane.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Self
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AuthenticationError, ChannelPreconditionFailed, ProbableAuthenticationError
from aiormq.exceptions import ChannelAccessRefused  # aio-pika raises it and does not name it

from engine.brokers import underlay
from engine.brokers.background import Background
from engine.brokers.connection import Connection, broker_errors
from engine.errors import ConfigurationError, Unavailable

HEARTBEAT_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait before connecting again: doubling from ``first`` to ``ceiling``, and 50 to 100 % of that."""

    first: timedelta = timedelta(milliseconds=100)
    ceiling: timedelta = timedelta(seconds=5)

    def delay(self, failures: int, *, chance: float) -> timedelta:
        """Return the wait after so many failures in a row (from 1); ``chance`` is in [0, 1)."""
        doublings: int = 2 ** min(failures - 1, 30)
        return min(self.ceiling, self.first * doublings) * (0.5 + chance / 2)


class Link:
    """A connection that comes back. Enter it to start; entering returns after the first attempt, well or not.

    Args:
        url: ``amqp://`` or ``amqps://``.
        name: What RabbitMQ shows for the connection, and our logs.
        prepare: Declares and opens what is needed on a new connection; only then is the link up.
        timeout: Bounds connecting and preparing.
        backoff: The waits between attempts.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prepare: Callable[[Connection], Awaitable[None]],
        timeout: timedelta,
        backoff: Backoff,
    ) -> None:
        parts = urlsplit(url)
        self.place = f"{parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"
        separator = "&" if parts.query else "?"
        self._url = url if "heartbeat=" in parts.query else f"{url}{separator}heartbeat={HEARTBEAT_SECONDS}"
        self._name = name
        self._prepare = prepare
        self._timeout = timeout.total_seconds()
        self._backoff = backoff
        self.is_up = False
        self._connection: Connection | None = None
        self._lost = asyncio.Event()
        self._reason = "not connected yet"
        self._noted = ""
        self._tried = asyncio.Event()
        self._misconfigured: ConfigurationError | None = None
        self._background = Background(self._keep_connected, name=f"broker link {name}")

    async def __aenter__(self) -> Self:
        """Start connecting.

        Raises:
            ConfigurationError: RabbitMQ answers and refuses the user, or what ``prepare`` declares.
        """
        await self._background.__aenter__()
        try:
            await self._tried.wait()
            if self._misconfigured:
                raise self._misconfigured
        except BaseException:
            await self._background.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._background.__aexit__()

    @property
    def connection(self) -> Connection:
        """The prepared connection.

        Raises:
            Unavailable: There is none now.
        """
        if self._connection is None or not self.is_up:
            raise Unavailable(f"the broker at {self.place} is not connected: {self._reason}")
        return self._connection

    def drop(self, connection: Connection, reason: str) -> None:
        """Give ``connection`` up, because of ``reason``, and connect again. A no-op when it is no longer in use."""
        if connection is not self._connection or self._lost.is_set():
            return
        if self.is_up:
            log.warning("broker connection lost", extra={"broker": self.place, "link": self._name, "reason": reason})
        self.is_up, self._reason = False, reason
        self._lost.set()

    async def watch(
        self, connection: Connection, channel: AbstractChannel, *, until: Callable[[], bool] = lambda: False
    ) -> None:
        """Drop the link when the broker closes ``channel`` or cancels a consumer on it, unless ``until`` holds then."""

        def lose(reason: str) -> None:
            if not until():
                self.drop(connection, reason)

        channel.close_callbacks.add(lambda _, error: lose(_explain(error)))
        await underlay.when_cancelled(channel, lambda: lose("the broker cancelled a consumer"))
        if channel.is_closed:
            lose("the channel was closed")

    async def _keep_connected(self) -> None:
        failures = 0
        while True:
            try:
                await self._connect_once()
                failures = 0
            except ConfigurationError as error:
                failures += 1
                self._note(str(error), level=logging.ERROR)
                self._misconfigured = error
            except Unavailable as error:
                failures += 1
                self._note(str(error), level=logging.WARNING)
            self._tried.set()
            delay = self._backoff.delay(failures or 1, chance=random.random())  # noqa: S311 - jitter, not a secret
            await asyncio.sleep(delay.total_seconds())

    async def _connect_once(self) -> None:
        """Connect, prepare, and return when the connection is lost again."""
        self._connection, self._lost = None, asyncio.Event()
        connection: Connection | None = None
        try:
            with self._refusals(), broker_errors(f"the broker at {self.place}"):
                async with asyncio.timeout(self._timeout):
                    connection = self._connection = await self._connect()
                    await self._prepare(connection)
            if self._lost.is_set():
                raise Unavailable(f"the broker at {self.place} closed the connection: {self._reason}")
            self.is_up, self._noted = True, ""
            log.info("broker connected", extra={"broker": self.place, "link": self._name})
            self._tried.set()
            await self._lost.wait()
        finally:
            well, self.is_up = self.is_up, False
            if connection is not None:
                await _close(connection, well=well)

    async def _connect(self) -> Connection:
        connection = await aio_pika.connect(
            self._url, connection_class=Connection, client_properties={"connection_name": self._name}
        )
        connection.close_callbacks.add(lambda _, error: self.drop(connection, _explain(error)))
        return connection

    def _note(self, reason: str, *, level: int) -> None:
        """Log a failed attempt, but not the same one again and again."""
        if reason != self._noted:
            log.log(level, "broker is away", extra={"broker": self.place, "link": self._name, "reason": reason})
        self._reason = self._noted = reason

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Tell what the operator must change from what passes by itself."""
        try:
            yield
        except Unavailable as unavailable:
            cause = unavailable.__cause__
            if isinstance(cause, ChannelPreconditionFailed):
                raise ConfigurationError(
                    f"the broker at {self.place} has a queue or exchange of that name with other settings ({cause}); "
                    "delete it there, or choose another prefix"
                ) from cause
            if isinstance(cause, AuthenticationError | ProbableAuthenticationError):
                raise ConfigurationError(f"the broker at {self.place} refuses the user or password: {cause}") from cause
            if isinstance(cause, ChannelAccessRefused):
                raise ConfigurationError(f"the broker at {self.place} refuses the user's access: {cause}") from cause
            raise


async def _close(connection: Connection, *, well: bool) -> None:
    """Say goodbye if the connection still works."""
    if not well:
        connection.abort()
    with suppress(Unavailable), broker_errors("closing"):
        await connection.close()


def _explain(error: BaseException | None) -> str:
    return str(error or "") or "the connection was closed"
