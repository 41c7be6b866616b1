"""The base of all settings models, and the types that several of them use."""

import re
from collections.abc import Set
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
)
from pydantic_core import CoreSchema, core_schema

from relay.suggestion import did_you_mean

ABBREVIATIONS = {
    "JST": "Asia/Tokyo",
    "KST": "Asia/Seoul",
    "HKT": "Asia/Hong_Kong",
    "SGT": "Asia/Singapore",
    "PHT": "Asia/Manila",
    "ICT": "Asia/Bangkok",
    "WIB": "Asia/Jakarta",
    "IST": "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem",
    "MSK": "Europe/Moscow",
    "TRT": "Europe/Istanbul",
    "CEST": "Europe/Berlin",
    "EEST": "Europe/Athens",
    "BST": "Europe/London",
    "WEST": "Europe/Lisbon",
    "CST": "America/Chicago or Asia/Shanghai",
    "CDT": "America/Chicago",
    "EDT": "America/New_York",
    "MDT": "America/Denver",
    "PST": "America/Los_Angeles",
    "PDT": "America/Los_Angeles",
    "PT": "America/Los_Angeles",
    "ET": "America/New_York",
    "CT": "America/Chicago",
    "MT": "America/Denver",
    "AKST": "America/Anchorage",
    "AKDT": "America/Anchorage",
    "AST": "America/Halifax",
    "ADT": "America/Halifax",
    "NST": "America/St_Johns",
    "BRT": "America/Sao_Paulo",
    "ART": "America/Argentina/Buenos_Aires",
    "AEST": "Australia/Sydney",
    "AEDT": "Australia/Sydney",
    "ACST": "Australia/Adelaide",
    "ACDT": "Australia/Adelaide",
    "AWST": "Australia/Perth",
    "NZST": "Pacific/Auckland",
    "NZDT": "Pacific/Auckland",
    "SAST": "Africa/Johannesburg",
    "WAT": "Africa/Lagos",
    "EAT": "Africa/Nairobi",
    "CAT": "Africa/Maputo",
}
"""Abbreviations that the time zone database does not have, and the zones that they mean."""


class Settings(BaseModel):
    """A part of the configuration: frozen, and strict about its keys."""

    # Deferred: otherwise each part would be built twice, by itself and in the whole.
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, defer_build=True
    )


class OneOrMany:
    """Lets a single value stand in place of a list."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_before_validator_function(_listed, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        many = handler(schema)
        return {"anyOf": [many["items"], many]}


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple | set | frozenset | None) else [value]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        hint = _meant_zone(name, available_timezones())
        raise ValueError(f"should be a time zone, like UTC or Asia/Tokyo{hint}") from None
    return name


def _meant_zone(name: str, known: Set[str]) -> str:
    """A hint: the zone of an abbreviation or a city; an offset has many."""
    written = name.strip()
    if (meant := ABBREVIATIONS.get(written.upper())) is not None:
        return f": did you mean {meant}?"
    if re.fullmatch(r"(?i)(?:utc|gmt|etc/gmt|[a-z]{3,4})?\s*[+-]?\d{1,2}(?::?\d{2})?", written):
        return "; an offset has no summer time: name a city of the zone"
    city = written.replace(" ", "_").lower()
    of_city = sorted(zone for zone in known if zone.lower().rpartition("/")[2] == city)
    return f": did you mean {of_city[0]}?" if of_city else did_you_mean(written, known)


Zone = Annotated[str, AfterValidator(_zone)]
