"""
The words that relay itself writes, and dates, in the reader's language.

Catalogues are gettext's (``locale/<locale>/LC_MESSAGES/relay.po``), read with Babel. It comes with
the first of them or the first date, and so do time zones:
https://babel.pocoo.org/en/latest/messages.html
"""

import re
from collections.abc import Set
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

from relay.suggestion import did_you_mean

DOMAIN = "relay"
"""The catalogues of messages, in five languages."""
PAGES = "pages"
"""Those of the operator's pages."""
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
"""Of time zones that have no entry under such a name."""
SOURCE = "en"
"""The language of the message ids; it needs no catalogue."""


def catalogues() -> Path:
    """Inside the package where it was installed, beside it in a checkout."""
    inside = Path(__file__).parent / "locale"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "locale"


def tag(locale: str) -> str:
    """``zh-Hans``, as the configuration has it, is ``zh_Hans`` to gettext."""
    return locale.replace("-", "_")


@cache
def translations(locale: str, domain: str = DOMAIN) -> NullTranslations:
    """The catalogue of a locale, compiled in memory: no build step, nothing to be out of date."""
    if locale == SOURCE:
        return NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    path = catalogues() / tag(locale) / "LC_MESSAGES" / f"{domain}.po"
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=tag(locale)))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _zone(name: str) -> str:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        wanted = _meant_zone(name, available_timezones())
        raise ValueError(f"should be a time zone, like UTC or Asia/Tokyo{wanted}") from None
    return name


def _meant_zone(name: str, known: Set[str]) -> str:
    """The zone of an abbreviation, or of a city; of an offset there are many."""
    written = name.strip()
    if (meant := ABBREVIATIONS.get(written.upper())) is not None:
        return f": did you mean {meant}?"
    if re.fullmatch(r"(?i)(?:utc|gmt|etc/gmt|[a-z]{3,4})?\s*[+-]?\d{1,2}(?::?\d{2})?", written):
        return "; an offset knows no summer time: name a city of the zone"
    city = written.replace(" ", "_").lower()
    of_city = sorted(one for one in known if one.lower().rpartition("/")[2] == city)
    return f": did you mean {of_city[0]}?" if of_city else did_you_mean(written, known)


Zone = Annotated[str, AfterValidator(_zone)]


@dataclass(frozen=True, slots=True)
class Language:
    """A locale and a time zone."""

    locale: str = SOURCE
    timezone: str = "UTC"
    _words: NullTranslations = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", translations(self.locale))

    def gettext(self, message: str) -> str:
        return self._words.gettext(message)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self._words.ngettext(singular, plural, number)

    def moment(self, at: int) -> str:
        """A moment (Unix milliseconds) as people of this language write it, with the zone."""
        from zoneinfo import ZoneInfo

        from babel import Locale
        from babel.dates import format_date, format_time

        zone = ZoneInfo(self.timezone)
        try:
            when = datetime.fromtimestamp(at / 1000, zone)
        except (OverflowError, ValueError, OSError):
            return str(at)
        locale = Locale.parse(tag(self.locale))
        day = format_date(when, "medium", locale=locale)
        return f"{day} {format_time(when, 'short', tzinfo=zone, locale=locale)} {when.tzname()}"
