"""A secret that never prints, logs or serialises itself, and its removal from texts."""

import hmac
import re
from collections.abc import Iterable
from typing import Any, NoReturn
from urllib.parse import unquote

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

PIECE = 10  # characters; a shorter piece of an address is not a key


class Secret:
    """A text that only ``reveal()`` returns; also an address with a token in it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (secret._text.encode(errors="surrogatepass") for secret in (self, other))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not serialised")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(min_length=1),
            serialization=core_schema.to_string_ser_schema(),
        )


def redact(secret: Secret, text: str) -> str:
    """
    Replace the pieces of a secret in a text.

    Servers and proxies put the address into their pages of errors.
    """
    for piece in _pieces(secret.reveal()):
        text = text.replace(piece, repr(secret))
    return text


def _pieces(secret: str) -> Iterable[str]:
    """The whole first, then the parts of an address of which any may be the key."""
    place = re.sub(r"^[a-z]+://[^/]*", "", secret)
    parts = [secret, place, *place.split("?"), *re.split(r"[/?&=]", place)]
    both = {piece for part in parts for piece in (part, unquote(part))}
    return sorted((piece for piece in both if len(piece) >= PIECE), key=len, reverse=True)
