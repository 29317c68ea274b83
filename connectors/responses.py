"""Reading one HTTP/1.1 response out of bytes, within bounds. No sockets, no clock.

llhttp parses (through httptools, which uvicorn uses for the other side); this file keeps the bounds and says when a
response is complete and whether the connection may carry another one.
"""

from dataclasses import dataclass, field

import httptools

from engine.errors import LimitExceeded, RemoteUnavailable

_BODILESS = (204, 304)


class ConnectionLost(RemoteUnavailable):
    """The connection ended before the response did. ``answered`` says whether a byte of it had come."""

    def __init__(self, message: str, *, answered: bool) -> None:
        super().__init__(message)
        self.answered = answered


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLimits:
    """Bounds of one response. Whatever exceeds them is an error, and the rest is not read."""

    body_bytes: int = 10 * 1024 * 1024
    header_bytes: int = 64 * 1024
    headers: int = 200


@dataclass(slots=True)
class RawResponse:
    """A response as it came: the body is still compressed if it was sent so."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""


class ResponseReader:
    """Reads one response.

    Args:
        bodiless: The request was a HEAD, so there is no body whatever the headers say.
    """

    def __init__(self, limits: ResponseLimits, *, bodiless: bool = False) -> None:
        self.response = RawResponse()
        self.complete = False
        self.reusable = False
        self._limits = limits
        self._bodiless = bodiless
        self._parser = httptools.HttpResponseParser(self)
        self._chunks: list[bytes] = []
        self._in_body = False
        self._fed = self._header_bytes = self._body_bytes = 0
        self._surplus = False
        self._broken: LimitExceeded | None = None

    def feed(self, data: bytes) -> bool:
        """Take bytes as they arrive; say whether the response is complete.

        Raises:
            ConnectionLost: They are not HTTP.
            LimitExceeded: A bound is exceeded; the message names it.
        """
        self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as exc:
            raise ConnectionLost("the server switched to another protocol", answered=True) from exc
        except httptools.HttpParserError as exc:
            if self._broken is not None:
                raise self._broken from None
            if not self.complete:
                raise ConnectionLost("the server sent something that is not HTTP", answered=True) from exc
            self._surplus = True
        # Header lines that never end and chunks of nothing but overhead pass no callback, so bytes count as well.
        if not self._in_body and self._fed > 2 * self._limits.header_bytes:
            raise self._too_large("headers", self._limits.header_bytes)
        if self._fed > 2 * self._limits.header_bytes + 4 * self._limits.body_bytes:
            raise self._too_large("body", self._limits.body_bytes)
        if self._surplus:
            self.reusable = False
        return self.complete

    def end(self) -> None:
        """Take note that no more bytes will come; that ends a body without a stated length.

        Raises:
            ConnectionLost: The response was not complete.
        """
        if self.complete:
            return
        if not self._fed:
            raise ConnectionLost("the server closed the connection without an answer", answered=False)
        if not self._in_body or self._has_length():
            raise ConnectionLost("the server closed the connection in the middle of its answer", answered=True)
        self._complete(reusable=False)

    # What the parser calls.

    def on_message_begin(self) -> None:
        self._surplus = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return  # a trailer, or part of a surplus response
        self._header_bytes += len(name) + len(value)
        self.response.headers.append((name, value))
        if self._header_bytes > self._limits.header_bytes or len(self.response.headers) > self._limits.headers:
            self._stop(self._too_large("headers", self._limits.header_bytes))

    def on_headers_complete(self) -> None:
        if self.complete:
            return
        self.response.status = self._parser.get_status_code()
        self._in_body = self.response.status >= 200 or self.response.status == 101
        if self._bodiless and self._in_body:
            # The parser cannot be told that no body follows, so this connection carries nothing more.
            self._complete(reusable=False)

    def on_body(self, data: bytes) -> None:
        if self.complete:
            return
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_bytes:
            self._stop(self._too_large("body", self._limits.body_bytes))
        self._chunks.append(data)

    def on_message_complete(self) -> None:
        if self.complete:
            return
        if not self._in_body:
            self.response.headers.clear()  # an interim response (1xx); the real one follows
            return
        self._complete(reusable=self._parser.should_keep_alive())

    def _complete(self, *, reusable: bool) -> None:
        self.complete = True
        self.reusable = reusable
        self.response.body = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _has_length(self) -> bool:
        if self.response.status in _BODILESS:
            return True
        return any(
            name.lower() == b"content-length" or (name.lower() == b"transfer-encoding" and b"chunked" in value.lower())
            for name, value in self.response.headers
        )

    def _stop(self, error: LimitExceeded) -> None:
        self._broken = error
        raise error

    def _too_large(self, what: str, limit: int) -> LimitExceeded:
        count = f" or {self._limits.headers} lines" if what == "headers" else ""
        return LimitExceeded(f"the response's {what} exceed {limit} bytes{count}; the rest was not read")
