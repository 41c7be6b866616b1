"""Writes times for pages: relative, by the clock, and as headings of days; exact on hover."""

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_skeleton
from markupsafe import Markup

from relay.i18n import PAGES, tag, translations

UNITS = "s min h d"
"""The message of the catalogues with the words for seconds, minutes, hours and days."""
SIZES = (60, 60, 24)


@dataclass(frozen=True)
class Times:
    """
    Times in a zone and a language, at ``now``. Times are Unix milliseconds.

    The script of the page keeps them as they are now, by ``data-at``.
    """

    zone: str
    locale: str
    now: int

    @cached_property
    def units(self) -> str:
        return translations(self.locale, PAGES).gettext(UNITS)

    @property
    def zone_name(self) -> str:
        """The zone as people write it, like JST."""
        return f"{self._date(self.now):%Z}"

    def ago(self, moment: int) -> Markup:
        """How far a time is from now: ``4 min``."""
        return self._element("ago", moment, self.length(abs(self.now - moment) / 1000))

    def clock(self, moment: int) -> Markup:
        """A time of the day, with the day unless it is today."""
        pattern = "%H:%M" if self.day(moment) == self.day(self.now) else "%m-%d %H:%M"
        return self._element("clock", moment, self._written(moment, pattern))

    def exact(self, moment: int) -> Markup:
        """A time of the day to the second."""
        return self._element("exact", moment, self._written(moment, "%H:%M:%S"))

    def full(self, moment: int) -> str:
        """The date, the time and the zone."""
        return self._written(moment, "%Y-%m-%d %H:%M:%S %Z")

    def length(self, seconds: float) -> str:
        """A length of time in its largest unit."""
        number = max(0, round(seconds, 1)) if seconds < 1 else int(seconds)
        units = self.units.split()
        for size in SIZES:
            if number < size:
                break
            number, units = number // size, units[1:]
        return f"{number:g} {units[0]}"

    def day(self, moment: int) -> date | None:
        """The day of a time in the zone; None beyond all calendars."""
        try:
            return self._date(moment).date()
        except (OverflowError, ValueError, OSError):
            return None

    def heading(self, moment: int) -> str:
        """The day of a time in words."""
        day = self.day(moment)
        if day is None:
            return str(moment)
        return str(format_skeleton("MMMMEEEEd", day, locale=Locale.parse(tag(self.locale))))

    def days_ago(self, moment: int) -> int | None:
        """How many days ago a time was, by the calendar."""
        day, today = self.day(moment), self.day(self.now)
        return None if day is None or today is None else (today - day).days

    def _date(self, moment: int) -> datetime:
        return datetime.fromtimestamp(moment / 1000, ZoneInfo(self.zone))

    def _written(self, moment: int, pattern: str) -> str:
        try:
            return f"{self._date(moment):{pattern}}"
        except (OverflowError, ValueError, OSError):
            return str(moment)

    def _element(self, kind: str, moment: int, text: str) -> Markup:
        element = Markup('<time class="{}" data-at="{}" title="{}">{}</time>')
        return element.format(kind, moment, self.full(moment), text)
