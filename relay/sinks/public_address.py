"""
Requests to addresses that strangers name: they reach public addresses only.

An address is looked at when a socket is opened to it, behind DNS and its caches: a name that
means another address the second time (DNS rebinding) gains nothing.
"""

import errno
import ipaddress
import socket
from typing import Any

import aiohttp

from relay.text.hosts import host_name

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_6TO4 = ipaddress.IPv6Network("2002::/16")
_UNICAST = ipaddress.IPv6Network("2000::/3")
_REFUSED = tuple(
    map(
        ipaddress.ip_network,
        (
            "192.88.99.0/24",  # relays of 6to4
            "2001::/23",  # protocols, Teredo among them
            "2001:db8::/32",
            "3fff::/20",
        ),
    )
)
# Zones that mean something at home only: https://www.iana.org/assignments/special-use-domain-names
_HOME = (
    "localhost local internal intranet private corp home lan arpa test invalid example onion alt"
).split()


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet, and to no network of somebody's own."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped is not None:
            return is_public(str(ip.ipv4_mapped))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
        if ip in _6TO4 or ip not in _UNICAST:
            return False
    if any(ip.version == network.version and ip in network for network in _REFUSED):
        return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def is_public_name(host: str) -> bool:
    """The same of a host by its name alone, where another machine looks it up: a proxy."""
    if is_public(host.strip("[]")):
        return True
    name = host_name(host.removesuffix("."))
    return name is not None and "." in name and name.rpartition(".")[2] not in _HOME


def public_only() -> aiohttp.TCPConnector:
    """Opens connections to public addresses, and to no other."""
    return aiohttp.TCPConnector(socket_factory=_public_socket, force_close=True)


def _public_socket(info: Any) -> socket.socket:
    family, kind, protocol, _, place = info
    if not is_public(str(place[0])):
        raise OSError(errno.EACCES, "not a public address")
    return socket.socket(family, kind, protocol)
