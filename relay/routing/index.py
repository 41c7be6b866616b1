"""
The table of routes: finds the few of thousands that an event can concern.

A hosting service has a route for each of its users. Each route stands under what it asks for
exactly, and an event is looked up under what it has; every route that is found is asked as usual.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from relay.model import Event
from relay.routing.match import Glob, Match, Route, names, tags

Key = tuple[str, str]


class RouteIndex:
    """Routes in the order of the file."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)
        self._under: defaultdict[Key, list[int]] = defaultdict(list)
        self._always: list[int] = []
        for place, route in enumerate(self._routes):
            if keys := _asked(route.match):
                for key in keys:
                    self._under[key].append(place)
            else:
                self._always.append(place)

    def routes_for(self, event: Event) -> Sequence[Route]:
        """All routes that match, and some that may not."""
        found = set(self._always)
        for key in _had(event):
            found.update(self._under.get(key, ()))
        return [self._routes[place] for place in sorted(found)]


def _asked(match: Match) -> frozenset[Key]:
    """One of these keys has every event that can match; none: that cannot be told."""
    if match.author is not None:
        authors = [_author_key(glob) for glob in match.author]
        if None not in authors:
            return frozenset(filter(None, authors))
    for name, values in (
        ("tag", match.tag),
        ("hook", match.hook),
        ("server", match.server),
        ("event", match.event),
    ):
        if values is not None:
            return frozenset((name, value) for value in values)
    return frozenset()


def _author_key(glob: Glob) -> Key | None:
    if glob.pattern is None:
        return "author", glob.text
    user, at, host = glob.text.partition("@")
    if at and user == "*" and Glob.of(host).pattern is None:
        return "host", host
    if at and host == "*" and Glob.of(user).pattern is None:
        return "user", user
    return None


def _had(event: Event) -> Iterator[Key]:
    """All keys of an event."""
    for name in names(event):
        yield "author", name
        user, at, host = name.partition("@")
        if at:
            yield "user", user
            yield "host", host
    for tag in tags(event.note) if event.note is not None else ():
        yield "tag", tag
    yield "hook", event.hook
    yield "server", event.host.lower()
    yield "event", event.kind
