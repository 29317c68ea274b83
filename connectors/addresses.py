"""Which addresses Patchbay may call. A pure decision, so that every spelling of a forbidden address can be tested.

Whoever writes a workflow chooses the address that our server calls from inside its own network. Without this check
that person reads the cloud's metadata service, the broker's management page and everything else that trusts its
neighbours.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

SETTING = "PATCHBAY_ALLOW_PRIVATE"
"""The setting that messages name; ``AddressPolicy.allowed`` comes from it."""

# Instance metadata and platform agents: they hand out credentials to whoever asks from the machine. Some lie in
# public ranges. AWS, Azure, GCP, OpenStack, DigitalOcean; Azure's agent; Alibaba; Oracle; AWS over IPv6; GCP over IPv6.
METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "168.63.129.16",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd20:ce::254",
    )
)

# Beyond what the standard library calls not global: carrier NAT (RFC 6598), benchmarks (RFC 2544), old 6to4 relays
# (RFC 7526), "this network" and reserved ranges; for IPv6 everything outside 2000::/3, and tunnels that hide IPv4.
_REFUSED = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "100.64.0.0/10",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "198.18.0.0/15",
        "224.0.0.0/3",
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_NAT64 = ip_network("64:ff9b::/96")
_GLOBAL_IPV6 = ip_network("2000::/3")
_QUAD = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_NUMERIC_END = re.compile(r"[0-9]+|0x[0-9a-f]*", re.IGNORECASE)
_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252}[a-z0-9_.])?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class AddressPolicy:
    """Public addresses, and whatever the operator has allowed besides."""

    allowed: tuple[Network, ...] = ()

    def refusal(self, address: Address) -> str | None:
        """Return why ``address`` must not be called, ``None`` if it may be.

        A metadata address is allowed only by naming exactly it: a network around it was hardly meant to include it.
        """
        plain = _unwrapped(address)
        if plain in METADATA:
            return None if self._allows(plain, exactly=True) else "it is a cloud metadata address"
        if self._allows(address) or self._allows(plain):
            return None
        if plain.is_loopback:
            return "it is a loopback address"
        if plain.is_link_local:
            return "it is a link-local address"
        if plain.is_multicast:
            return "it is a multicast address"
        if not plain.is_global or any(plain in network for network in _REFUSED):
            return "it is a private or reserved address"
        if plain.version == 6 and plain not in _GLOBAL_IPV6:
            return "it is outside the public IPv6 range"
        return None

    def _allows(self, address: Address, *, exactly: bool = False) -> bool:
        return any(
            address in network and (not exactly or network.num_addresses == 1)
            for network in self.allowed
            if network.version == address.version
        )


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Read networks such as ``10.0.0.0/8`` or ``::1``.

    Raises:
        ValueError: One of them is none; the message names it.
    """
    return tuple(ip_network(text.strip()) for text in texts if text.strip())


def literal_address(host: str) -> Address | None:
    """Return the address that ``host`` spells, ``None`` if it is a name.

    Raises:
        ValueError: It is neither: an address in a form that programs read differently (decimal, octal, hexadecimal,
            shortened), one with a zone, or no host name at all.
    """
    bare = host.removeprefix("[").removesuffix("]")
    if ":" in bare:
        if "%" in bare:
            raise ValueError("an address with a zone names a link of this machine; leave out the zone")
        return IPv6Address(bare)
    last = bare.rstrip(".").rpartition(".")[2]
    if _QUAD.fullmatch(bare):
        return IPv4Address(bare)
    if _NUMERIC_END.fullmatch(last):
        raise ValueError("it is an address in an unusual form; write four decimal numbers or a name")
    if not _NAME.fullmatch(bare) or ".." in bare:
        raise ValueError("it is not a host name")
    return None


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, as far as packets would really reach it."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or (int(address) >> 32 == 0 and int(address) > 1):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
