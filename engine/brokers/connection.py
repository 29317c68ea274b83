"""An aio-pika connection that leaves no socket behind, its channels, and what their errors mean.

aio-pika ends a connection by talking to the other side. When that side is frozen, the conversation lasts for minutes;
so this keeps hold of the socket and cuts it.
"""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel
from aio_pika.exceptions import AMQPError, ChannelInvalidStateError, ConnectionClosed

from engine.errors import Unavailable

CLOSE_SECONDS = 2
UNANSWERED_MILLISECONDS = 15_000


@contextmanager
def broker_errors(doing: str) -> Iterator[None]:
    """Turn what aio-pika raises when the broker is away into ``Unavailable``.

    Pending calls of a lost connection may end with a ``CancelledError`` although nobody cancelled their task; such
    an error is trouble with the broker, and only a real cancellation may leave as one. It is one if the task's count
    of cancellations went up in here: before Python 3.13 a task group that failed leaves that count above zero
    (python/cpython#116720).
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    except asyncio.CancelledError as error:
        if task is None or task.cancelling() > before:
            raise
        raise Unavailable(f"{doing}: the connection to the broker was lost") from error
    except TimeoutError as error:
        raise Unavailable(f"{doing}: the broker did not answer in time") from error
    except (AMQPError, OSError, RuntimeError) as error:  # RuntimeError: a channel or connection is closed
        raise Unavailable(f"{doing}: {str(error) or type(error).__name__}") from error


class Connection(aio_pika.Connection):
    """Pass it to ``aio_pika.connect`` as ``connection_class``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._socket = _Socket()
        self.kwargs["transport_factory"] = self._socket  # aio-pika hands its kwargs on to aiormq

    async def connect(self, timeout: float | None = None) -> None:
        try:
            await super().connect(timeout)
        except BaseException as error:
            self.abort()
            await super().close()  # marks it as closed, so that the garbage collector need not
            if isinstance(error, StopAsyncIteration):  # how aiormq says that the socket ended between two frames
                raise ConnectionResetError("the broker hung up during the handshake") from error
            raise

    async def close(self, exc: Any = ConnectionClosed) -> None:
        """Say goodbye if the other side listens; in any case it takes ``CLOSE_SECONDS`` at most."""
        # aio-pika waits for the end even when it is cancelled, so a timeout would not help; cutting the socket does.
        cutting = self.loop.call_later(CLOSE_SECONDS, self.abort)
        try:
            await super().close(exc)
        finally:
            cutting.cancel()
            self.abort()

    def abort(self) -> None:
        """Cut the socket; what waits for the other side ends at once."""
        self._socket.abort()

    async def is_blocked(self) -> bool:
        """Say whether RabbitMQ has told us to stop publishing (https://www.rabbitmq.com/docs/connection-blocked)."""
        if self.transport is None:
            return False
        try:
            async with asyncio.timeout(0):
                await self.transport.ready()
        except TimeoutError:
            return True
        return False


class _Socket:
    """What aiormq calls a transport factory: it opens the socket, and can cut it without the other side."""

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


async def open_channel(connection: Connection, *, confirms: bool = False) -> AbstractChannel:
    """Open a channel; one with confirms raises when a mandatory message reaches no queue."""
    return await connection.channel(publisher_confirms=confirms, on_return_raises=confirms)


async def close_channel(channel: AbstractChannel) -> bool:
    """Close a channel of ours; the broker takes back what was unacknowledged on it. False: it did not answer."""
    with suppress(Unavailable), broker_errors("closing a channel"):
        async with asyncio.timeout(CLOSE_SECONDS):
            # Without a reason, aio-pika would end pending calls with a bare Exception.
            await channel.close(ChannelInvalidStateError("the channel was closed"))
            return True
    return False
