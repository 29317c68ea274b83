"""One supervised connection to RabbitMQ: connect, prepare, wait until it is lost, wait a little, begin again.

There is one way to recover: whatever breaks (socket, channel, consumer, a confirmation that does not come), the
connection is dropped and everything is set up anew. aio-pika's ``connect_robust`` instead restores its objects in
place, each with its own races: a publish during the restoring waits for an unknown time, and a channel that the
server closed may come back without its consumers. And its plain API takes twice the time per message (measured:
113 against 64 microseconds for a publish, 134 against 77 for a delivery). So this is written on aiormq,
the protocol layer below aio-pika.
"""

import asyncio
import logging
import random
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, cast
from urllib.parse import urlsplit

import aiormq

from engine.brokers.background import Background
from engine.errors import ConfigurationError, Unavailable

CLOSE_SECONDS = 2
HEARTBEAT_SECONDS = 10
UNANSWERED_MILLISECONDS = 15_000

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


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Turn what aiormq raises when the broker is away into ``Unavailable``.

    aiormq ends pending calls of a lost connection with ``CancelledError`` although nobody cancelled their task; such
    an error is trouble with the broker, and only a real cancellation may leave as one.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise Unavailable(f"{doing}: the connection to the broker was lost") from error
    except TimeoutError as error:
        raise Unavailable(f"{doing}: the broker did not answer in time") from error
    except (aiormq.AMQPError, OSError, RuntimeError) as error:  # RuntimeError: a channel or connection is closed
        raise Unavailable(f"{doing}: {str(error) or type(error).__name__}") from error


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
        prepare: Callable[[aiormq.Connection], Awaitable[None]],
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
        self._connection: aiormq.Connection | None = None
        self._lost = asyncio.Event()
        self._reason = "not connected yet"
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
    def connection(self) -> aiormq.Connection:
        """The prepared connection.

        Raises:
            Unavailable: There is none now.
        """
        if self._connection is None or not self.is_up:
            raise Unavailable(f"the broker at {self.place} is not connected: {self._reason}")
        return self._connection

    def drop(self, connection: aiormq.Connection, reason: str) -> None:
        """Give ``connection`` up, because of ``reason``, and connect again. A no-op when it is no longer in use."""
        if connection is not self._connection or self._lost.is_set():
            return
        if self.is_up:
            log.warning("broker connection lost", extra={"broker": self.place, "link": self._name, "reason": reason})
        self.is_up, self._reason = False, reason
        self._lost.set()

    def watch(self, channel: aiormq.Channel, *, until: Callable[[], bool] = lambda: False) -> None:
        """Drop the link when the broker closes ``channel`` or cancels a consumer on it, unless ``until`` holds then."""
        connection = cast(aiormq.Connection, channel.connection)

        def lose(reason: str) -> None:
            if not until():
                self.drop(connection, reason)

        channel.closing.add_done_callback(lambda closing: lose(_explain(closing)))
        channel.on_consumer_cancel_callbacks.add(lambda _: lose("the broker cancelled a consumer"))

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
        transports = _Transports()
        connection = aiormq.Connection(
            self._url, transport_factory=transports, client_properties={"connection_name": self._name}
        )
        self._connection, self._lost = connection, asyncio.Event()
        connection.closing.add_done_callback(lambda closing: self.drop(connection, _explain(closing)))
        try:
            with self._refusals(), broker_errors(f"the broker at {self.place}"):
                async with asyncio.timeout(self._timeout):
                    await connection.connect()
                    await self._prepare(connection)
            if self._lost.is_set():
                raise Unavailable(f"the broker at {self.place} closed the connection: {self._reason}")
            self.is_up = True
            log.info("broker connected", extra={"broker": self.place, "link": self._name})
            self._tried.set()
            await self._lost.wait()
        finally:
            well, self.is_up = self.is_up, False
            await _close(connection, transports, well=well)

    def _note(self, reason: str, *, level: int) -> None:
        """Log a failed attempt, but not the same one again and again."""
        if reason != self._reason:
            log.log(level, "broker is away", extra={"broker": self.place, "link": self._name, "reason": reason})
        self._reason = reason

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """Tell what the operator must change from what passes by itself."""
        try:
            yield
        except Unavailable as unavailable:
            cause = unavailable.__cause__
            if isinstance(cause, aiormq.ChannelPreconditionFailed):
                raise ConfigurationError(
                    f"the broker at {self.place} has a queue or exchange of that name with other settings ({cause}); "
                    "delete it there, or choose another prefix"
                ) from cause
            if isinstance(cause, aiormq.AuthenticationError | aiormq.ProbableAuthenticationError):
                raise ConfigurationError(f"the broker at {self.place} refuses the user or password: {cause}") from cause
            if isinstance(cause, aiormq.ChannelAccessRefused):
                raise ConfigurationError(f"the broker at {self.place} refuses the user's access: {cause}") from cause
            raise


class _Transports(aiormq.TransportFactory):
    """Opens the socket and keeps hold of it, so that a dead connection can be cut without the other side."""

    def __init__(self) -> None:
        self._writer: asyncio.StreamWriter | None = None

    async def create(self, url: Any, **kwargs: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = await kwargs["ssl_context_provider"].get_context() if url.scheme == "amqps" else None
        reader, self._writer = await asyncio.open_connection(url.host, url.port, ssl=context)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux: fail when sent bytes stay unacknowledged for so long
            raw = self._writer.get_extra_info("socket")
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNANSWERED_MILLISECONDS)
        return reader, self._writer

    def abort(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()


async def open_channel(connection: aiormq.Connection, *, confirms: bool) -> aiormq.Channel:
    """Open a channel, of the class whose ``basic_publish`` need not wait for the socket."""
    return cast(aiormq.Channel, await connection.channel(publisher_confirms=confirms))


async def close_channel(channel: aiormq.Channel) -> bool:
    """Close a channel of ours; the broker takes back what was unacknowledged on it. False: it did not answer."""
    with suppress(Unavailable), broker_errors("closing a channel"):
        async with asyncio.timeout(CLOSE_SECONDS):
            await channel.close()
            return True
    return False


async def _close(connection: aiormq.Connection, transports: _Transports, *, well: bool) -> None:
    """Say goodbye if the connection still works; in any case leave no socket behind."""
    try:
        if not well:
            transports.abort()
        with suppress(Unavailable), broker_errors("closing"):
            async with asyncio.timeout(CLOSE_SECONDS):
                await connection.close()
    finally:
        transports.abort()


def _explain(closing: "asyncio.Future[Any]") -> str:
    if closing.cancelled():
        return "the connection was closed"
    return str(closing.exception() or "the connection was closed")
