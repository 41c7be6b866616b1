"""
An index of routes: finds the few of thousands that an event can match.

A hosting service has a route for each of its users. A route is listed under the values of its
most selective key, and an event looks up its own; ``Route.matches`` decides about those found.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from relay.model import Event
from relay.routing.match import KEYS, Glob, Match, Route

Term = tuple[str, str]
"""A key and one of its values."""

_INDEXED = sorted(
    (name for name, key in KEYS.items() if key.selectivity),
    key=lambda name: KEYS[name].selectivity,
    reverse=True,
)
_READS = {name: KEYS[name].terms or KEYS[name].values for name in _INDEXED}


class RouteIndex:
    """Routes in the order of the file."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._by_term: defaultdict[Term, list[int]] = defaultdict(list)
        self._always: list[int] = []
        for number, route in enumerate(self._routes):
            if terms := _terms(route.match):
                for term in terms:
                    self._by_term[term].append(number)
            else:
                self._always.append(number)
        listed = {name for name, _ in self._by_term}
        self._reads = [(name, _READS[name]) for name in _INDEXED if name in listed]

    def routes_for(self, event: Event) -> Sequence[Route]:
        """All routes that match, and some that may not."""
        numbers = set(self._always)
        for name, read in self._reads:
            for value in read(event):
                numbers.update(self._by_term.get((name, value), ()))
        return [self._routes[number] for number in sorted(numbers)]


def _terms(match: Match) -> frozenset[Term]:
    """Every event that can match has one of these terms; empty: it may have any."""
    for name in _INDEXED:
        values = [
            value.term if isinstance(value, Glob) else value for value in getattr(match, name) or ()
        ]
        if values and None not in values:
            return frozenset((name, str(value)) for value in values)
    return frozenset()
