"""
The proxy that outgoing requests take, as the configuration or the environment names it.

The library's own reading of the environment (``trust_env``) also takes passwords from ~/.netrc and
sends them to whatever host is named there, so it stays off.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from relay.errors import ConfigError
from relay.secret import Secret
from relay.sinks.addresses import is_loopback

SCHEMES = ("http", "https")
SHAPE = "should be env, none or an address like http://proxy.example:3128"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proxies:
    """By the scheme of an address its proxy, and who is asked without one."""

    http: Secret | None = None
    https: Secret | None = None
    exempt: tuple[str, ...] = field(default=())
    """The entries of ``NO_PROXY``."""

    def of(self, url: URL) -> URL | None:
        """
        The proxy for an address; None: none.

        A proxy elsewhere would take loopback for its own, and what goes there unencrypted must not
        leave this machine. So it is asked directly, unless the proxy is on this machine, too.
        """
        setting = self.https if url.scheme == "https" else self.http
        host = (url.host or "").lower().removesuffix(".")
        if setting is None or any(_is_meant(entry, host, url.port) for entry in self.exempt):
            return None
        proxy = URL(setting.reveal())
        return None if is_loopback(host) and not is_loopback(proxy.host or "") else proxy

    @property
    def places(self) -> tuple[str, ...]:
        """Host and port of each proxy, without what is secret in its address."""
        addresses = [URL(proxy.reveal()) for proxy in (self.https, self.http) if proxy is not None]
        return tuple(dict.fromkeys(f"{address.host}:{address.port}" for address in addresses))


DIRECT = Proxies()


def proxies(setting: str | Secret, environ: Mapping[str, str]) -> Proxies:
    """
    The proxies that ``proxy`` in the configuration stands for: ``env``, ``none`` or an address.

    Raises ConfigError, which names a variable and never shows its value.
    """
    if setting == "none":
        return DIRECT
    exempt = tuple(_variable(environ, "no_proxy").replace(",", " ").lower().split())
    if isinstance(setting, Secret):
        return Proxies(http=setting, https=setting, exempt=exempt)
    return Proxies(
        http=_from_environ(environ, "http_proxy"),
        https=_from_environ(environ, "https_proxy"),
        exempt=exempt,
    )


def check_proxy(address: str) -> None:
    """Raises ValueError if it is not the address of a proxy that relay can use."""
    try:
        url = URL(address)
        is_whole = bool(url.host) and url.port is not None
    except ValueError:
        raise ValueError(SHAPE) from None
    if url.scheme.startswith("socks"):
        raise ValueError("is a SOCKS proxy, which relay does not speak: name an HTTP proxy")
    if url.scheme not in SCHEMES or not is_whole:
        raise ValueError(SHAPE)
    if url.path.strip("/") or url.query_string or url.fragment:
        raise ValueError(f"has something behind its host and port: it {SHAPE}")


def _from_environ(environ: Mapping[str, str], name: str) -> Secret | None:
    for variable in (name, "all_proxy"):
        if written := _variable(environ, variable):
            address = written if "://" in written else f"http://{written}"
            try:
                check_proxy(address)
            except ValueError as error:
                problem = f"the environment variable {variable.upper()} {error}"
                raise ConfigError(
                    f"{problem}; proxy: none in the configuration ignores it"
                ) from None
            return Secret(address)
    return None


def _variable(environ: Mapping[str, str], name: str) -> str:
    """In small letters it wins, as in curl and Python, also where it is empty."""
    return environ.get(name, environ.get(name.upper(), "")).strip()


def _is_meant(entry: str, host: str, port: int | None) -> bool:
    """``*``, ``example.org`` with all below it, ``10.0.0.0/8``, an address; also with a port."""
    if entry == "*":
        return True
    if "/" in entry:
        return _is_inside(host, entry)
    name, colon, number = entry.rpartition(":")
    if colon and number.isdecimal() and (":" not in name or name.endswith("]")):
        if port != int(number):
            return False
        entry = name
    entry = entry.strip("[]").removeprefix("*").strip(".")
    return bool(entry) and (host == entry or host.endswith(f".{entry}") or _is_inside(host, entry))


def _is_inside(host: str, network: str) -> bool:
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
