"""The one way out of Patchbay: every outbound HTTP request goes through this client.

It calls checked addresses only (``addresses``, ``resolver``), follows redirects only when asked and checks each hop
anew, drops credentials on the way to another origin, and bounds time and size. It reads no proxy settings and no
.netrc file from the environment. It knows nothing of connectors.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import httpx

from connectors.addresses import AddressPolicy, Network
from connectors.compression import ACCEPTED
from connectors.resolver import Lookup, Resolver, system_lookup
from connectors.responses import ResponseLimits
from connectors.transport import SafeTransport
from engine.errors import InvalidInput, PermanentError, RemoteRejected, StepTimeout
from engine.model.base import format_duration

USER_AGENT = "Patchbay"

# The client frames requests itself; a caller who sets these could smuggle a second request into the first.
_OWN_HEADERS = frozenset(
    {"connection", "content-length", "expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)
_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Bounds of outbound calls. ``allow_private`` lists networks that may be called although they are not public."""

    allow_private: tuple[Network, ...] = ()
    connect_timeout: timedelta = timedelta(seconds=10)
    silence: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=60)
    max_connections: int = 200
    max_redirects: int = 5
    max_request_bytes: int = 50 * 1024 * 1024
    response: ResponseLimits = field(default_factory=ResponseLimits)
    dns_ttl: timedelta = timedelta(seconds=5)


class HttpClient:
    """Sends requests within the bounds of its settings. Made once per process, by ``open_http``."""

    def __init__(self, transport: httpx.AsyncBaseTransport, settings: HttpSettings) -> None:
        self._transport = transport
        self._settings = settings

    async def send(
        self,
        request: httpx.Request,
        *,
        timeout: timedelta | None = None,
        follow_redirects: bool = False,
        secret_headers: Collection[str] = (),
        permit: Callable[[httpx.URL], None] | None = None,
    ) -> httpx.Response:
        """Send ``request`` and return the response, whatever its status. ``request`` of the result names the last hop.

        Args:
            timeout: For everything together, redirects included; ``None`` takes the setting's.
            secret_headers: Lower-case names of headers that must not reach another origin.
            permit: Is asked before each hop, and raises to refuse it.

        Raises:
            AddressRefused: An address, of this or a later hop, may not be called.
            InvalidInput: The request is malformed or too large; nothing was sent.
            RemoteUnavailable, StepTimeout: See ``SafeTransport``; ``StepTimeout`` also when ``timeout`` is over.
            LimitExceeded: The response is too large.
            RemoteRejected: The redirects do not end, or lead from https to http.
        """
        limit = timeout if timeout is not None else self._settings.timeout
        try:
            async with asyncio.timeout(limit.total_seconds()) as scope:
                if permit is not None:
                    permit(request.url)
                await self._prepare(request)
                response = await self._transport.handle_async_request(request)
                await response.aread()
                response.request = request
                if follow_redirects and response.has_redirect_location:
                    response = await self._follow(response, secret_headers, permit)
                return response
        except TimeoutError as exc:
            if not scope.expired():
                raise
            raise StepTimeout(f'no answer from "{request.url.host}" within {format_duration(limit)}') from exc

    async def aclose(self) -> None:
        """Close the connections that are kept open."""
        await self._transport.aclose()

    async def _prepare(self, request: httpx.Request) -> None:
        body = await request.aread()
        if len(body) > self._settings.max_request_bytes:
            raise InvalidInput(
                f"the request's body has {len(body)} bytes; at most {self._settings.max_request_bytes} are sent"
            )
        if "transfer-encoding" in request.headers:  # a streamed form; it is in memory by now, so its length is known
            del request.headers["transfer-encoding"]
            request.headers["content-length"] = str(len(body))
        request.headers.setdefault("user-agent", USER_AGENT)
        request.headers.setdefault("accept-encoding", ACCEPTED)

    async def _follow(
        self, response: httpx.Response, secret_headers: Collection[str], permit: Callable[[httpx.URL], None] | None
    ) -> httpx.Response:
        for _ in range(self._settings.max_redirects):
            request = _next_request(response, secret_headers)
            if permit is not None:
                permit(request.url)
            response = await self._transport.handle_async_request(request)
            await response.aread()
            response.request = request
            if not response.has_redirect_location:
                return response
        raise RemoteRejected(
            f'"{response.request.url.host}" redirects more than {self._settings.max_redirects} times; '
            "call the last address directly"
        )


