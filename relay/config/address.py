"""Addresses to listen on: ``host:port``, ``[::1]:port``, ``unix:/path``."""

import ipaddress
import re
from typing import Annotated

from pydantic import AfterValidator

UNIX = "unix:"
SOCKET_PATH = 107  # bytes, https://man7.org/linux/man-pages/man7/unix.7.html

EXAMPLES = "should be like 127.0.0.1:8095, [::1]:8095 or unix:/run/relay/relay.sock"

_TCP = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})", re.ASCII)


def listen(written: str) -> str:
    """Raises ValueError, which says what would be right."""
    if written.startswith(UNIX):
        return _socket(written)
    found = _TCP.fullmatch(written)
    if found is None:
        raise ValueError(_instead(written))
    if int(found["port"]) > 65535:
        raise ValueError("has no such port: they end with 65535")
    if found["host"].startswith("["):
        _check_ip(found["host"].strip("[]"))
    return written


def _socket(written: str) -> str:
    path = written.removeprefix(UNIX)
    if not path.startswith("/"):
        raise ValueError("should be an absolute path, like unix:/run/relay/relay.sock")
    if len(path.encode(errors="replace")) > SOCKET_PATH:
        raise ValueError(f"is too long: a socket's path has at most {SOCKET_PATH} bytes")
    return written


def _instead(written: str) -> str:
    """What was probably meant."""
    if written.isdecimal():
        return "lacks the host: 127.0.0.1:PORT for this machine only, 0.0.0.0:PORT for everybody"
    if "://" in written:
        return f"takes no https:// or http://: it {EXAMPLES}"
    if written.count(":") > 1 and not written.startswith("["):
        return "needs brackets around the IPv6 address, like [::1]:8095"
    if written.startswith((":", "*:")):
        return "lacks the host: 0.0.0.0:PORT takes connections from everywhere"
    return EXAMPLES


def _check_ip(host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("is no IPv6 address in the brackets, like [::1]:8095") from None


def is_local(address: str) -> bool:
    """Whether only this machine reaches it."""
    if address.startswith(UNIX):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


Listen = Annotated[str, AfterValidator(listen)]
