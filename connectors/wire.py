"""One TCP connection that carries HTTP/1.1: bytes out, a response in, silence noticed.

It stands in for httpx's network layer, which costs about a millisecond of CPU a request, more than all the rest of
an execution; docs/reference/connectors.md has the figures.
"""

import asyncio
import time

from connectors.responses import ConnectionLost, RawResponse, ResponseReader
from engine.errors import StepError, StepTimeout


class Wire(asyncio.Protocol):
    """One connection, carrying one request at a time."""

    def __init__(self) -> None:
        self.reusable = True
        self.idle_since = 0.0
        self._transport: asyncio.Transport | None = None
        self._reader: ResponseReader | None = None
        self._waiter: asyncio.Future[RawResponse] | None = None
        self._silence = 0.0
        self._last_progress = 0.0
        self._unsent = 0
        self._timer: asyncio.TimerHandle | None = None

    async def exchange(self, data: bytes, reader: ResponseReader, *, silence: float) -> RawResponse:
        """Write a request and return the response. After any error the connection is closed.

        Args:
            silence: Seconds in which nothing may move, in neither direction, before it counts as lost.

        Raises:
            ConnectionLost: The other side closed the connection, or does not speak HTTP.
            StepTimeout: Nothing moved for ``silence``.
            LimitExceeded: The response exceeds a bound of ``reader``.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or not self.reusable:
            raise ConnectionLost("the server closed the connection", answered=False)
        waiter: asyncio.Future[RawResponse] = loop.create_future()
        self._waiter = waiter
        self._reader, self._silence, self._last_progress = reader, silence, time.monotonic()
        self._timer = loop.call_later(silence, self._check_silence)
        try:
            self._transport.write(data)
            response = await waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._timer.cancel()
            self._waiter = self._reader = None
        if not reader.reusable:
            self.close()
        return response

    def close(self) -> None:
        """Close at once; nothing more is sent or read."""
        self.reusable = False
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport, as asyncio hands it over."""
        self._transport = transport  # type: ignore[assignment]  # asyncio gives stream protocols a stream transport

    def data_received(self, data: bytes) -> None:
        """Read on; bytes that nobody asked for end the connection, lest they pass for the next answer."""
        if self._reader is None or self._waiter is None or self._waiter.done():
            self.close()
            return
        self._last_progress = time.monotonic()
        try:
            if self._reader.feed(data):
                self._waiter.set_result(self._reader.response)
        except StepError as exc:  # asyncio would only log it; whoever waits must get it
            self._waiter.set_exception(exc)

    def eof_received(self) -> None:
        """See ``connection_lost``; the other side sends nothing more."""
        self.connection_lost(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - what ended it does not matter
        """Finish a body that ends with the connection, or fail the exchange."""
        self.reusable = False
        if self._reader is None or self._waiter is None or self._waiter.done():
            return
        try:
            self._reader.end()
            self._waiter.set_result(self._reader.response)
        except ConnectionLost as lost:
            self._waiter.set_exception(lost)

    def _check_silence(self) -> None:
        if self._waiter is None or self._waiter.done() or self._transport is None:
            return
        unsent = self._transport.get_write_buffer_size()
        now = time.monotonic()
        if unsent != self._unsent:
            self._unsent, self._last_progress = unsent, now
        left = self._last_progress + self._silence - now
        if left > 0.001:
            self._timer = asyncio.get_running_loop().call_later(left, self._check_silence)
        else:
            self._waiter.set_exception(StepTimeout(f"the server was silent for {self._silence:g} seconds"))
