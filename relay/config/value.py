"""Single values of the configuration, each with what would be right where it is wrong."""

import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, PlainValidator

from relay import misskey, password
from relay.duration import Size
from relay.secret import Secret
from relay.sinks.proxy import SHAPE, check_proxy


def _origin(server: str) -> str:
    if not (found := misskey.origin(server.rstrip("/"))):
        raise ValueError("should be an address like https://misskey.example")
    return found


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
        raise ValueError("is empty: anybody could come in")
    return secret


def _password(secret: Secret) -> Secret:
    password.check(secret.reveal())
    return secret


def _outbox(written: str) -> str:
    """A password in it would be shown: drivers take it from the environment, too."""
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
        raise ValueError("a password has no place here: set PGPASSWORD or PGPASSFILE instead")
    return written


def _proxy(written: object) -> str | Secret:
    """An address that can hold a password is a secret."""
    if not isinstance(written, str):
        raise ValueError(SHAPE)
    if written in {"env", "none"}:
        return written
    check_proxy(written)
    return Secret(written)


def _some(size: int) -> int:
    if size <= 0:
        raise ValueError("should be more than nothing: real webhooks reach 190 kB")
    return size


Host = Annotated[str, AfterValidator(_host)]
Name = Annotated[str, AfterValidator(_name)]
Filled = Annotated[Secret, AfterValidator(_filled)]
Password = Annotated[Filled, AfterValidator(_password)]
Locale = Literal["en", "ja", "ko", "zh-Hans", "zh-Hant"]
Origin = Annotated[str, AfterValidator(_origin)]
OUTBOX = "sqlite:relay.db"
OutboxUrl = Annotated[str, AfterValidator(_outbox)]
Proxy = Annotated[str | Secret, PlainValidator(_proxy, json_schema_input_type=str)]
MaxBody = Annotated[Size, AfterValidator(_some)]
