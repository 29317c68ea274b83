"""From a host name to the addresses that were checked: the ones, and the only ones, that a connection may go to.

Checking a name and then letting the system resolve it again would leave a gap in which the answer can change (DNS
rebinding). Here the answer that was checked is the answer that is used.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from connectors.addresses import SETTING, Address, AddressPolicy, literal_address
from engine.errors import PermanentError, RemoteUnavailable

Lookup = Callable[[str], Awaitable[Sequence[Address]]]

MAX_CACHED = 1_000
LOCALHOST = ipaddress.ip_address("127.0.0.1")


class AddressRefused(PermanentError):
    """The host is, or resolves to, an address that Patchbay may not call. Nothing was sent."""

    code = "address_refused"


async def system_lookup(host: str) -> list[Address]:
    """Ask the operating system, without blocking the loop.

    Raises:
        OSError: There is no such name, or no name server answers.
    """
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    found = (ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers)
    return list(dict.fromkeys(found))


class Resolver:
    """Checked addresses of hosts, remembered for a few seconds."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        ttl: timedelta = timedelta(seconds=5),
        lookup: Lookup = system_lookup,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._policy = policy
        self._ttl = ttl.total_seconds()
        self._lookup = lookup
        self._monotonic = monotonic
        self._known: dict[str, tuple[float, list[Address]]] = {}

    async def resolve(self, host: str) -> list[Address]:
        """Return the addresses of ``host`` that may be called, in the order to try them.

        Raises:
            AddressRefused: At least one of its addresses may not be called. A name that answers with both kinds is
                refused as a whole, for nobody honest has one.
            RemoteUnavailable: The name cannot be resolved.
        """
        now = self._monotonic()
        known = self._known.get(host)
        if known is not None and known[0] > now:
            return known[1]
        addresses = await self._addresses(host)
        for address in addresses:
            reason = self._policy.refusal(address)
            if reason is not None:
                raise AddressRefused(
                    f'"{host}" may not be called: {address}: {reason}; if it is meant, add it to {SETTING}'
                )
        if len(self._known) >= MAX_CACHED:
            self._known.clear()
        self._known[host] = (now + self._ttl, addresses)
        return addresses

    async def _addresses(self, host: str) -> list[Address]:
        try:
            literal = literal_address(host)
        except ValueError as exc:
            raise AddressRefused(f'"{host}" may not be called: {exc}') from exc
        if literal is not None:
            return [literal]
        if f".{host.rstrip('.').lower()}".endswith(".localhost"):
            return [LOCALHOST]  # whatever a name server says (RFC 6761, 6.3)
        try:
            found = list(await self._lookup(host))
        except (OSError, UnicodeError) as exc:
            raise RemoteUnavailable(f'the host name "{host}" cannot be resolved') from exc
        if not found:
            raise RemoteUnavailable(f'the host name "{host}" has no address')
        return found
