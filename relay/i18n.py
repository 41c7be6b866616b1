"""
Relay's own words and dates in the reader's language.

Catalogues are gettext's (``locale/<locale>/LC_MESSAGES/relay.po``), read with Babel:
https://babel.pocoo.org/en/latest/messages.html
"""

from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from zoneinfo import ZoneInfo

from relay.resources import resource

DOMAIN = "relay"
"""The catalogues of messages, in five languages."""
PAGES = "pages"
"""The catalogues of the operator's pages."""
SOURCE = "en"
"""The language of the message ids; it needs no catalogue."""


def tag(locale: str) -> str:
    """``zh-Hans``, as the configuration has it, is ``zh_Hans`` to gettext."""
    return locale.replace("-", "_")


@cache
def translations(locale: str, domain: str = DOMAIN) -> NullTranslations:
    """The catalogue of a locale, compiled in memory: no build step, nothing to be out of date."""
    if locale == SOURCE:
        return NullTranslations()
    from babel.messages.mofile import write_mo  # late: see tests/unit/test_late_imports.py
    from babel.messages.pofile import read_po

    path = resource("locale") / tag(locale) / "LC_MESSAGES" / f"{domain}.po"
    compiled = BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=tag(locale)))
    compiled.seek(0)
    return GNUTranslations(compiled)


@dataclass(frozen=True, slots=True)
class Language:
    """A locale and a time zone."""

    locale: str = SOURCE
    timezone: str = "UTC"
    _words: NullTranslations = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_words", translations(self.locale))

    def gettext(self, message: str) -> str:
        return self._words.gettext(message) if message else ""  # else the catalogue's header

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        return self._words.ngettext(singular, plural, number)

    def moment(self, at: int) -> str:
        """A moment (Unix milliseconds) as people of this language write it, with the zone."""
        zone = ZoneInfo(self.timezone)
        try:
            when = datetime.fromtimestamp(at / 1000, zone)
        except (OverflowError, ValueError, OSError):
            return str(at)
        minute = when.replace(second=0, microsecond=0, tzinfo=None)
        return f"{_minute(minute, self.locale)} {when.tzname()}"


@lru_cache(64)
def _minute(when: datetime, locale: str) -> str:
    """A date and a time of day: messages of one minute have the same."""
    from babel import Locale  # late: see tests/unit/test_late_imports.py
    from babel.dates import format_date, format_time

    words = Locale.parse(tag(locale))
    day = format_date(when, "medium", locale=words)
    return f"{day} {format_time(when, 'short', locale=words)}"