@asynccontextmanager
async def open_http(
    settings: HttpSettings | None = None,
    *,
    lookup: Lookup = system_lookup,
    ssl_context: ssl.SSLContext | None = None,
) -> AsyncIterator[HttpClient]:
    """Open the client; its connections close with the context.

    Args:
        lookup: Resolves names; tests give their own.
        ssl_context: What to trust, instead of the usual certificate authorities.
    """
    chosen = settings or HttpSettings()
    client = HttpClient(
        SafeTransport(
            Resolver(AddressPolicy(chosen.allow_private), ttl=chosen.dns_ttl, lookup=lookup),
            limits=chosen.response,
            connect_timeout=chosen.connect_timeout,
            silence=chosen.silence,
            max_connections=chosen.max_connections,
            ssl_context=ssl_context,
        ),
        chosen,
    )
    try:
        yield client
    finally:
        await client.aclose()


def check_headers(headers: Collection[str]) -> None:
    """Refuse headers that only the client may set.

    Raises:
        InvalidInput: There is one; the message names it.
    """
    wrong = sorted(name for name in headers if name.lower() in _OWN_HEADERS)
    if wrong:
        raise InvalidInput(f'the header "{wrong[0]}" is set by Patchbay itself; leave it out')


def parse_url(text: str) -> httpx.URL:
    """Return ``text`` as a URL that can be called.

    Raises:
        InvalidInput: It is none, or holds a user name or password, which would end up in messages and histories.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, ValueError, TypeError) as exc:
        raise InvalidInput(f'"{text[:200]}" is not a URL; write one that begins with https://') from exc
    if url.scheme not in ("http", "https") or not url.host:
        raise InvalidInput(f'"{text[:200]}" is not a URL that can be called; write one that begins with https://')
    if url.userinfo:
        raise InvalidInput(f'the URL of "{url.host}" holds a user name or password; use a connection')
    return url


def same_origin(one: httpx.URL, other: httpx.URL) -> bool:
    """Say whether two URLs lead to the same scheme, host and port."""
    return (one.scheme, one.host, _port(one)) == (other.scheme, other.host, _port(other))


def _next_request(response: httpx.Response, secret_headers: Collection[str]) -> httpx.Request:
    """Return the request that a redirect asks for (RFC 9110, 15.4)."""
    old = response.request
    try:
        url = old.url.join(response.headers["location"])
    except (httpx.InvalidURL, ValueError) as exc:
        raise RemoteRejected(f'"{old.url.host}" redirects to something that is not a URL') from exc
    if old.url.scheme == "https" and url.scheme != "https":
        raise RemoteRejected(
            f'"{old.url.host}" redirects from https to http; what is sent there could be read by others'
        )
    if url.userinfo:
        raise PermanentError(f'"{old.url.host}" redirects to an address with a user name; it is not followed')
    headers = old.headers.copy()
    for name in _OWN_HEADERS & set(headers):
        del headers[name]
    if not same_origin(old.url, url):
        for name in (_CREDENTIAL_HEADERS | set(secret_headers)) & set(headers):
            del headers[name]
    status = response.status_code
    if (status == 303 and old.method != "HEAD") or (status in (301, 302) and old.method == "POST"):
        for name in [name for name in headers if name.startswith("content-")]:
            del headers[name]
        return httpx.Request("GET", url, headers=headers, extensions=old.extensions)
    return httpx.Request(old.method, url, headers=headers, content=old.content, extensions=old.extensions)


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)
