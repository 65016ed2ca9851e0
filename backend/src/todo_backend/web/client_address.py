"""Who a client is by its address, behind proxies too."""

from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from starlette.types import Scope

Network = IPv4Network | IPv6Network
ClientAddress = Callable[[Scope], str | None]
"""Says the address that a request comes from; None where it has none."""

UNIX: Final = "unix"
"""Stands among trusted proxies for whoever connects by a Unix socket, which has no address."""

_FORWARDED_FOR: Final = b"x-forwarded-for"
# Proxies add to what a client has sent, and that may be anything.
_HOPS_MAX: Final = 32
_MAPPED_PREFIX: Final = 96
# What one subscriber is given at least (RFC 6177): whoever has one has 2^64 addresses.
_SUBSCRIBER_PREFIX: Final = 64
# IPv4 on its way through an IPv6 network (RFC 6052): the last 32 bits are its address.
_TRANSLATED: Final = IPv6Network("64:ff9b::/96")
_REMEMBERED: Final = 1024
# The longest one is `[…]:65535` around an IPv6 address with an IPv4 one in its end.
_ENTRY_MAX: Final = 64


def trusted_network(text: str) -> Network:
    """Read an address or a network, such as `10.0.0.0/8`. Raises: ValueError."""
    network = ip_network(text)
    if network.prefixlen == 0:
        raise ValueError("everybody")
    if isinstance(network, IPv6Network) and network.prefixlen >= _MAPPED_PREFIX:
        mapped = network.network_address.ipv4_mapped
        if mapped is not None:
            return IPv4Network((mapped, network.prefixlen - _MAPPED_PREFIX))
    return network


def client_address_behind(proxies: Collection[Network | str]) -> ClientAddress:
    """Make what says a client's address where `proxies` (networks, and `UNIX`) are ours.

    It is the peer's, unless the peer is one of them. Then it is what the last of them has seen: the
    right-most address of X-Forwarded-For that is none of theirs. No other header counts.
    """
    networks = tuple(proxy for proxy in proxies if not isinstance(proxy, str))
    trusts_sockets = UNIX in proxies

    @lru_cache(_REMEMBERED)
    def is_ours(address: str) -> bool:
        try:
            found = ip_address(address)
        except ValueError:  # an ASGI server may call its peers as it likes
            return False
        return any(found in network for network in networks)

    def client_address(scope: Scope) -> str | None:
        peer = _peer(scope)
        if peer is None:
            if not trusts_sockets:
                return None
        elif not networks or not is_ours(peer):
            return peer
        found = peer
        for hop in _hops(scope):
            found = hop
            if not is_ours(hop):
                break
        return found

    return client_address


@lru_cache(_REMEMBERED)
def subscriber(address: str | None) -> str:
    """Return what is the same for all addresses that one client has at hand: its /64 in IPv6.

    Behind a translator it is the IPv4 address. Clients without an address are one.
    """
    if address is None:
        return "-"
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    if found in _TRANSLATED:
        return str(IPv4Address(found.packed[-4:]))
    return str(IPv6Network((int(found), _SUBSCRIBER_PREFIX), strict=False))


def _peer(scope: Scope) -> str | None:
    client = scope.get("client")
    if not client or not client[0]:
        return None
    address: str = client[0]
    return _plain(address) or address


def _hops(scope: Scope) -> Iterator[str]:
    """Give the addresses of X-Forwarded-For from the right, up to one that is none."""
    values = [value for name, value in scope["headers"] if name == _FORWARDED_FOR]
    entries = b",".join(values).decode("latin-1").rsplit(",", _HOPS_MAX)[-_HOPS_MAX:]
    for entry in reversed(entries):
        text = entry.strip(" \t")
        if not text:  # an empty element of a list is none (RFC 9110, 5.6.1)
            continue
        address = _plain(_without_port(text)) if len(text) <= _ENTRY_MAX else None
        if address is None:
            return
        yield address


def _without_port(entry: str) -> str:
    if entry.startswith("["):
        address, bracket, rest = entry[1:].partition("]")
        return address if bracket and _is_port(rest) and ":" in address else ""
    address, colon, port = entry.partition(":")
    return address if colon and "." in address and _is_port(colon + port) else entry


def _is_port(text: str) -> bool:
    return text == "" or (text[0] == ":" and text[1:].isascii() and text[1:].isdigit())


@lru_cache(_REMEMBERED)
def _plain(text: str) -> str | None:
    """Spell an address in the one way; IPv4 in the guise of IPv6 is IPv4. None if it is none."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address):
        # The zone says over which of our interfaces it came.
        found = found.ipv4_mapped or IPv6Address(int(found))
    return str(found)
