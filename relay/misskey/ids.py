"""
The ids of Misskey's objects: each begins with its time, in one of six formats.

A server uses one format, which each of its ids shows; within it, ids ascend as texts.
https://github.com/misskey-dev/misskey/tree/develop/packages/backend/src/misc/id
"""

import re
from dataclasses import dataclass

_BASE_36 = "0123456789abcdefghijklmnopqrstuvwxyz"
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_HEX = "0123456789abcdef"
_SINCE_2000 = 946_684_800_000  # milliseconds


@dataclass(frozen=True, slots=True)
class _Format:
    """The form of an id: a prefix, the digits of its time, and whatever makes it unique."""

    pattern: re.Pattern[str]
    digits: str
    unit: int = 1
    """How many milliseconds the time counts in."""
    zero: int = 0
    """The number that stands for 1970."""
    prefix: str = ""

    def moment(self, time: str) -> int:
        number = 0
        for character in time:
            number = number * len(self.digits) + self.digits.index(character)
        return (number - self.zero) * self.unit

    def first_at(self, moment: int, *, like: re.Match[str]) -> str:
        number, written = max(0, moment // self.unit + self.zero), ""
        for _ in like["time"]:
            number, digit = divmod(number, len(self.digits))
            written = self.digits[digit] + written
        return (self.prefix + written).ljust(len(like[0]), "0")


_FORMATS = {
    "aid": _Format(re.compile(r"(?P<time>[0-9a-z]{8})[0-9a-z]{2}"), _BASE_36, zero=-_SINCE_2000),
    "aidx": _Format(re.compile(r"(?P<time>[0-9a-z]{8})[0-9a-z]{8}"), _BASE_36, zero=-_SINCE_2000),
    "objectid": _Format(re.compile(r"(?P<time>[0-7][0-9a-f]{7})[0-9a-f]{16}"), _HEX, unit=1000),
    "meid": _Format(re.compile(r"(?P<time>[89a-f][0-9a-f]{11})[0-9a-f]{12}"), _HEX, zero=2**47),
    "meidg": _Format(re.compile(r"g(?P<time>[0-9a-f]{11})[0-9a-f]{12}"), _HEX, prefix="g"),
    "ulid": _Format(re.compile(r"(?P<time>[0-9A-HJKMNP-TV-Z]{10})[0-9A-Z]{16}"), _CROCKFORD),
}


def moment(text: str) -> int | None:
    """When the object with this id was created (Unix milliseconds); None if it is not an id."""
    form = _read(text)
    return None if form is None else form[0].moment(form[1]["time"])


def id_at(moment: int, *, like: str) -> str | None:
    """The lowest id of a time, in the format of the id ``like``; None if that is not an id."""
    form = _read(like)
    return None if form is None else form[0].first_at(moment, like=form[1])


def _read(text: str) -> tuple[_Format, re.Match[str]] | None:
    for form in _FORMATS.values():
        if (match := form.pattern.fullmatch(text)) is not None:
            return form, match
    return None
