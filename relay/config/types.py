"""Single values of the configuration; an error says what would be right."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, PlainValidator

from relay import misskey, password
from relay.misskey.notifications import FROM_WEBHOOKS
from relay.secret import Secret
from relay.sinks.proxy import SHAPE, check_proxy
from relay.units import Duration, Size, written

# https://github.com/misskey-dev/misskey/blob/develop/packages/backend/src/misc/token.ts
NATIVE_TOKEN = 16  # characters; apps' tokens have 32
MIN_POLL_INTERVAL = 10.0  # seconds; Misskey allows 30 requests in 30 seconds, browsers included


def _origin(server: str) -> str:
    if not (origin := misskey.origin(server.rstrip("/"))):
        raise ValueError("should be an address like https://misskey.example")
    return origin


def _name(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise ValueError("should have letters, digits and - _ . only, at most 64")
    return name


def _host(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9.-]{1,253}", name):
        raise ValueError("should be a name like relay.example, without https:// and port")
    return name


def _filled(secret: Secret) -> Secret:
    if not secret.reveal().strip():
        raise ValueError("is empty: anybody could send events")
    return secret


def _app_token(token: Secret) -> Secret:
    text = token.reveal()
    if not text.strip().isascii() or not text.strip().isprintable():
        raise ValueError("has characters that an HTTP header cannot hold")
    if len(text.strip()) == NATIVE_TOKEN:
        raise ValueError(
            "is the token of the account itself, which may do everything: make one for an app, "
            "in Misskey under Settings > Service integration > API"
        )
    return Secret(text.strip())


def _poll_interval(seconds: float) -> float:
    if 0 < seconds < MIN_POLL_INTERVAL:
        raise ValueError(f"should be at least {written(MIN_POLL_INTERVAL)}: the user's own limit")
    return seconds


def _notification(name: str) -> str:
    if name in FROM_WEBHOOKS:
        raise ValueError(f"{name} comes in any case: name those that no webhook brings")
    return name


def _password(secret: Secret) -> Secret:
    password.check(secret.reveal())
    return secret


def _outbox(written: str) -> str:
    """An address of an outbox, without a password: that would be shown in logs and pages."""
    kind, _, place = written.partition(":")
    if kind == "sqlite" and place:
        return written
    if kind not in {"postgresql", "postgres"} or not place.startswith("//"):
        raise ValueError("should be sqlite:FILE or postgresql://user@host/database")
    try:
        parts = urlsplit(written)
        # One with a / in it seems to end before.
        behind = parts.path + parts.query + parts.fragment
        has_password = parts.password is not None or "password=" in behind or "@" in behind
    except ValueError:
        raise ValueError("is not a URL like postgresql://user@host/database") from None
    if has_password:
        raise ValueError("must not have a password in it: set PGPASSWORD or PGPASSFILE instead")
    return written


def _proxy(written: object) -> str | Secret:
    """A proxy; its address is a secret, as it can have a password in it."""
    if not isinstance(written, str):
        raise ValueError(SHAPE)
    if written in {"env", "none"}:
        return written
    check_proxy(written)
    return Secret(written)


def _some(size: int) -> int:
    if size <= 0:
        raise ValueError("must be greater than 0: real webhooks reach 190 kB")
    return size


Host = Annotated[str, AfterValidator(_host)]
Name = Annotated[str, AfterValidator(_name)]
Filled = Annotated[Secret, AfterValidator(_filled)]
AppToken = Annotated[Filled, AfterValidator(_app_token)]
PollInterval = Annotated[Duration, AfterValidator(_poll_interval)]
Notification = Annotated[
    Annotated[str, Field(min_length=1, max_length=100)], AfterValidator(_notification)
]
Password = Annotated[Filled, AfterValidator(_password)]
Locale = Literal["en", "ja", "ko", "zh-Hans", "zh-Hant"]
Origin = Annotated[str, AfterValidator(_origin)]
OUTBOX = "sqlite:relay.db"
OutboxUrl = Annotated[str, AfterValidator(_outbox)]
Proxy = Annotated[str | Secret, PlainValidator(_proxy, json_schema_input_type=str)]
MaxBody = Annotated[Size, AfterValidator(_some)]


UNIX = "unix:"
SOCKET_PATH = 107  # bytes, https://man7.org/linux/man-pages/man7/unix.7.html

EXAMPLES = "should be like 127.0.0.1:8095, [::1]:8095 or unix:/run/relay/relay.sock"

_TCP = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(?P<port>\d{1,5})", re.ASCII)


def listen(written: str) -> str:
    """Check an address to listen on. Raises ValueError, which says what would be right."""
    if written.startswith(UNIX):
        return _socket(written)
    match = _TCP.fullmatch(written)
    if match is None:
        raise ValueError(_instead(written))
    if int(match["port"]) > 65535:
        raise ValueError("has no such port: the highest is 65535")
    if match["host"].startswith("["):
        _check_ip(match["host"].strip("[]"))
    return written


def _socket(written: str) -> str:
    path = written.removeprefix(UNIX)
    if not path.startswith("/"):
        raise ValueError("should be an absolute path, like unix:/run/relay/relay.sock")
    if len(path.encode(errors="replace")) > SOCKET_PATH:
        raise ValueError(f"is too long: a socket's path has at most {SOCKET_PATH} bytes")
    return written


def _instead(written: str) -> str:
    """The error of an address that is not host:port."""
    if written.isdecimal():
        return "lacks the host: 127.0.0.1:PORT for this machine only, 0.0.0.0:PORT for everybody"
    if "://" in written:
        return f"must not begin with https:// or http://: it {EXAMPLES}"
    if written.count(":") > 1 and not written.startswith("["):
        return "needs brackets around the IPv6 address, like [::1]:8095"
    if written.startswith((":", "*:")):
        return "lacks the host: 0.0.0.0:PORT takes connections from everywhere"
    return EXAMPLES


def _check_ip(host: str) -> None:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        raise ValueError("has no IPv6 address in the brackets, like [::1]:8095") from None


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
