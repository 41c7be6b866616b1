"""The conditions of a route, as the configuration has them."""

import re
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from relay.model import Visibility
from relay.routing.match import Glob, Match, Pattern
from relay.settings import Settings

_HOST = re.compile(r"[\w.-]+(:\d+)?|\[[0-9a-f:.]+\](:\d+)?")


class Several:
    """A single value may stand where a list does."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_several, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        several = handler(schema)
        return {"anyOf": [several["items"], several]}


def _several(found: object) -> object:
    return found if isinstance(found, list | tuple | frozenset | None) else [found]


def _glob(pattern: object) -> Glob:
    if not isinstance(pattern, str):
        raise ValueError("should be a name like bob, or a pattern like *@misskey.example")
    return Glob.of(pattern.lower().removeprefix("@"))


def _regex(pattern: object) -> Pattern:
    """RE2 takes linear time: no text makes it hang. https://github.com/google/re2/wiki/Syntax"""
    if not isinstance(pattern, str):
        raise ValueError("should be a regular expression")
    import re2  # 2 MB, for those whose routes look into texts

    options = re2.Options()
    options.log_errors = False
    try:
        compiled: Pattern = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(f"not a regular expression of RE2: {_reason(error)}") from None
    return compiled


def _reason(error: Exception) -> str:
    """RE2's word for it, without the part of the pattern that it quotes."""
    told = error.args[0]
    return (told.decode(errors="replace") if isinstance(told, bytes) else str(told)).split(":")[0]


def _tag(tag: str) -> str:
    return tag.lower().removeprefix("#")


def _host(server: str) -> str:
    host = server.lower().rpartition("://")[2].rstrip("/")
    if not _HOST.fullmatch(host):
        raise ValueError("should be the name of a server, like misskey.example")
    return host


_LIST = (Field(min_length=1), Several())

Names = Annotated[frozenset[str], *_LIST]
Visibilities = Annotated[frozenset[Visibility], *_LIST]
Features = Annotated[frozenset[Literal["files", "poll", "cw", "quote", "sensitive"]], *_LIST]
Globs = Annotated[
    tuple[Annotated[Glob, BeforeValidator(_glob, json_schema_input_type=str)], ...],
    *_LIST,
]
Regexes = Annotated[
    tuple[Annotated[Any, BeforeValidator(_regex, json_schema_input_type=str)], ...], *_LIST
]
Tags = Annotated[frozenset[Annotated[str, AfterValidator(_tag)]], *_LIST]
Hosts = Annotated[frozenset[Annotated[str, AfterValidator(_host)]], *_LIST]


class MatchSettings(Settings):
    """Conditions: all keys must hold; a list means any of."""

    hook: Names | None = None
    """The hook by which the event came."""
    event: Names | None = None
    """Kinds of events, like ``mention``."""
    visibility: Visibilities | None = None
    """Who may see the note in Misskey."""
    author: Globs | None = None
    """Patterns with ``*``: ``bob``, or ``*@misskey.example``."""
    text: Regexes | None = None
    """Regular expressions, looked for in a note's text and content warning."""
    tag: Tags | None = None
    """Hashtags of the note."""
    has: Features | None = None
    """What the note has."""
    bot: bool | None = None
    """Whether the author is marked as a bot."""
    server: Hosts | None = None
    """The server that sent the event."""

    def compiled(self) -> Match:
        return Match(**{name: getattr(self, name) for name in MatchSettings.model_fields})
