"""
The walk through the part of a server's list that is newer than a cursor. Pure: no I/O.

A walk is a generator: it yields what to ask and what to take, and is sent the answers. From the
cursor upwards, pages are resumable; but Misskey removes the entries of deleted notes and of muted
users from a page without refilling it, so a short page is not the end, and an empty one proves
nothing. Therefore the walk also looks from the other end of the list.
"""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from relay.misskey import fields, ids
from relay.outbox.records import Cursor

Item = Mapping[str, Any]
"""An object of a list, as the server sent it; it has an id."""
Page = Sequence[Item]

LIMIT = 100
"""The most that Misskey gives in one answer."""
MOST_PAGES = 20
"""The most answers of one walk; the next walk goes on from there."""
OVERLAP = 60_000
"""Milliseconds that are asked for again where ids and the order of the list use two clocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """Asks for a page: with ``since`` alone the oldest after that id, otherwise the newest."""

    limit: int = LIMIT
    since: str = ""
    until: str = ""
    skip: int = 0
    """The number of newer items that earlier pages had, for lists without ``until``."""
    state: str = ""
    """Of reports: whether they are ``resolved`` or ``unresolved``."""


@dataclass(frozen=True, slots=True)
class Take:
    """Items to be stored, the oldest first, together with the cursor behind them."""

    items: Sequence[Item]
    cursor: Cursor


Walk = Generator[Ask | Take, Page, None]
"""An ``Ask`` is answered by sending the page, a ``Take`` by sending an empty one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a list is walked."""

    is_exact: bool = True
    """Whether no entry is ever added behind an id that was seen."""
    has_since: bool = True
    """Whether the list can be read from an id upwards."""
    is_thorough: bool = False
    """Whether to look at a whole page from the other end, rather than at its first item."""
    known: Collection[str] = ()
    """Ids that were taken before."""
    now: int = 0
    """The server's time (Unix milliseconds)."""


def start(blank: Cursor, manner: Manner) -> Walk:
    """Yields the steps that put a first cursor behind all that is there: the past is not shown."""
    newest = max((yield Ask()), key=_id, default=None)
    if newest is None:
        cursor = replace(blank, since=manner.now)
    else:
        created_at = _created_at(newest)
        since = manner.now if created_at is None else created_at + (not manner.is_exact)
        cursor = replace(blank, position=_id(newest), since=since)
    yield Take((), cursor)


def rewound(cursor: Cursor, *, since: int) -> Cursor:
    """The cursor, set back so that everything since a time (Unix milliseconds) is read again."""
    position = ids.id_at(since, like=cursor.position) or ""
    return replace(cursor, position=min(position, cursor.position), since=min(since, cursor.since))


def recent(known: Collection[str], cursor: Cursor) -> frozenset[str]:
    """Of ids that were taken, those that the next walk can meet again."""
    back = _before(cursor.position)
    return frozenset(item_id for item_id in known if item_id > back)


def walk(cursor: Cursor, manner: Manner) -> Walk:
    """Yields the steps that take everything newer than ``cursor``, in the order it happened."""
    reader = _Reader(cursor, manner)
    if manner.has_since and cursor.position:
        yield from reader.upwards()
        if reader.is_done:
            return
    yield from reader.downwards()


def resolutions(cursor: Cursor, manner: Manner) -> Walk:
    """
    Yields the steps that take reports once they are resolved.

    They are resolved in any order, so the position has the ids of all that are not, the newest 100.
    """
    unresolved = sorted(map(_id, (yield Ask(state="unresolved"))))
    missing = set(cursor.position.split()).difference(unresolved)
    resolved = (yield Ask(state="resolved")) if missing else ()
    items = [item for item in resolved if _id(item) in missing]
    if missing or unresolved != cursor.position.split():
        yield Take(items, replace(cursor, position=" ".join(unresolved)))


class _Reader:
    def __init__(self, cursor: Cursor, manner: Manner) -> None:
        self._cursor, self._manner = cursor, manner
        self._known = set(manner.known)
        self._start = cursor.position if manner.is_exact else _before(cursor.position)
        self._pages = 0
        self.is_done = False

    def upwards(self) -> Walk:
        """Takes page by page from the cursor, until the other end shows nothing newer."""
        since = self._start
        while True:
            page = yield from self._ask(Ask(since=since))
            fresh = self._fresh(page)
            yield from self._take(fresh)
            highest = max([since, *map(_id, page)])
            has_more = len(page) >= LIMIT and highest > since
            since = max(highest, self._cursor.position) if fresh else highest
            if self._pages >= MOST_PAGES:
                self.is_done = True
                return
            if has_more:
                continue
            limit = LIMIT if self._manner.is_thorough else 1
            newest = yield from self._ask(Ask(limit=limit))
            self.is_done = not self._fresh(newest)
            if self.is_done or not fresh:
                return

    def downwards(self) -> Walk:
        """Takes everything down to the cursor at once, because a lower page can come last."""
        gathered: dict[str, Item] = {}
        until, seen = "", 0
        while self._pages < MOST_PAGES:
            page = yield from self._ask(Ask(until=until, skip=seen))
            seen += len(page)
            fresh = self._fresh(page)
            gathered |= {_id(item): item for item in fresh}
            lowest = min(map(_id, page), default="")
            if not page or len(fresh) < len(page) or (until and lowest >= until):
                break
            until = lowest
        yield from self._take(list(gathered.values()))

    def _ask(self, ask: Ask) -> Generator[Ask | Take, Page, Page]:
        self._pages += 1
        return (yield ask)

    def _take(self, items: Sequence[Item]) -> Walk:
        if not items:
            return
        ascending = sorted(items, key=_id)
        self._known |= set(map(_id, ascending))
        position = max(self._cursor.position, _id(ascending[-1]))
        self._cursor = replace(self._cursor, position=position)
        yield Take(ascending, self._cursor)

    def _fresh(self, page: Page) -> Sequence[Item]:
        return [item for item in page if self._is_fresh(item)]

    def _is_fresh(self, item: Item) -> bool:
        read = self._cursor.position if self._manner.is_exact else self._start
        created_at = _created_at(item)
        is_past = created_at is not None and created_at < self._cursor.since
        return _id(item) > read and not is_past and _id(item) not in self._known


def _before(position: str) -> str:
    """The id from which a list with two clocks is read again."""
    moment = ids.moment(position)
    back = None if moment is None else ids.id_at(moment - OVERLAP, like=position)
    return back or position


def _id(item: Item) -> str:
    return str(item["id"])


def _created_at(item: Item) -> int | None:
    created_at = fields.moment(item, "createdAt")
    return ids.moment(_id(item)) if created_at is None else created_at
