"""The text being parsed, and the look-ahead that keeps it from being searched twice."""

import re
from bisect import bisect_left


class Source:
    """A text, how deep constructs may nest in it, and where the next closer of a kind stands."""

    __slots__ = ("_last", "_places", "limit", "text")

    def __init__(self, text: str, limit: int) -> None:
        self.text = text
        self.limit = limit
        self._last: dict[str, int] = {}
        self._places: dict[str, list[int]] = {}

    def next(self, pattern: re.Pattern[str], pos: int) -> int:
        """
        Find where `pattern` matches next, at `pos` or later; the end of the text if nowhere.

        All places are looked up once: thousands of openers without a closer cost one search.
        """
        places = self._places.get(pattern.pattern)  # a pattern itself hashes slowly
        if places is None:
            places = [found.start() for found in pattern.finditer(self.text)]
            places.append(len(self.text))
            self._places[pattern.pattern] = places
        return places[bisect_left(places, pos)]

    def last(self, closer: str) -> int:
        """Find where `closer` stands for the last time; -1 if nowhere."""
        found = self._last.get(closer)
        if found is None:
            found = self._last[closer] = self.text.rfind(closer)
        return found
