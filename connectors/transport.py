"""The way out: connections only to addresses that were checked, kept open for the next call to the same origin.

An httpx transport, so that everything above it can be tested with httpx's own test transports.
"""

import asyncio
import re
import ssl
import time
from collections import deque
from collections.abc import Callable
from datetime import timedelta

import httpx

from connectors.compression import decompress
from connectors.resolver import Resolver
from connectors.responses import ConnectionLost, RawResponse, ResponseLimits, ResponseReader
from connectors.wire import Wire
from engine.errors import InvalidInput, PermanentError, RemoteUnavailable, StepTimeout

SENT = "patchbay.sent"
"""Key in ``request.extensions``: true once bytes of the request may have reached the server."""

MAX_TRIES = 4
"""Addresses of one name that are tried, one after the other."""

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""RFC 9110, 9.2.2."""

Origin = tuple[str, str, int]

_METHOD = re.compile(r"[A-Z]{1,32}")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_HEADER_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_HEADER_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_PORTS = {"http": 80, "https": 443}


class SafeTransport(httpx.AsyncBaseTransport):
    """HTTP/1.1 to checked addresses.

    Args:
        silence: How long nothing may move before an exchange is given up.
        max_connections: At once, to all servers; further calls wait.
        keep_idle: How long an unused connection stays open; servers usually close theirs after a minute.
        ssl_context: What to trust; by default the certificate authorities that httpx trusts.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        limits: ResponseLimits | None = None,
        connect_timeout: timedelta = timedelta(seconds=10),
        silence: timedelta = timedelta(seconds=30),
        max_connections: int = 200,
        keep_idle: timedelta = timedelta(seconds=20),
        ssl_context: ssl.SSLContext | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolver = resolver
        self._limits = limits or ResponseLimits()
        self._connect_timeout = connect_timeout.total_seconds()
        self._silence = silence.total_seconds()
        self._slots = asyncio.Semaphore(max_connections)
        self._max_idle = max_connections
        self._keep_idle = keep_idle.total_seconds()
        self._ssl_context = ssl_context
        self._monotonic = monotonic
        self._idle: dict[Origin, deque[Wire]] = {}
        self._idle_count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, whose body must have been read, and return the whole response, decompressed.

        Raises:
            AddressRefused: The host may not be called; nothing was sent.
            RemoteUnavailable: There is no connection to be had, or it was lost.
            StepTimeout: The server took too long to connect or fell silent.
            LimitExceeded: The response is too large.
        """
        head = _head(request)
        origin = _origin(request.url)
        async with self._slots:
            raw = await self._exchange(request, origin, head + request.content)
        decompress(raw, limit=self._limits.body_bytes)
        return httpx.Response(raw.status, headers=raw.headers, content=raw.body, request=request)

    async def aclose(self) -> None:
        """Close the idle connections. Calls under way are left to their callers."""
        for wires in self._idle.values():
            for wire in wires:
                wire.close()
        self._idle.clear()
        self._idle_count = 0

    async def _exchange(self, request: httpx.Request, origin: Origin, data: bytes) -> RawResponse:
        reused = self._take_idle(origin)
        if reused is not None:
            try:
                return await self._send(request, origin, reused, data)
            except ConnectionLost as lost:
                # A kept connection may be closed just as we write to it. The standard lets a client send an
                # idempotent request again (RFC 9110, 9.2.2); the others are for the retry policy to decide.
                if lost.answered or request.method not in IDEMPOTENT:
                    raise
        return await self._send(request, origin, await self._connect(origin), data)

    async def _send(self, request: httpx.Request, origin: Origin, wire: Wire, data: bytes) -> RawResponse:
        reader = ResponseReader(self._limits, bodiless=request.method == "HEAD")
        request.extensions[SENT] = True
        response = await wire.exchange(data, reader, silence=self._silence)
        if wire.reusable:
            self._keep(origin, wire)
        return response

    async def _connect(self, origin: Origin) -> Wire:
        scheme, host, port = origin
        addresses = await self._resolver.resolve(host)
        context = await self._context() if scheme == "https" else None
        loop = asyncio.get_running_loop()
        failure: PermanentError | RemoteUnavailable | StepTimeout | None = None
        for address in addresses[:MAX_TRIES]:
            try:
                async with asyncio.timeout(self._connect_timeout):
                    _, wire = await loop.create_connection(
                        Wire, str(address), port, ssl=context, server_hostname=host if context else None
                    )
                return wire
            except TimeoutError:
                failure = StepTimeout(f'"{host}" did not accept a connection within {self._connect_timeout:g} seconds')
            except ssl.SSLCertVerificationError as exc:
                failure = PermanentError(f'the certificate of "{host}" is not valid: {exc.verify_message}')
            except (OSError, ssl.SSLError) as exc:
                failure = RemoteUnavailable(
                    f'no connection to "{host}" port {port}: {exc.strerror or type(exc).__name__}'
                )
        raise failure or RemoteUnavailable(f'"{host}" has no address')

    async def _context(self) -> ssl.SSLContext:
        """Return the one context, made at the first need: reading the authorities takes 20 ms and more."""
        if self._ssl_context is None:
            context = await asyncio.to_thread(httpx.create_ssl_context, trust_env=False)
            context.set_alpn_protocols(["http/1.1"])
            self._ssl_context = context
        return self._ssl_context

    def _take_idle(self, origin: Origin) -> Wire | None:
        wires = self._idle.get(origin)
        oldest = self._monotonic() - self._keep_idle
        while wires:
            wire = wires.pop()
            self._idle_count -= 1
            if wire.reusable and wire.idle_since > oldest:
                return wire
            wire.close()
        self._idle.pop(origin, None)
        return None

    def _keep(self, origin: Origin, wire: Wire) -> None:
        wire.idle_since = self._monotonic()
        if self._idle_count >= self._max_idle:
            self._drop_oldest()
        self._idle.setdefault(origin, deque()).append(wire)
        self._idle_count += 1

    def _drop_oldest(self) -> None:
        origin, wires = min(self._idle.items(), key=lambda item: item[1][0].idle_since)
        wires.popleft().close()
        self._idle_count -= 1
        if not wires:
            del self._idle[origin]


def _origin(url: httpx.URL) -> Origin:
    if url.scheme not in _PORTS or not url.host:
        raise InvalidInput(f'"{url.scheme}://{url.host}" cannot be called; write an address that begins with https://')
    return url.scheme, url.raw_host.decode("ascii").lower(), url.port or _PORTS[url.scheme]


def _head(request: httpx.Request) -> bytes:
    """Return the request line and headers; refuse whatever would end a line early (request smuggling)."""
    if not _METHOD.fullmatch(request.method):
        raise InvalidInput(f'"{request.method}" is not an HTTP method')
    if not _TARGET.fullmatch(request.url.raw_path):
        raise InvalidInput(f'the path of "{request.url.host}" holds a character that HTTP does not allow')
    lines = [b"%b %b HTTP/1.1" % (request.method.encode(), request.url.raw_path)]
    for name, value in request.headers.raw:
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise InvalidInput(
                f'the header "{name.decode("ascii", "replace")}" holds a character that HTTP does not allow'
            )
        lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join([*lines, b"", b""])
